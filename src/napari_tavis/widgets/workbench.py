"""All that the window works with, built before any panel of it."""

from __future__ import annotations

from pathlib import Path

from napari.components import ViewerModel

from napari_tavis.annotation import AnnotationSession
from napari_tavis.engine import Engine, LocalEngine
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.correction.corrector import Corrector
from napari_tavis.widgets.export.exporter import Exporter
from napari_tavis.widgets.listeners import Listeners
from napari_tavis.widgets.models.model_controller import ModelController
from napari_tavis.widgets.objects import Objects
from napari_tavis.widgets.opening import VideoOpener
from napari_tavis.widgets.project.queue_controller import QueueController
from napari_tavis.widgets.shown import Display
from napari_tavis.widgets.soundtrack.player import Player


class Workbench:
    """The tools of one viewer. Panels and commands get it whole, and show or use what is in it.

    Its parts know those above them here, and no panel.

    Attributes
    ----------
    changed : Listeners
        Told when anything has changed on which depends what can be done now, or what is shown.
    viewer : ViewerModel
        The viewer.
    engine : Engine
        Computes masks; by default a new one of this process.
    controller : AnnotationController
        Keeps the open video, its session, its layers and the choice of an object together.
    opener : VideoOpener
        Opens another video.
    objects : Objects
        Finds, accepts, rejects, names, adds objects.
    correction : Corrector
        Prompts, propagates and repairs.
    player : Player
        Plays the video.
    queue : QueueController
        The set of videos that is worked through.
    exporter : Exporter
        Writes the session as a dataset; checks and imports datasets.
    models : ModelController
        Installs, improves and removes models.
    display : Display
        What the window shows; panels follow the parts of it that they show.
    """

    def __init__(self, viewer: ViewerModel, engine: Engine | None = None) -> None:
        self.changed = Listeners()
        self.viewer = viewer
        self.engine: Engine = engine or LocalEngine()
        self.controller = AnnotationController(viewer, self.engine)
        self.opener = VideoOpener(self.controller)
        self.objects = Objects(self.controller)
        self.correction = Corrector(self.controller)
        self.player = Player(self.controller)
        self.queue = QueueController(self.controller, self.opener)
        self.exporter = Exporter(self.controller)
        self.models = ModelController(self.controller)
        self.display = Display(self.controller, self.opener, self.correction)
        controller = self.controller
        for told in (
            controller.changed,
            controller.edited,
            controller.chosen_changed,
            controller.saved,  # the session may be kept elsewhere from now on
        ):
            told.connect(self._on_changed)
        for signal in (
            controller.navigation.moved,
            controller.layers.visibility_changed,
            self.correction.prompts.changed,
            self.player.changed,
            self.queue.changed,
            self.exporter.changed,
        ):
            signal.connect(self._on_changed)

    @property
    def video(self) -> Path | None:
        """The open video's file."""
        return self.controller.video

    @property
    def session(self) -> AnnotationSession | None:
        """What is annotated in the open video."""
        return self.controller.session

    def close(self, window_stays: bool = True) -> None:
        """Cancel running work, save the session, and let go of the viewer."""
        self.changed.disconnect()  # who listens may be gone already
        self.display.close()
        self.controller.close(window_stays)

    def _on_changed(self, *what: object) -> None:
        self.display.refresh()
        self.changed.emit()
