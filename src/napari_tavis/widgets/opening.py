"""Opens a video for annotation, with its layer and its session, and leaves the one before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from napari_tavis.annotation import AnnotationSession, find_session, holds_session
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.media import Clip, open_clip
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.listeners import attempt
from napari_tavis.widgets.reader import clip_layer_data, clip_of, video_layers

_BUTTONS = QMessageBox.StandardButton


@dataclass(frozen=True)
class OpenedVideo:
    """A video, and what was annotated in it before."""

    clip: Clip
    session: AnnotationSession | None  # found beside the video
    warnings: tuple[str, ...] = ()  # a sentence each
    blocked: bool = False  # there is a session that cannot be read, to be moved away or mended

    def close(self, *, keep_clip: bool = False) -> None:
        """Let go of it, where nobody wants it any more."""
        if self.session is not None:
            self.session.close()
        if not keep_clip:
            self.clip.close()


def open_video(path: Path, clip: Clip | None, session_path: Path | None, task: Task) -> OpenedVideo:
    """Open a video (unless `clip` is that), and its session, if it has one; in a job's thread."""
    task.report(0, 0, f"opening {path.name}")
    shown, clip = clip, clip or open_clip(path, task=task)
    opened = _with_session(clip, path, session_path)
    if task.cancelled:  # nobody takes it
        opened.close(keep_clip=shown is not None)
        raise Cancelled
    return opened


def _with_session(clip: Clip, path: Path, session_path: Path | None) -> OpenedVideo:
    """Open the session of a clip, if there is one."""
    session_path = session_path or find_session(path)
    if session_path is None or not holds_session(session_path):
        return OpenedVideo(clip, None)
    try:
        session = AnnotationSession.open(session_path, video=path, may_move=True)
    except TavisError as error:
        return OpenedVideo(clip, None, (str(error),), blocked=True)
    return OpenedVideo(clip, session, tuple(session.warnings))


@dataclass(frozen=True, eq=False)
class _Wish:
    """What is to be opened."""

    path: Path
    clip: Clip | None  # if a layer shows it already
    session_path: Path | None  # None: looked for beside the video


