"""Segments videos in advance, while a person works on another one."""

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


class SegmentAhead(QObject):
    """Segments one video after the other in a job of its own, and gives way to other jobs.

    The engine is the dock's, and loads the model once for both. What is found is saved as the
    video's session, except where somebody has begun one meanwhile.

    Parameters
    ----------
    engine : Engine
        Computes the masks.
    give_way_to : JobRunner
        While it is busy, segmenting waits between two steps.
    is_open : callable
        Says of a video whether a session of it is open; that one is left alone.

    Attributes
    ----------
    video : Path or None
        The video that is segmented now.
    problem : str
        Why no more videos are segmented; empty if nothing is wrong.
    jobs : JobRunner
        Runs the work.
    changed : Signal
        What is done now has changed.
    progressed : Signal
        ``(done, total, what)`` of the video that is segmented.
    segmented : Signal
        Emitted with a video that has a session now.
    broken : Signal
        Emitted with a video that cannot be segmented, and why.
    """

    changed = Signal()
    progressed = Signal(int, int, str)
    segmented = Signal(object)
    broken = Signal(object, str)

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
        self._is_open = is_open
        self.jobs = JobRunner(self)
        self._waiting: list[Path] = []
        self._options = EngineOptions()
        self._closed = False
        self.video: Path | None = None
        self.problem = ""
        self.jobs.progressed.connect(self.progressed)
        give_way_to.busy_changed.connect(self._on_other)

    @property
    def paused(self) -> bool:
        """Whether it waits for the dock's own work."""
        return self.video is not None and self._other.busy

    def want(self, videos: list[Path], options: EngineOptions) -> None:
        """Segment these videos next, and no others.

        A video that is being segmented and is not wanted any more is dropped.

        Parameters
        ----------
        videos : list of Path
            Videos without a session, the most urgent first.
        options : EngineOptions
            How; other options than before end the wait after a problem.
        """
        if options != self._options:
            self._options, self.problem = options, ""
        self._waiting = [video for video in videos if video != self.video]
        if self.video is not None and self.video not in videos:
            self.jobs.cancel()
        self._go_on()

    def retry(self) -> None:
        """Forget the problem that has ended the work."""
        self.problem = ""

    def close(self) -> None:
        """Stop for good; what is not finished is dropped."""
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
            if self._is_open(video):
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
        """Try no other video after an error that they would all meet, such as a full disk."""
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
