"""What the panels share: one video, its session and its layers, and what is done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from napari.components import ViewerModel
from psygnal import Signal

from napari_tavis.errors import TavisError
from napari_tavis.media import Clip
from napari_tavis.session import AnnotationSession
from napari_tavis.session.changes import SessionChange
from napari_tavis.session.objects import SessionObject
from napari_tavis.widgets import work
from napari_tavis.widgets.autosave import Autosave, save_now
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.navigation import FrameNavigation
from napari_tavis.widgets.object_layers import ObjectLayers
from napari_tavis.widgets.opening import VideoOpener
from napari_tavis.widgets.reader import clip_of

Result = TypeVar("Result")


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
    layers : ObjectLayers
        The objects' layers.
    navigation : FrameNavigation
        The frame shown.
    correction, queue, player : object or None
        What the commands of the correction, queue and soundtrack panels work with; each panel
        puts its own here.
    """

    changed = Signal()
    opened = Signal(object, object)
    edited = Signal(int)
    chosen_changed = Signal(object)
    said = Signal(str)
    closing = Signal(bool)

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self.clip: Clip | None = None
        self.session: AnnotationSession | None = None
        self.blocked = False
        self.options = work.SegmentOptions()
        self.loaded_model = work.LoadedModel()
        self.jobs = JobRunner()
        self.layers = ObjectLayers(viewer.layers)
        self.navigation = FrameNavigation(viewer)
        self.correction: Any = None
        self.queue: Any = None
        self.player: Any = None
        self._chosen: int | None = None
        self._closed = False
        self._autosave = Autosave(self.collect_edits)
        self._opener = VideoOpener(self)
        self.layers.painted.connect(self._autosave.request)
        self.layers.hidden.connect(self._on_hidden)
        self.layers.selected.connect(self._on_layer_selected)
        self.jobs.busy_changed.connect(self._on_busy_changed)
        viewer.layers.events.inserted.connect(self._on_inserted)

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

    def put_away(self) -> None:
        """Save the session and take its layers out of the viewer."""
        save_now(self.collect_edits())
        self.session, self.clip, self.blocked = None, None, False
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
        layer = self.layers.show(self.session, object_id)
        layer.visible = True
        self._set_chosen(object_id)
        self.viewer.layers.selection.active = layer

    def item(self, object_id: int) -> SessionObject:
        """Give an object of the session."""
        assert self.session is not None
        return self.session.object(object_id)

    def _set_chosen(self, object_id: int | None) -> None:
        if object_id != self._chosen:
            self._chosen = object_id
            self.chosen_changed.emit(object_id)

    def _choose_something(self) -> None:
        """Keep the chosen object where it still is; else choose the best one."""
        assert self.session is not None
        items = {item.object_id: item for item in self.session.objects}
        if self._chosen in items:
            return
        layer = self.viewer.layers.selection.active
        self._set_chosen(self.layers.object_of(layer))

    # -- changing the session --------------------------------------------------------------

    def collect_edits(self) -> AnnotationSession | None:
        """Hand what was painted to the session, and give the session."""
        for object_id in self.layers.flush():
            self.edited.emit(object_id)
        return self.session

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
        seen: list[SessionChange] = []
        session.changed.connect(seen.append)
        try:
            return action(session)
        except TavisError as error:
            report_error(error)
            return None
        finally:
            session.changed.disconnect(seen.append)
            ids = {change.object_id for change in seen}
            self.refresh(None if None in ids else [one for one in ids if one is not None])

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
        self.layers.refresh(session, ids)
        self._choose_something()
        self._autosave.request()
        for object_id in ids or ():
            self.edited.emit(object_id)
        if ids is None:
            self.changed.emit()

    def undo(self) -> None:
        """Take the last step back, and show the frame it was made in."""
        self._travel(AnnotationSession.undo)

    def redo(self) -> None:
        """Make the step again that was taken back last, and show its frame."""
        self._travel(AnnotationSession.redo)

    def _travel(self, move: Callable[[AnnotationSession], Any]) -> None:
        step = self.do(move)
        if step is None:
            return
        if step.frame_index is not None:
            self.navigation.go_to(step.frame_index)

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
        self.closing.emit(window_stays)
        for signal in (self.changed, self.opened, self.edited, self.chosen_changed, self.said):
            signal.disconnect()  # who listens may be gone already
        self.jobs.close()
        self._autosave.close()
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.layers.close()
        self.navigation.close()
        if window_stays:
            self.viewer.text_overlay.visible = False

    def _on_inserted(self, event: Any) -> None:
        clip = clip_of(event.value)
        if clip is not None and clip is not self.clip:
            self.open_video(clip.path, clip)

    def _on_layer_selected(self, object_id: int) -> None:
        self._set_chosen(object_id)

    def _on_hidden(self, object_id: int) -> None:
        self._autosave.request()
        self.said.emit("The layer is gone, its masks are not: click the object to show it again.")
        self.changed.emit()

    def _on_busy_changed(self, busy: bool) -> None:
        self.changed.emit()