class VideoOpener:
    """Opens videos for a controller, off the GUI thread; the last one asked for is opened.

    Nothing happens to the open video before the other one is there. Then the two change places
    within one event: the canvas is never drawn between them, which may crash vispy, and nobody
    hears of what is half done.
    """

    def __init__(self, controller: AnnotationController) -> None:
        self._controller = controller
        self._wish: _Wish | None = None
        self._begun: _Wish | None = None  # the wish whose job was started last
        self._asking = False
        self._said: set[str] = set()
        controller.navigation.moved.connect(self._say_what_was_noticed)
        controller.changed.connect(self._say_what_was_noticed)
        controller.jobs.busy_changed.connect(self._on_busy_changed)
        controller.viewer.layers.events.inserted.connect(self._on_inserted)
        controller.closing.connect(self._on_closing)

    @property
    def opening(self) -> Path | None:
        """The video that is being opened, or will be when what runs has ended."""
        return None if self._wish is None else self._wish.path

    def open(
        self, path: str | Path, clip: Clip | None = None, session_path: Path | None = None
    ) -> None:
        """Open a video, and the session with it where there is one.

        Work on the open video is cancelled for it; other work, such as an export, is waited for.
        `clip` is given if a layer shows the video already, `session_path` if the session is not
        to be looked for beside it.
        """
        path = Path(path).absolute()
        before = self._wish
        if before is not None and (before.path, before.session_path) == (path, session_path):
            return
        if before is not None:
            said = f"{before.path.name} was not opened, as another video was chosen."
            self._controller.said.emit(said)
        self._wish = _Wish(path, clip, session_path)
        if self._is_open(self._wish):
            self._wish = None
            self._show_again(path, clip)
            return
        self._begin()

    def adopt_shown(self) -> None:
        """Open the video that the viewer shows already, if it shows one."""
        shown = video_layers(self._controller.viewer.layers)
        if shown:
            clip = shown[-1][1]
            self.open(Path(clip.path), clip)

    def _on_inserted(self, event: Any) -> None:
        """Open the video of a layer that somebody else has put into the viewer."""
        clip = clip_of(event.value)
        if clip is not None and clip is not self._controller.clip:
            self.open(clip.path, clip)

    def _on_closing(self, window_stays: bool) -> None:
        self._controller.viewer.layers.events.inserted.disconnect(self._on_inserted)

    # -- when it may begin -----------------------------------------------------------------

    def _is_open(self, wish: _Wish) -> bool:
        """Whether all of it is here already, and can be worked on."""
        controller = self._controller
        session = controller.session
        if wish.path != controller.video or session is None or session.read_only:
            return False
        return wish.session_path in (None, session.path)

    def _show_again(self, path: Path, clip: Clip | None) -> None:
        """Show the open video, whose layer may have been hidden or deleted, and no other of it."""
        controller = self._controller
        assert controller.clip is not None
        self._show(controller.clip)
        if clip is not None and clip is not controller.clip:
            # Later: napari is adding it now.
            QTimer.singleShot(0, controller.jobs, lambda: self._remove(clip))
        controller.said.emit(f"{path.name} is open already.")
        controller.changed.emit()

    def _is_shown(self, clip: Clip) -> bool:
        return any(shown is clip for _, shown in video_layers(self._controller.viewer.layers))

    def _remove(self, clip: Clip) -> None:
        """Remove the layer of a clip that is not open for annotation."""
        layers = self._controller.viewer.layers
        for layer, shown in video_layers(layers):
            if shown is clip and clip is not self._controller.clip:
                layers.remove(layer)
                clip.close()

    def _on_busy_changed(self, busy: bool) -> None:
        if not busy and self._wish is not None:
            # What the job has found is shown first.
            QTimer.singleShot(0, self._controller.jobs, self._begin)

    def _begin(self) -> None:
        controller, wish = self._controller, self._wish
        jobs = controller.jobs
        # Busy with the wish itself: what was heard is the end of an earlier job, told late.
        if wish is None or wish is self._begun or jobs.closed or self._asking:
            return
        if jobs.outlasts:
            controller.said.emit(f"{wish.path.name} opens when this is done: {jobs.doing}.")
        elif jobs.busy:
            controller.said.emit(f"Ending the work on the open video: {jobs.doing} …")
            jobs.cancel()
        else:
            self._begun = wish
            path, session_path = wish.path, wish.session_path
            shown = wish.clip or self._shown_clip(path)
            jobs.start(
                lambda task: open_video(path, shown, session_path, task),
                lambda opened: self._on_opened(wish, opened),
                lambda error: self._on_failed(wish, error),
                self._drop,
            )

    def _shown_clip(self, path: Path) -> Clip | None:
        """Give the clip of a video that a layer shows."""
        shown = [clip for _, clip in video_layers(self._controller.viewer.layers)]
        return next((clip for clip in shown if Path(clip.path) == path), None)

    # -- when it is there ------------------------------------------------------------------

    def _on_opened(self, wish: _Wish, opened: OpenedVideo) -> None:
        agreed = wish is self._wish and self._may_leave()
        if wish is self._wish and not self._controller.jobs.closed:
            self._wish = None
            if agreed:
                self._change_places(opened)
                return
            self._controller.said.emit(f"{wish.path.name} was not opened.")
            self._controller.changed.emit()
        self._drop(opened)
        self._begin()  # what was chosen while the question was open

    def _change_places(self, opened: OpenedVideo) -> None:
        """Let go of the open video and take up another: the one order in which that happens."""
        controller = self._controller
        is_shown = self._is_shown(opened.clip)
        controller.let_go()
        if attempt(lambda: self._take_up(opened)):
            controller.said.emit(_welcome(opened))
            controller.opened.emit(opened.clip, opened.session)
        else:  # rather no video than half of one
            controller.let_go()
            if not is_shown:
                attempt(lambda: self._remove(opened.clip))
            self._drop(opened)
            controller.said.emit("Not opened; see the error.")
        controller.changed.emit()

    def _take_up(self, opened: OpenedVideo) -> None:
        controller = self._controller
        controller.clip, controller.blocked = opened.clip, opened.blocked
        self._show(opened.clip)
        self._said = {*opened.clip.warnings, *opened.warnings}
        controller.navigation.set_video(opened.clip.times)
        if opened.session is not None:
            controller.take_session(opened.session)
        for warning in opened.warnings:
            show_warning(warning)

    def _show(self, clip: Clip) -> None:
        """Show a video, in a new layer unless it has one; hide those that were open before."""
        layers = self._controller.viewer.layers
        layer = next((one for one, shown in video_layers(layers) if shown is clip), None)
        for other, _ in video_layers(layers):
            other.visible = other is layer
        if layer is None:
            for warning in clip.warnings:
                show_warning(warning)
            layers.append(Layer.create(*clip_layer_data(clip)))

    def _say_what_was_noticed(self, *_: object) -> None:
        """Report what was found out about the open video, and its session, while they were read."""
        clip, session = self._controller.clip, self._controller.session
        if clip is None or self._asking:
            return
        for warning in (*clip.warnings, *(session.warnings if session is not None else ())):
            if warning not in self._said:
                self._said.add(warning)
                show_warning(warning)

    def _may_leave(self) -> bool:
        """Whether nothing of the open video would be lost, or the user says it may be."""
        self._asking = True
        try:
            return may_leave(self._controller)
        finally:
            self._asking = False

    def _drop(self, opened: OpenedVideo) -> None:
        """Let go of what was opened for nothing; a clip that a layer shows stays."""
        opened.close(keep_clip=self._is_shown(opened.clip))

    def _on_failed(self, wish: _Wish, error: BaseException) -> None:
        if wish is not self._wish:
            return  # cancelled for another one, which begins now
        self._wish = None
        self._controller.tell_failure(error, "Not opened; see the error.")
        self._controller.changed.emit()


