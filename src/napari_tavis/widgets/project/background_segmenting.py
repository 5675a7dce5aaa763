"""Segments the next videos of the queue while a person works on another one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine import Engine, EngineOptions
from napari_tavis.media import MediaError
from napari_tavis.project.prepared import prepare_session, publish_session
from napari_tavis.widgets.jobs import JobRunner, report_error


class BackgroundSegmenter(QObject):
    """Segments one video after the other in a job of its own, and gives way to other jobs.

    It shares the dock's engine, so that the model is loaded only once. The result is saved as the
    video's session, unless somebody has begun one in the meantime.
    """

    changed = Signal()  # what is done now
    progressed = Signal(int, int, str)  # done, total, what
    segmented = Signal(object)  # a video (Path) that has a session now
    broken = Signal(object, str)  # a video (Path) that cannot be segmented, and why

    def __init__(
        self,
        engine: Engine,
        give_way_to: JobRunner,
        is_open: Callable[[Path], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._other = give_way_to
        self._is_open = is_open  # whether a session of a video is open: that one is left alone
        self.jobs = JobRunner(self)
        self._waiting: list[Path] = []
        self._options = EngineOptions()
        self._closed = False
        self.video: Path | None = None  # the one being segmented
        self.problem = ""  # why nothing is segmented any more
        self.jobs.progressed.connect(self.progressed)
        give_way_to.busy_changed.connect(self._on_other)

    @property
    def paused(self) -> bool:
        """Whether it waits for the other jobs."""
        return self.video is not None and self._other.busy

    def want(self, videos: list[Path], options: EngineOptions) -> None:
        """Segment these videos without a session next, in this order, and no others.

        One that is being segmented and is no longer wanted is dropped.
        """
        # A problem may have come of the options, so other ones are worth another try.
        if options != self._options:
            self._options, self.problem = options, ""
        self._waiting = [video for video in videos if video != self.video]
        if self.video is not None and self.video not in videos:
            self.jobs.cancel()
        self._go_on()

    def retry(self) -> None:
        """Forget the problem that ended the work."""
        self.problem = ""

    def close(self) -> None:
        """Stop for good, and drop what is not finished."""
        self._closed = True
        self._waiting = []
        self._other.busy_changed.disconnect(self._on_other)
        self.jobs.close()

    def _go_on(self) -> None:
        if self._closed or self.jobs.busy or self._other.busy or self.problem:
            return
        if not self._waiting:
            return
        self.video = video = self._waiting.pop(0)
        options, engine = self._options, self._engine

        def run(task: Task) -> Path:
            proposals = engine.segment(video, options, task=task)
            task.check()
            return prepare_session(video, proposals)

        self.jobs.start(run, self._on_done, self._on_failed)
        self.changed.emit()

    def _on_done(self, staging: Path) -> None:
        video, self.video = self.video, None
        assert video is not None
        try:
            if self._is_open(video):  # somebody began to annotate it: theirs counts
                shutil.rmtree(staging, ignore_errors=True)
            elif publish_session(video, staging):
                self.segmented.emit(video)
        except TavisError as error:
            self._stop(error)
        self.changed.emit()
        self._go_on()

    def _on_failed(self, error: BaseException) -> None:
        video, self.video = self.video, None
        assert video is not None
        if isinstance(error, MediaError):
            self.broken.emit(video, str(error))
        elif not isinstance(error, Cancelled):
            self._stop(error)
        self.changed.emit()
        self._go_on()

    def _stop(self, error: BaseException) -> None:
        """Stop after an error that the other videos would meet too, such as a full disk."""
        self._waiting = []
        self.problem = str(error)
        report_error(error)

    def _on_other(self, busy: bool) -> None:
        if busy:
            self.jobs.pause()
        else:
            self.jobs.resume()
        self.changed.emit()
        if not busy:
            self._go_on()
