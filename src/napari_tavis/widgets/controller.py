"""What the dock widget does, without the widget: one video, its session, and its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.notifications import show_warning
from psygnal import Signal

from napari_tavis.avsbench import Violation
from napari_tavis.errors import TavisError
from napari_tavis.inference.proposals import Proposals
from napari_tavis.media import Clip
from napari_tavis.session import AnnotationSession
from napari_tavis.session.objects import SessionObject
from napari_tavis.tasks import Cancelled
from napari_tavis.widgets import work
from napari_tavis.widgets.autosave import Autosave, save_now
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.navigation import FrameNavigation
from napari_tavis.widgets.object_layers import ObjectLayers
from napari_tavis.widgets.reader import clip_layer_data, clip_of


class AnnotationController:
    """Opens, segments, edits, saves and exports one video at a time.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that shows it.

    Attributes
    ----------
    changed : Signal
        Emitted when the video, the session, or what can be done has changed.
    edited : Signal
        Emitted with an object's number when its masks, status or class have changed.
    said : Signal
        Emitted with a sentence about what was done.
    clip : Clip or None
        The open video.
    session : AnnotationSession or None
        What is annotated in it.
    blocked : bool
        Whether a session lies beside the video that cannot be read, so that none can be made.
    jobs : JobRunner
        Runs the long work; reports progress.
    layers : ObjectLayers
        The objects' layers.
    navigation : FrameNavigation
        The frame shown.
    """

    changed = Signal()
    edited = Signal(int)
    said = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.clip: Clip | None = None
        self.session: AnnotationSession | None = None
        self.blocked = False
        self.jobs = JobRunner()
        self.layers = ObjectLayers(viewer.layers)
        self.navigation = FrameNavigation(viewer)
        self._autosave = Autosave(self.collect_edits)
        self._loaded_model = work.LoadedModel()
        self._closed = False
        self.layers.painted.connect(self._autosave.request)
        self.layers.hidden.connect(self._on_hidden)
        self.jobs.busy_changed.connect(self._on_busy_changed)
        viewer.layers.events.inserted.connect(self._on_inserted)

    @property
    def video(self) -> Path | None:
        """The open video's file."""
        return None if self.clip is None else Path(self.clip.path)

    @property
    def active_object(self) -> int | None:
        """Number of the object whose layer is the active one, or None."""
        return self.layers.object_of(self._viewer.layers.selection.active)

    # -- opening ---------------------------------------------------------------------------

    def open_video(
        self, path: str | Path, clip: Clip | None = None, directory: Path | None = None
    ) -> None:
        """Open a video, and the session beside it where there is one.

        Parameters
        ----------
        path : path-like
            The video file.
        clip : Clip, optional
            The clip, if a layer shows it already.
        directory : Path, optional
            Where its session is; beside the video by default.
        """
        if self.jobs.busy:
            show_warning(
                f"{Path(path).name} is not open for annotation yet: "
                "wait for the running work or cancel it, then choose the file under Video."
            )
            return
        self._put_away()
        path = Path(path).absolute()
        clip = clip or next((shown for shown in self._shown_clips() if shown.path == path), None)
        self.jobs.start(
            lambda progress, cancel: work.open_video(path, clip, directory, progress, cancel),
            self._on_opened,
            self._on_failed,
        )

    def adopt_shown_video(self) -> None:
        """Open the video that the viewer shows already, if it shows one."""
        shown = self._shown_clips()
        if shown:
            self.open_video(shown[-1].path, shown[-1])

    def _shown_clips(self) -> list[Clip]:
        """Give the clips that the viewer's layers show, the topmost last."""
        return [clip for layer in self._viewer.layers if (clip := clip_of(layer)) is not None]

    def _on_opened(self, opened: work.OpenedVideo) -> None:
        for warning in opened.warnings:
            show_warning(warning)
        self.clip, self.blocked = opened.clip, opened.blocked
        if opened.clip not in self._shown_clips():
            for warning in opened.clip.warnings:
                show_warning(warning)
            self._viewer.layers.append(Layer.create(*clip_layer_data(opened.clip)))
        self.navigation.set_video(opened.clip.times)
        if opened.blocked:
            self.said.emit("The annotation saved with this video cannot be read.")
        elif opened.session is None:
            self.said.emit("Ready. Press Segment to find what sounds.")
        else:
            self._take_session(opened.session)
            self.said.emit("Resumed: the annotation saved with this video is back.")
        self.changed.emit()

    def _take_session(self, session: AnnotationSession) -> None:
        self.session = session
        self.layers.clear()
        self.layers.show_all(session)
        self.navigation.set_sampled(session.frame_indices)

    def _put_away(self) -> None:
        """Save the session and take its layers out of the viewer."""
        save_now(self.collect_edits())
        self.session, self.clip, self.blocked = None, None, False
        self.layers.clear()
        self.navigation.set_video([])
        self.changed.emit()

    # -- segmenting ------------------------------------------------------------------------

    def segment(self, options: work.SegmentOptions) -> None:
        """Run the model on the open video; what a person edited or accepted stays."""
        video = self.video
        if video is None or self.jobs.busy:
            return
        self.jobs.start(
            lambda progress, cancel: work.segment_video(
                video, options, self._loaded_model, progress, cancel
            ),
            self._on_segmented,
            self._on_failed,
        )

    def _on_segmented(self, proposals: Proposals) -> None:
        for warning in proposals.warnings:
            show_warning(warning)
        self.collect_edits()
        assert self.video is not None
        try:
            if self.session is None:
                session = AnnotationSession.create(self.video, proposals)
            else:
                session = self.session
                session.replace_proposals(proposals)
        except TavisError as error:
            report_error(error)
            return
        self._take_session(session)
        self._autosave.request()
        found = sum(item.kind == "object" for item in session.objects)
        self.said.emit(f"{found} sounding object{'' if found == 1 else 's'} proposed.")
        first = self.navigation.sampled
        if first:
            self.navigation.go_to(first[0])
        self.changed.emit()

    def _on_failed(self, error: BaseException) -> None:
        """Say that the work stopped, and why."""
        self.said.emit("Cancelled." if isinstance(error, Cancelled) else "Not done; see the error.")
        report_error(error)
        self.changed.emit()

    def cancel(self) -> None:
        """Ask the running work to stop."""
        self.jobs.cancel()
        self.said.emit("Cancelling after this step …")

    # -- editing ---------------------------------------------------------------------------

    def collect_edits(self) -> AnnotationSession | None:
        """Hand what was painted to the session, and give the session."""
        for object_id in self.layers.flush():
            self.edited.emit(object_id)
        return self.session

    def accept_frame(self, object_id: int) -> None:
        """Mark an object's mask in the frame shown as right."""
        session = self.collect_edits()
        if session is not None:
            session.accept(object_id, self.navigation.frame)
            self._note_edit(object_id)

    def accept_object(self, object_id: int) -> None:
        """Mark all masks of an object as right."""
        session = self.collect_edits()
        if session is not None:
            session.accept(object_id)
            self._note_edit(object_id)

    def rename(self, object_id: int, class_name: str) -> None:
        """Give an object another class; its layer takes the class's name and colour."""
        session = self.collect_edits()
        if session is None:
            return
        try:
            session.rename(object_id, class_name)
        except TavisError as error:
            report_error(error)
        self.layers.update(self.item(object_id))
        self._note_edit(object_id)

    def add_object(self, class_name: str, fps: float) -> None:
        """Add an empty object to paint in, to a new session if there is none.

        Parameters
        ----------
        class_name : str
            Its class.
        fps : float
            Sampled frames per second of a new session.
        """
        if self.clip is None or self.blocked:
            return
        session = self.collect_edits()
        try:
            if session is None:
                session = work.empty_session(self.clip, fps)
                self._take_session(session)
            added = session.add_object(class_name)
        except TavisError as error:
            report_error(error)
            return
        self._autosave.request()
        self.changed.emit()
        self.select(added.object_id)
        self.said.emit(f"Paint the {added.class_name} in its layer, in any frame.")

    def select(self, object_id: int) -> None:
        """Make an object's layer the active one; it is shown again if it was deleted."""
        if self.session is None:
            return
        layer = self.layers.show(self.session, object_id)
        layer.visible = True
        self._viewer.layers.selection.active = layer

    def item(self, object_id: int) -> SessionObject:
        """Give an object of the session."""
        assert self.session is not None
        return self.session.object(object_id)

    def _note_edit(self, object_id: int) -> None:
        self._autosave.request()
        self.edited.emit(object_id)

    # -- exporting -------------------------------------------------------------------------

    def export(self, options: work.ExportOptions) -> None:
        """Save the session and write it into an AVSBench dataset."""
        session = self.collect_edits()
        if session is None or self.jobs.busy:
            return

        def run(progress: Any, cancel: Any) -> list[Violation]:
            progress(0, 0, "saving")
            session.save()
            return work.export_video(session.directory, options, progress, cancel)

        self.jobs.start(run, lambda found: self._on_exported(options, found), self._on_failed)

    def _on_exported(self, options: work.ExportOptions, found: list[Violation]) -> None:
        if found:
            show_warning(
                f"Exported, but the dataset {options.root} has {len(found)} violations, "
                f"the first in {found[0].path}: {found[0].message}"
            )
        result = "the dataset is valid" if not found else f"{len(found)} violations"
        self.said.emit(f"Exported to {options.root} ({options.subset}); {result}.")
        self.changed.emit()

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
        for signal in (self.changed, self.edited, self.said):
            signal.disconnect()  # who listens may be gone already
        self.jobs.close()
        self._autosave.close()
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.layers.close()
        self.navigation.close()
        if window_stays:
            self._viewer.text_overlay.visible = False

    def _on_inserted(self, event: Any) -> None:
        clip = clip_of(event.value)
        if clip is not None and (self.clip is None or clip is not self.clip):
            self.open_video(clip.path, clip)

    def _on_hidden(self, object_id: int) -> None:
        self._autosave.request()
        self.said.emit("The layer is gone, its masks are not: click the object to show it again.")
        self.changed.emit()

    def _on_busy_changed(self, busy: bool) -> None:
        self.changed.emit()