def _welcome(opened: OpenedVideo) -> str:
    if opened.blocked:
        return "The annotation saved with this video cannot be read."
    if opened.session is None:
        return "Ready. Press Segment to find what sounds."
    return "Resumed: the annotation saved with this video is back."


def may_leave(
    controller: AnnotationController, window: QWidget | None = None, *, may_stay: bool = True
) -> bool:
    """Save the open session; where that cannot be done, ask before anything is lost.

    True if the session may be left: it is saved, here or elsewhere, or the user gives it up. With
    `may_stay` the user can also answer that the video is not to be left.
    """
    why = controller.save_now()
    while why is not None and controller.video is not None:
        question = _question(controller.video.name, why, window, may_stay)
        answer = question.exec()
        question.deleteLater()
        if answer == _BUTTONS.Discard:
            return True
        if answer == _BUTTONS.Save:
            folder = QFileDialog.getExistingDirectory(window, "Save the annotation in")
            why = controller.move_session(Path(folder)) if folder else controller.save_now()
        elif may_stay:
            return False
    return True


def _question(name: str, why: str, window: QWidget | None, may_stay: bool) -> QMessageBox:
    window = window or QApplication.activeWindow()
    question = QMessageBox(
        QMessageBox.Icon.Warning,
        "Not saved",
        f"What you did in {name} since the last save is not on disk.",
        _BUTTONS.Save | _BUTTONS.Discard,
        window,
    )
    question.setInformativeText(why)
    question.button(_BUTTONS.Save).setText("Save elsewhere …")
    question.button(_BUTTONS.Discard).setText("Lose it")
    question.setDefaultButton(_BUTTONS.Save)
    if may_stay:
        question.addButton(_BUTTONS.Cancel)
        question.setDefaultButton(_BUTTONS.Cancel)
    return question
