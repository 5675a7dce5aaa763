"""Opens a video for annotation: its clip, its Image layer, and its session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Layer
from napari.utils.notifications import show_warning

from napari_tavis.media import Clip
from napari_tavis.tasks import Cancelled
from napari_tavis.widgets import work
from napari_tavis.widgets.jobs import report_error
from napari_tavis.widgets.reader import clip_layer_data, clip_of

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController


class VideoOpener:
    """Opens videos for a controller, off the GUI thread.

    Parameters
    ----------
    controller : AnnotationController
        Who shows them.
    """

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller

    def open(self, path: Path, clip: Clip | None = None, directory: Path | None = None) -> None:
        """Open a video, and the session with it where there is one.

        Parameters
        ----------
        path : Path
            The video file.
        clip : Clip, optional
            The clip, if a layer shows it already.
        directory : Path, optional
            Where its session is; found by the video by default.
        """
        controller = self._controller
        if controller.jobs.busy:
            show_warning(
                f"{path.name} is not open for annotation yet: "
                "wait for the running work or cancel it, then choose the file under Video."
            )
            return
        path = path.absolute()
        if path == controller.video:
            controller.release_session()  # or we would find it open already, by ourselves
        shown = clip or next((one for one in self._shown() if Path(one.path) == path), None)
        controller.jobs.start(
            lambda progress, cancel: work.open_video(path, shown, directory, progress, cancel),
            self._on_opened,
            self._on_failed,
        )

    def adopt_shown(self) -> None:
        """Open the video that the viewer shows already, if it shows one."""
        shown = self._shown()
        if shown:
            self.open(Path(shown[-1].path), shown[-1])

    def _shown(self) -> list[Clip]:
        """Give the clips that the viewer's layers show, the topmost last."""
        layers = self._controller.viewer.layers
        return [clip for layer in layers if (clip := clip_of(layer)) is not None]

    def _on_opened(self, opened: work.OpenedVideo) -> None:
        # The old layers go in the same event in which the new ones come: vispy may crash when it
        # draws a canvas between the two.
        controller = self._controller
        controller.put_away()
        self._hide_others(opened.clip)
        for warning in opened.warnings:
            show_warning(warning)
        controller.clip, controller.blocked = opened.clip, opened.blocked
        if opened.clip not in self._shown():
            for warning in opened.clip.warnings:
                show_warning(warning)
            controller.viewer.layers.append(Layer.create(*clip_layer_data(opened.clip)))
        controller.navigation.set_video(opened.clip.times)
        if opened.session is not None:
            controller.take_session(opened.session)
        controller.said.emit(_welcome(opened))
        controller.opened.emit(opened.clip, opened.session)
        controller.changed.emit()

    def _hide_others(self, clip: Clip) -> None:
        """Hide the videos that were open before; their layers stay."""
        for layer in self._controller.viewer.layers:
            if clip_of(layer) not in (None, clip):
                layer.visible = False

    def _on_failed(self, error: BaseException) -> None:
        if self._controller.session is None:
            self._controller.put_away()
        said = "Cancelled." if isinstance(error, Cancelled) else "Not opened; see the error."
        self._controller.said.emit(said)
        report_error(error)
        self._controller.changed.emit()


def _welcome(opened: work.OpenedVideo) -> str:
    if opened.blocked:
        return "The annotation saved with this video cannot be read."
    if opened.session is None:
        return "Ready. Press Segment to find what sounds."
    return "Resumed: the annotation saved with this video is back."
