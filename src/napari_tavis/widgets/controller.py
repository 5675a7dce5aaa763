"""One video, its session and its layers, kept together for all who work on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from napari.components import ViewerModel

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.history import ChangeKind, HistoryStep, SessionChange
from napari_tavis.annotation.objects import SessionObject
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled
from napari_tavis.engine import Engine, EngineOptions
from napari_tavis.media import Clip
from napari_tavis.widgets.autosave import Autosave
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.listeners import Listeners, attempt
from napari_tavis.widgets.navigation import FrameNavigation
from napari_tavis.widgets.object_layers import ObjectLayers
from napari_tavis.widgets.reader import clip_of, video_layers

Result = TypeVar("Result")

_UNSEEN: set[ChangeKind] = {"saved", "marked"}  # no layer and no list shows these
# Which objects there are, and what they are:
_OF_THE_LIST: set[ChangeKind] = {"added", "removed", "state", "renamed", "replaced"}
_BREAK = 30.0  # seconds without doing anything that count as a break


class AnnotationController:
    """Keeps one video, its session and its layers together.

    Whoever changes the session does it through `do`, and looks at `chosen` for the object that is
    worked on. Nothing here computes a mask, opens a video or knows a panel.

    Attributes
    ----------
    changed : Listeners
        Told when the video, the session, or what can be done has changed.
    opened : Listeners
        Told with the clip and its session (or None) when a video was opened.
    leaving : Listeners
        Told before the open video is let go of: who works on it ends that now.
    edited : Listeners
        Told with an object's number when its masks, status or class have changed.
    chosen_changed : Listeners
        Told with the number of the object that is worked on now, or None.
    said : Listeners
        Told with a sentence about what was done.
    saved : Listeners
        Told when the session is on disk, here or elsewhere.
    asked : Listeners
        Told with a command's id when the window must ask the user something before it is run.
    closing : Listeners
        Told once, before anything is let go of; the bool says whether the window stays.
    blocked : bool
        Whether a session that cannot be read lies beside the video, so that none can be made.
    options : EngineOptions
        Model, device, frames per second and vocabulary, as the form has them now.
    jobs : JobRunner
        Runs the long work, one job at a time.
    runners : list of JobRunner
        All runners whose work closing would stop; who has another one adds it here.
    """

    def __init__(self, viewer: ViewerModel, engine: Engine) -> None:
        self.changed, self.opened, self.leaving = Listeners(), Listeners(), Listeners()
        self.edited, self.chosen_changed = Listeners(), Listeners()
        self.said, self.asked, self.closing = Listeners(), Listeners(), Listeners()
        self.saved = Listeners()
        self.viewer = viewer
        self.clip: Clip | None = None
        self.session: AnnotationSession | None = None
        self.blocked = False
        self.options = EngineOptions()
        self.engine = engine
        self.jobs = JobRunner()
        self.runners = [self.jobs]
        self.layers = ObjectLayers(viewer.layers)
        self.navigation = FrameNavigation(viewer)
        self._chosen: int | None = None
        self._guest: int | None = None  # chosen to be looked at, though it takes no part
        self._closed = False
        self._activity = Activity()
        self._autosave = Autosave(self._collect_finished)
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
        self._autosave.problem_changed.connect(self.changed.emit)
        self._autosave.saved.connect(self.saved.emit)
        self.navigation.moved.connect(self._activity.touch)
        self.chosen_changed.connect(self._activity.touch)
        self.viewer.layers.events.removed.connect(self._on_removed)

    # -- the video -------------------------------------------------------------------------

    @property
    def video(self) -> Path | None:
        """The open video's file."""
        return None if self.clip is None else Path(self.clip.path)

    def take_session(self, session: AnnotationSession) -> None:
        """Show a session of the open video, and work on it from now on."""
        self.session = session
        self.layers.clear()
        self.layers.show_all(session)
        self.navigation.set_sampled(session.frame_indices)
        self._choose_something()

    def let_go(self) -> None:
        """Let go of the open video, to open another one.

        Whatever goes wrong in one step, the next ones are taken: half an open video would be
        neither shown nor saved. Nobody is told that something `changed`; the caller does that.
        """
        attempt(self.leaving.emit)
        attempt(self.collect_edits)  # a stroke in progress, too
        session = self.session
        if session is not None:
            attempt(lambda: self._autosave.save_now(session))
            attempt(session.close)
        clip, self.clip = self.clip, None
        self.session, self.blocked, self._guest = None, False, None
        if clip is not None:
            attempt(lambda: self._close_unless_shown(clip))
        attempt(self._autosave.forget)
        self._activity.forget()
        attempt(self.layers.clear)
        attempt(lambda: self.navigation.set_video([]))
        attempt(lambda: self._set_chosen(None))

    # -- saving ----------------------------------------------------------------------------

    @property
    def notice(self) -> str | None:
        """What the user must know of the session for as long as it is so, in a sentence."""
        session = self.session
        if session is None:
            return None
        if session.read_only:
            return self.obstacle
        if self._autosave.problem is not None:
            return f"Nothing is saved now. {self._autosave.problem}"
        return session.elsewhere

    @property
    def saves(self) -> bool:
        """Whether what is done reaches the disk, as far as is known."""
        return self._autosave.problem is None

    def save_now(self) -> str | None:
        """Save all that is not on disk yet; give why that cannot be done, or None."""
        session = self.collect_edits()
        if session is None or session.read_only or self._autosave.save_now(session):
            return None
        return self._autosave.problem

    def move_session(self, folder: Path) -> str | None:
        """Keep the session in another folder from now on; give why it cannot be, or None."""
        session = self.collect_edits()
        if session is None:
            return None
        try:
            session.move_to(folder)
        except TavisError as error:
            return str(error)
        self._autosave.save_now(session)
        self.changed.emit()
        return self._autosave.problem

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
        return self.session.obstacle

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
        """Change the session, and give what the action returned: the way for all panels.

        What was painted reaches the session first; what the action changed is drawn again and
        saved soon. An error that the user can act on is shown as a notification; then, and where
        there is no session, None is returned.
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
        """Show what an action changed: the list, or only some objects."""
        told = [change for change in changes if change.kind not in _UNSEEN]
        ids = {change.object_id for change in told if change.object_id is not None}
        if self.session is not None and any(change.diff.sampling for change in told):
            self.navigation.set_sampled(self.session.frame_indices)
        if any(_changes_list(change) for change in told):
            self.refresh()
        elif ids:
            self.refresh(sorted(ids))
        elif changes:
            self._autosave.request()
            self.changed.emit()

    def refresh(self, object_ids: Iterable[int] | None = None) -> None:
        """Show what has changed of objects (by default all) outside the layers; save it soon."""
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
        session = self.collect_edits()
        if session is None or session.undo_label is None:
            forgotten = 0 if session is None else session.forgotten_steps
            self.said.emit(_nothing_to_undo(forgotten))
            return
        self._travel(AnnotationSession.undo, "Undone")

    def redo(self) -> None:
        """Make the step again that was taken back last, and show its frame."""
        session = self.collect_edits()
        if session is None or session.redo_label is None:
            self.said.emit("Nothing to redo.")
            return
        self._travel(AnnotationSession.redo, "Done again")

    def _travel(self, move: Callable[[AnnotationSession], HistoryStep | None], done: str) -> None:
        step = self.do(move)
        if step is None:  # the error was shown
            return
        self.said.emit(f"{done}: {step.label}.")
        if step.frame_index is not None:
            self.navigation.go_to(step.frame_index)
        there = {one for one in step.object_ids if self.layers.layer(one) is not None}
        if there and self._chosen not in there:
            self.choose(min(there))

    # -- the viewer ------------------------------------------------------------------------

    def close(self, window_stays: bool = True) -> None:
        """Cancel running work, save the session, and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        attempt(lambda: self.closing.emit(window_stays))
        for signal in (
            self.changed,
            self.opened,
            self.leaving,
            self.edited,
            self.chosen_changed,
            self.said,
            self.saved,
            self.asked,
        ):
            signal.disconnect()  # who listens may be gone already
        attempt(self.jobs.close)
        attempt(self._autosave.close)
        attempt(self._save_for_the_last_time)
        attempt(lambda: self.viewer.layers.events.removed.disconnect(self._on_removed))
        attempt(self.layers.close)
        attempt(self.navigation.close)
        if window_stays:
            attempt(self._hide_time)
        else:  # nobody looks at the videos any more
            for _, clip in video_layers(self.viewer.layers):
                attempt(clip.close)

    def _save_for_the_last_time(self) -> None:
        session = self.collect_edits()  # a stroke in progress, too
        if session is not None:
            self._autosave.save_now(session)
            session.close()

    def _hide_time(self) -> None:
        self.viewer.canvas.overlays.text.visible = False

    def _on_removed(self, event: Any) -> None:
        clip = clip_of(event.value)
        if clip is not None and clip is not self.clip:
            self._close_unless_shown(clip)

    def _close_unless_shown(self, clip: Clip) -> None:
        """End the decoding of a video that is neither open nor shown any more."""
        if all(clip is not shown for _, shown in video_layers(self.viewer.layers)):
            clip.close()

    def _on_stroke(self, object_id: int) -> None:
        self._activity.touch()
        self._collect_finished()

    def cancel(self) -> None:
        """Ask the running work to stop."""
        self.jobs.cancel()
        self.said.emit("Cancelling after this step …")

    def tell_failure(
        self,
        error: BaseException,
        failed: str = "Not done; see the error.",
        cancelled: str = "Cancelled.",
    ) -> None:
        """Say that work ended without its result, and show the error unless it was cancelled."""
        self.said.emit(cancelled if isinstance(error, Cancelled) else failed)
        report_error(error)

    def work_in_progress(self) -> list[str]:
        """Name the work that closing would stop, such as ``segmenting``."""
        return [runner.doing for runner in self.runners if runner.busy]

    def _on_hidden(self, object_id: int) -> None:
        self._autosave.request()
        self.said.emit("The layer is gone, its masks are not: click the object to show it again.")
        self.changed.emit()

    def _on_busy_changed(self, busy: bool) -> None:
        self.changed.emit()


def _changes_list(change: SessionChange) -> bool:
    """Whether a change may concern the list of objects, and not only what one of them shows."""
    if change.object_id is None or change.kind in _OF_THE_LIST:
        return True
    return change.kind == "undone" and bool(change.diff.objects)


def _nothing_to_undo(forgotten: int) -> str:
    if not forgotten:
        return "Nothing to undo."
    steps = "step that was done before is" if forgotten == 1 else "steps that were done before are"
    return f"Nothing to undo: {forgotten} {steps} no longer kept."


class Activity:
    """Adds up the seconds of work: longer than `pause` without a `touch` is a break."""

    def __init__(self, pause: float = _BREAK, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._last: float | None = None
        self._seconds = 0.0

    def touch(self, *_: object) -> None:
        """Note that something is being done now."""
        now = self._clock()
        if self._last is not None and now - self._last <= self._pause:
            self._seconds += now - self._last
        self._last = now

    def take(self) -> float:
        """Give the seconds worked since they were taken last, whole ones only."""
        whole = float(int(self._seconds))
        self._seconds -= whole
        return whole

    def forget(self) -> None:
        """Begin anew, for another video."""
        self._last, self._seconds = None, 0.0
