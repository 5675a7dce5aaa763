"""Goes through a set of videos: opens them, marks them done, has the next ones segmented."""

from __future__ import annotations

from pathlib import Path

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, QTimer, Signal

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Task
from napari_tavis.media import Clip
from napari_tavis.project.queue import QueueItem, VideoQueue, mark_done
from napari_tavis.project.queue_file import FOLDER_FILE
from napari_tavis.project.states import QueueState, state_of
from napari_tavis.widgets.controller import AnnotationController
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.opening import VideoOpener
from napari_tavis.widgets.project.background_segmenting import BackgroundSegmenter
from napari_tavis.widgets.reader import clip_of

_SETTLE_MS = 300  # after an edit, until the open video's state is worked out again


class QueueController(QObject):
    """Opens the videos of a queue one after another, and has the next ones segmented.

    Folders are looked through in `jobs`. The states of the videos and the place in the list are in
    `queue`, which is saved after each change.
    """

    changed = Signal()  # the list, a state, or the place in the list
    source_changed = Signal(object)  # the folder or list (Path), when another one was opened

    def __init__(self, controller: AnnotationController, opener: VideoOpener) -> None:
        super().__init__()
        self._controller = controller
        self._opener = opener
        self.queue: VideoQueue | None = None
        self.jobs = JobRunner(self)
        self.segmenter = BackgroundSegmenter(
            controller.engine, controller.jobs, self._has_open_session, self
        )
        controller.runners.append(self.segmenter.jobs)
        self._wanted: Path | None = None  # asked to be opened, and not open yet
        self._published: Path | None = None  # got its session in the background
        self._last: Path | None = None  # opened last
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._refresh_open)
        self.segmenter.segmented.connect(self._on_segmented)
        self.segmenter.broken.connect(self._on_broken)
        self.jobs.busy_changed.connect(lambda busy: self.changed.emit())
        controller.opened.connect(self._on_opened)
        controller.changed.connect(self._on_controller_changed)
        controller.edited.connect(self._on_edited)
        controller.closing.connect(self._on_closing)

    # -- the list --------------------------------------------------------------------------

    def open(self, source: Path, recursive: bool | None = None) -> None:
        """Open the queue of a folder, its ``tavis-queue.json``, or a text file of paths.

        Whether a folder's subfolders belong to it is as it was last time, unless `recursive` says.
        """
        if self.jobs.busy:
            show_warning("Wait until the videos have been looked through, then choose again.")
            return
        self._save()

        def run(task: Task) -> VideoQueue:
            return VideoQueue.open(source, recursive=recursive, task=task)

        self.jobs.start(run, self._on_listed)

    def reload(self) -> None:
        """Look through the videos again."""
        queue = self.queue
        if queue is None or self.jobs.busy:
            return
        self.jobs.start(
            lambda task: queue.refresh(task=task),
            self._on_looked_through,
        )

    def _on_listed(self, queue: VideoQueue) -> None:
        for warning in queue.warnings:
            show_warning(warning)
        self.queue = queue
        self.source_changed.emit(queue.source)
        self._on_looked_through(queue)

    def _on_looked_through(self, found: object) -> None:
        self._refresh_open()
        self._save()
        self._want_segmented()
        queue = self.queue
        # Listing only looks for files. Whether new ones can be read is found out afterwards, since
        # that takes longer.
        if queue is not None and any(item.state is QueueState.NEW for item in queue.videos):
            self.jobs.start(
                lambda task: queue.check(task=task),
                self._on_checked,
            )
        self.changed.emit()

    def _on_checked(self, found: object) -> None:
        self._save()
        self._want_segmented()
        self.changed.emit()

    # -- going through it ------------------------------------------------------------------

    @property
    def current(self) -> Path | None:
        """The queue's video that is open, or that was open last."""
        if self.queue is None:
            return None
        video = self._wanted or self._controller.video
        return video if self.queue.item(video) is not None else self.queue.current

    @property
    def is_open(self) -> bool:
        """Whether the current video is open now, and not only where one stopped last time."""
        return self.current is not None and self.current == self._controller.video

    def next_item(self) -> QueueItem | None:
        """Give the video that `go_next` would open."""
        if self.queue is None:
            return None
        current = self.queue.item(self.current)
        if current is not None and not self.is_open and current.state.workable:
            return current  # where one stopped last time
        return self.queue.next(self.current, skip_finished=self.queue.skip_finished)

    def previous_item(self) -> QueueItem | None:
        """Give the video that `go_previous` would open."""
        return None if self.queue is None else self.queue.previous(self.current)

    def go_next(self) -> None:
        self._go(self.next_item(), "That was the last video of the queue.")

    def go_previous(self) -> None:
        self._go(self.previous_item(), "That was the first video of the queue.")

    def _go(self, item: QueueItem | None, otherwise: str) -> None:
        if self.queue is None:
            self._controller.said.emit("Choose a folder of videos under Queue first.")
        elif item is None:
            self._controller.said.emit(otherwise)
        else:
            self.go_to(item.path)

    def go_to(self, path: Path) -> None:
        """Open a video of the queue; warn about one that cannot be opened, and keep it listed."""
        queue, controller = self.queue, self._controller
        if queue is None or path == controller.video:
            return
        item = queue.item(path)
        if item is None or not path.is_file():
            item = queue.refresh_video(path)
        if item is not None and not item.state.workable:
            show_warning(item.why)
            self.changed.emit()
            return
        controller.collect_edits()
        self._refresh_open()
        queue.current = path
        self._opener.open(path)
        self._wanted = path
        self._save()
        self.changed.emit()

    # -- done ------------------------------------------------------------------------------

    def mark_done(self, done: bool = True, path: Path | None = None) -> bool:
        """Mark a video done or not done, by default the current one; return whether it worked."""
        path = path or self.current
        item = None if self.queue is None else self.queue.item(path)
        if item is None or path is None or self.queue is None:
            return False
        if path == self._controller.video and self._controller.session is not None:
            session = self._controller.session
            self._controller.do(lambda opened: opened.set_done(done))
            self._refresh_open()
            self.changed.emit()
            return session.done == done
        if item.session is None:
            show_warning(f"{path.name} is not annotated yet: segment it, or paint an object first.")
            return False
        try:
            mark_done(item.session, done)
        except TavisError as error:
            report_error(error)
            return False
        self.queue.refresh_video(path)
        self._save()
        self.changed.emit()
        return True

    def done_and_next(self) -> None:
        if self.mark_done():
            self.go_next()

    # -- settings --------------------------------------------------------------------------

    def set_skip_finished(self, skip: bool) -> None:
        """Choose whether `go_next` skips what is done."""
        if self.queue is not None:
            self.queue.skip_finished = skip
            self._save()
            self.changed.emit()

    def set_ahead(self, count: int) -> None:
        """Choose how many of the next videos are segmented in the background."""
        if self.queue is not None:
            self.queue.ahead = count
            self.segmenter.retry()
            self._save()
            self._want_segmented()
            self.changed.emit()

    # -- what happens meanwhile ------------------------------------------------------------

    def _on_opened(self, clip: Clip, session: AnnotationSession | None) -> None:
        path = Path(clip.path)
        self._wanted = None
        left, self._last = self._last, path
        if left is not None and left != path:
            self._leave(left)
        if self.queue is None:
            self._find_queue(path)
        elif self.queue.item(path) is not None:
            self.queue.current = path
            self._save()
        if session is None and path == self.segmenter.video:
            self._controller.said.emit(
                "It is being segmented already: its objects will appear soon."
            )
        self._refresh_open()
        self._want_segmented()
        self.changed.emit()

    def _find_queue(self, path: Path) -> None:
        """Take up the queue of the video's folder, if there is one."""
        if (path.parent / FOLDER_FILE).is_file() and not self.jobs.busy:
            self.open(path.parent)

    def _leave(self, video: Path) -> None:
        """Remove a video of the queue from the viewer: the queue may have hundreds."""
        if self.queue is None or self.queue.refresh_video(video) is None:
            return
        layers = self._controller.viewer.layers
        for layer in list(layers):
            shown = clip_of(layer)
            if shown is not None and Path(shown.path) == video:
                layers.remove(layer)

    def _on_controller_changed(self) -> None:
        if self._wanted is not None:
            # Not at once: while one video replaces another, for a moment neither is open.
            QTimer.singleShot(0, self, self._check_opened)
        self._take_up()
        self._on_edited()

    def _check_opened(self) -> None:
        """Find out what is wrong with a video that was to be opened and did not open."""
        queue, wanted = self.queue, self._wanted
        if queue is None or wanted is None or self._opener.opening is not None:
            return
        self._wanted = None
        if wanted != self._controller.video and not self.jobs.busy:
            self.jobs.start(lambda task: queue.look_into(wanted), self._on_checked)

    def _take_up(self) -> None:
        """Reopen a video that was open without objects while it was segmented in the background."""
        controller = self._controller
        if self._published is None or self._published != controller.video or controller.jobs.busy:
            return
        video, self._published = self._published, None
        if controller.session is None and not controller.blocked:
            self._opener.open(video, controller.clip)

    def _on_edited(self, object_id: int | None = None) -> None:
        if not self._settle.isActive():  # restarting it would put it off while somebody paints
            self._settle.start()

    def _refresh_open(self) -> None:
        """Take the state of the open video from its session, which is ahead of the disk."""
        video, session = self._controller.video, self._controller.session
        if self.queue is None or video is None or session is None:
            return
        state, why = state_of(session)
        item = QueueItem(video, state, why, session.path)
        if self.queue.item(video) not in (None, item):
            self.queue.note(item)
            self._want_segmented()
            self.changed.emit()

    def _has_open_session(self, video: Path) -> bool:
        return video == self._controller.video and self._controller.session is not None

    def _want_segmented(self) -> None:
        """Have the next videos segmented, but not the open one: the dock does that."""
        queue, open_video = self.queue, self._controller.video
        videos = [] if queue is None else queue.to_segment(self.current, queue.ahead)
        under_way = self.segmenter.video
        if under_way is not None and under_way == open_video and self._controller.session is None:
            videos.insert(0, under_way)  # it was begun before it was opened, and is soon done
        self.segmenter.want(videos, self._controller.options)

    def _on_segmented(self, video: Path) -> None:
        if self.queue is not None:
            self.queue.refresh_video(video)
            self._save()
        self._published = video
        self._take_up()
        self._want_segmented()
        self.changed.emit()

    def _on_broken(self, video: Path, why: str) -> None:
        if self.queue is not None:
            self.queue.note_broken(video, why)
            self._save()
            self._want_segmented()
        self.changed.emit()

    def _save(self) -> None:
        if self.queue is None:
            return
        try:
            self.queue.save()
        except TavisError as error:
            if str(error) not in self.queue.warnings:  # warn once
                self.queue.warnings.append(str(error))
                show_warning(str(error))

    def _on_closing(self, window_stays: bool) -> None:
        self._settle.stop()
        self.segmenter.close()
        self.jobs.close()
        self._save()
