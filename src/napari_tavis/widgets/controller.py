"""What the panels share: one video, its session and its layers, and what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from napari.components import ViewerModel
from psygnal import EmitLoopError, Signal

from napari_tavis.errors import TavisError
from napari_tavis.media import Clip
from napari_tavis.session import AnnotationSession
from napari_tavis.session.history import ChangeKind, HistoryStep, SessionChange
from napari_tavis.session.objects import SessionObject
from napari_tavis.widgets import work
from napari_tavis.widgets.activity import Activity
from napari_tavis.widgets.autosave import Autosave, save_now
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.navigation import FrameNavigation
from napari_tavis.widgets.object_layers import ObjectLayers
from napari_tavis.widgets.opening import VideoOpener
from napari_tavis.widgets.reader import clip_of

Result = TypeVar("Result")

_UNSEEN: set[ChangeKind] = {"saved", "marked"}
"""Changes that no layer and no list shows."""
_OF_THE_LIST: set[ChangeKind] = {"added", "removed", "state", "renamed", "replaced"}
"""Changes of which objects there are, and what they are."""


class AnnotationController:
    """Keeps one video, its session and its layers together, for all panels.

    Every panel changes the session through `do`, and looks at `chosen` for the object that is
    worked on. Nothing here computes a mask.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that shows it.

    Attributes
    ----------
    changed : Signal
        Emitted when the video, the session, or what can be done has changed.
    opened : Signal
        Emitted with the clip and its session (or None) when a video was opened.
    edited : Signal
        Emitted with an object's number when its masks, status or class have changed.
    chosen_changed : Signal
        Emitted with the number of the object that is worked on now, or None.
    said : Signal
        Emitted with a sentence about what was done.
    asked : Signal
        Emitted with a command's id when a key asks for what the dock first has to ask the user.
    closing : Signal
        Emitted once, before anything is let go; the bool says whether the window stays.
    viewer : ViewerModel
        The viewer.
    clip : Clip or None
        The open video.
    session : AnnotationSession or None
        What is annotated in it.
    blocked : bool
        Whether a session lies beside the video that cannot be read, so that none can be made.
    options : SegmentOptions
        Model, device, frames per second and vocabulary, as the form says them now.
    loaded_model : LoadedModel
        Keeps the model in memory.
    jobs : JobRunner
        Runs the long work, one at a time; reports progress.
    runners : list of JobRunner
        All runners whose work closing would stop; a panel with one of its own adds it here.
    layers : ObjectLayers
        The objects' layers.
    navigation : FrameNavigation
        The frame shown.
    correction, queue, player, exporter : object or None
        What the commands of the correction, queue, soundtrack and export panels work with; each
        panel puts its own here.
    """

    changed = Signal()
    opened = Signal(object, object)
    edited = Signal(int)
    chosen_changed = Signal(object)
    said = Signal(str)
    asked = Signal(str)
    closing = Signal(bool)

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self.clip: Clip | None = None
        self.session: AnnotationSession | None = None
        self.blocked = False
        self.options = work.SegmentOptions()
        self.loaded_model = work.LoadedModel()
        self.jobs = JobRunner()
        self.runners = [self.jobs]
        self.layers = ObjectLayers(viewer.layers)
        self.navigation = FrameNavigation(viewer)
        self.correction: Any = None
        self.queue: Any = None
        self.player: Any = None
        self.exporter: Any = None
        self._chosen: int | None = None
        self._guest: int | None = None  # chosen to be looked at, though it takes no part
        self._closed = False
        self._activity = Activity()
        self._autosave = Autosave(self._collect_finished)
        self._opener = VideoOpener(self)
        self._connect()

    def _connect(self) -> None:
        layers = self.layers
        layers.painted.connect(self._autosave.request)
        layers.stroke_ended.connect(self._on_stroke)
        layers.undo_asked.connect(self.undo)
        layers.redo_asked.connect(self.redo)
        layers.hidden.connect(self._on_hidden)
        layers.selected.connect(self._set_chosen)
        self.jobs.busy_changed.connect(self._on_busy_changed)
        self.navigation.moved.connect(self._activity.touch)
        self.chosen_changed.connect(self._activity.touch)
        self.viewer.layers.events.inserted.connect(self._on_inserted)

    # -- the video -------------------------------------------------------------------------

    @property
    def video(self) -> Path | None:
        """The open video's file."""
        return None if self.clip is None else Path(self.clip.path)

    def open_video(
        self, path: str | Path, clip: Clip | None = None, directory: Path | None = None
    ) -> None:
        """Open a video, and its session where there is one, in the background.

        Parameters
        ----------
        path : path-like
            The video file.
        clip : Clip, optional
            The clip, if a layer shows it already.
        directory : Path, optional
            Where its session is; found by the video by default.
        """
        self._opener.open(Path(path), clip, directory)

    def adopt_shown_video(self) -> None:
        """Open the video that the viewer shows already, if it shows one."""
        self._opener.adopt_shown()

    def take_session(self, session: AnnotationSession) -> None:
        """Show a session of the open video, and work on it from now on."""
        self.session = session
        self.layers.clear()
        self.layers.show_all(session)
        self.navigation.set_sampled(session.frame_indices)
        self._choose_something()

    def release_session(self) -> None:
        """Save the session and let go of it; its layers stay until `put_away`, to look at only."""
        session = self.collect_edits()
        if session is not None:
            save_now(session)
            self.layers.freeze()
            session.close()
        self.session = None

    def put_away(self) -> None:
        """Save the session and take its layers out of the viewer."""
        self.release_session()
        self.clip, self.blocked = None, False
        self._activity.forget()
        self.layers.clear()
        self.navigation.set_video([])
        self._set_chosen(None)
        self.changed.emit()

    # -- the object worked on --------------------------------------------------------------

    @property
    def chosen(self) -> int | None:
        """Number of the object that is worked on, or None."""
        return self._chosen

    def choose(self, object_id: int | None) -> None:
        """Work on an object: its layer becomes the active one, and is shown if it was hidden."""
        if object_id is None or self.session is None:
            self._set_chosen(None)
            return
        self._guest = None if self.item(object_id).takes_part else object_id
        layer = self.layers.show(self.session, object_id)
        layer.visible = True
        self._set_chosen(object_id)
        self.viewer.layers.selection.active = layer
        self.layers.refresh(self.session, (), also=self._guest)

    def item(self, object_id: int) -> SessionObject:
        """Give an object of the session."""
        assert self.session is not None
        return self.session.object(object_id)

    def _set_chosen(self, object_id: int | None) -> None:
        if object_id != self._chosen:
            self._chosen = object_id
            self.chosen_changed.emit(object_id)

    def _choose_something(self) -> None:
        """Keep the chosen object where it has a layer; else choose the active layer's."""
        if self._chosen is None or self.layers.layer(self._chosen) is None:
            self._set_chosen(self.layers.object_of(self.viewer.layers.selection.active))

    # -- changing the session --------------------------------------------------------------

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be changed now, in a sentence; None if it can."""
        if self.clip is None:
            return "Open a video first."
        if self.blocked:
            return "Move the unreadable session away first."
        if self.session is None:
            return "Segment the video first, or add an object."
        if self.session.read_only:
            return "This session is open for reading only: it is open somewhere else, too."
        return None

    def collect_edits(self) -> AnnotationSession | None:
        """Hand what was painted to the session, and give the session."""
        return self._collect_finished(finished_only=False)

    def _collect_finished(self, finished_only: bool = True) -> AnnotationSession | None:
        """Hand painted strokes, and the time they took, to the session."""
        session = self.session
        if session is None:
            return None
        try:
            for object_id in self.layers.flush(finished_only=finished_only):
                self.edited.emit(object_id)
        except TavisError as error:
            report_error(error)
        if (seconds := self._activity.take()) and not session.read_only:
            session.add_work(seconds)
        return session

    def do(self, action: Callable[[AnnotationSession], Result]) -> Result | None:
        """Change the session: the way for all panels.

        What was painted reaches the session first; what the action changed is drawn again and
        saved soon. An error that the user can act on is shown as a notification.

        Parameters
        ----------
        action : callable
            Called with the session, in this thread.

        Returns
        -------
        object or None
            What the action returned; None where there is no session, or the action failed.
        """
        session = self.collect_edits()
        if session is None:
            return None
        self._activity.touch()
        seen: list[SessionChange] = []
        take = seen.append
        session.changed.connect(take)
        try:
            return action(session)
        except TavisError as error:
            report_error(error)
            return None
        finally:
            session.changed.disconnect(take)
            self._refresh_after(seen)

    def _refresh_after(self, changes: list[SessionChange]) -> None:
        """Show what an action changed; what came, went or changed its kind changes the list."""
        told = [change for change in changes if change.kind not in _UNSEEN]
        ids = {change.object_id for change in told if change.object_id is not None}
        if any(change.kind in _OF_THE_LIST or change.object_id is None for change in told):
            self.refresh()
        elif ids:
            self.refresh(sorted(ids))
        elif changes:
            self._autosave.request()
            self.changed.emit()

    def refresh(self, object_ids: Iterable[int] | None = None) -> None:
        """Show what has changed in the session outside the layers, and save it soon.

        Parameters
        ----------
        object_ids : iterable of int, optional
            The changed objects; None for all of them.
        """
        session = self.session
        if session is None:
            return
        ids = None if object_ids is None else list(object_ids)
        self.layers.refresh(session, ids, also=self._guest)
        self._choose_something()
        self._autosave.request()
        for object_id in ids or ():
            self.edited.emit(object_id)
        if ids is None:
            self.changed.emit()

    def undo(self) -> None:
        """Take the last step back, and show the frame it was made in."""
        self._travel(AnnotationSession.undo, "Undone", "Nothing to undo.")

    def redo(self) -> None:
        """Make the step again that was taken back last, and show its frame."""
        self._travel(AnnotationSession.redo, "Done again", "Nothing to redo.")

    def _travel(
        self, move: Callable[[AnnotationSession], HistoryStep | None], done: str, nothing: str
    ) -> None:
        step = self.do(move)
        if step is None:
            self.said.emit(nothing)
            return
        self.said.emit(f"{done}: {step.label}.")
        if step.frame_index is not None:
            self.navigation.go_to(step.frame_index)
        there = {one for one in step.object_ids if self.layers.layer(one) is not None}
        if there and self._chosen not in there:
            self.choose(min(there))

    # -- the viewer ------------------------------------------------------------------------

    def close(self, window_stays: bool = True) -> None:
        """Cancel running work, save the session, and let go of the viewer.

        Parameters
        ----------
        window_stays : bool
            Whether the viewer's window is still there.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.closing.emit(window_stays)
        except EmitLoopError as error:  # a panel's trouble must not cost anybody's work
            report_error(error)
        for signal in (self.changed, self.opened, self.edited, self.chosen_changed, self.said):
            signal.disconnect()  # who listens may be gone already
        self.jobs.close()
        self.collect_edits()  # a stroke in progress, too
        self._autosave.close()
        if self.session is not None:
            self.session.close()
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.layers.close()
        self.navigation.close()
        if window_stays:
            self.viewer.canvas.overlays.text.visible = False

    def _on_inserted(self, event: Any) -> None:
        clip = clip_of(event.value)
        if clip is not None and clip is not self.clip:
            self.open_video(clip.path, clip)

    def _on_stroke(self, object_id: int) -> None:
        self._activity.touch()
        self._collect_finished()

    def work_in_progress(self) -> list[str]:
        """Say what closing would stop, such as ``segmenting``."""
        return [runner.doing for runner in self.runners if runner.busy]

    def _on_hidden(self, object_id: int) -> None:
        self._autosave.request()
        self.said.emit("The layer is gone, its masks are not: click the object to show it again.")
        self.changed.emit()

    def _on_busy_changed(self, busy: bool) -> None:
        self.changed.emit()
