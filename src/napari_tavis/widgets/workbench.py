"""All that the window works with, built before any panel of it."""

from __future__ import annotations

from napari.components import ViewerModel

from napari_tavis.engine import Engine
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.corrector import Corrector
from napari_tavis.widgets.listeners import Listeners
from napari_tavis.widgets.models.model_controller import ModelController
from napari_tavis.widgets.opening import VideoOpener
from napari_tavis.widgets.project.queue_controller import QueueController
from napari_tavis.widgets.soundtrack.player import Player


class Workbench:
    """The tools of one viewer. Panels and commands get it whole, and show or use what is in it.

    Its parts know those above them here, and no panel.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    engine : Engine, optional
        Computes masks; a new one of this process by default.

    Attributes
    ----------
    changed : Listeners
        Told when anything has changed on which depends what can be done now.
    viewer : ViewerModel
        The viewer.
    controller : AnnotationController
        The open video, its session, its layers, and the object that is worked on.
    opener : VideoOpener
        Opens another video.
    correction : Corrector
        Prompts, propagates and repairs.
    player : Player
        Plays the video.
    queue : QueueController
        The set of videos that is worked through.
    models : ModelController
        Installs, improves and removes models.
    """

    def __init__(self, viewer: ViewerModel, engine: Engine | None = None) -> None:
        self.changed = Listeners()
        self.viewer = viewer
        self.controller = AnnotationController(viewer, engine)
        self.opener = VideoOpener(self.controller)
        self.correction = Corrector(self.controller)
        self.player = Player(self.controller)
        self.queue = QueueController(self.controller, self.opener)
        self.models = ModelController(self.controller)
        controller = self.controller
        for told in (controller.changed, controller.edited, controller.chosen_changed):
            told.connect(self._on_changed)
        for signal in (
            controller.navigation.moved,
            self.correction.prompts.changed,
            self.player.changed,
            self.queue.changed,
        ):
            signal.connect(self._on_changed)

    def close(self, window_stays: bool = True) -> None:
        """Cancel running work, save the session, and let go of the viewer.

        Parameters
        ----------
        window_stays : bool
            Whether the viewer's window is still there.
        """
        self.changed.disconnect()  # who listens may be gone already
        self.controller.close(window_stays)

    def _on_changed(self, *what: object) -> None:
        self.changed.emit()
