"""Fills in the picture of a soundtrack in the background, one clip at a time."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_tavis.core.tasks import Task
from napari_tavis.media import Clip
from napari_tavis.media.overview import SoundOverview, scan_soundtrack
from napari_tavis.widgets.jobs import JobRunner, report_error


class SoundtrackScan(QObject):
    """Scans a clip's soundtrack off the GUI thread.

    Attributes
    ----------
    grown : Signal
        Emitted with ``(seconds done, seconds in all)`` when there is more to be drawn.
    ended : Signal
        Emitted with whether all is there; False where it was cancelled or failed.
    overview : SoundOverview or None
        What is known so far.
    """

    grown = Signal(int, int)
    ended = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.overview: SoundOverview | None = None
        self._jobs: JobRunner | None = None

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self._jobs is not None and self._jobs.busy

    def start(self, clip: Clip | None) -> None:
        """Scan a clip from its beginning, and nothing else any more; None for no clip."""
        self._abandon()
        self.overview = None
        if clip is None or not clip.has_soundtrack:
            return
        overview = self.overview = SoundOverview(clip.duration)
        jobs = self._jobs = JobRunner(self)

        def scan(task: Task) -> None:
            for chunk in scan_soundtrack(clip, task=task):
                overview.add(chunk)

        def end(error: BaseException | None) -> None:
            if jobs is self._jobs:
                if error is not None:
                    report_error(error)
                self.ended.emit(error is None)
            else:
                jobs.deleteLater()

        jobs.progressed.connect(lambda done, total, what: self._on_progress(jobs, done, total))
        jobs.start(scan, end, end)

    def cancel(self) -> None:
        """Stop here; what is known stays."""
        if self._jobs is not None:
            self._jobs.cancel()

    def close(self) -> None:
        """Stop for good, and wait until the file is let go of."""
        if self._jobs is not None:
            self._jobs.close()
            self._jobs = None

    def _abandon(self) -> None:
        """Stop without waiting: the GUI thread has another video to show."""
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.cancel()
            if not jobs.busy:
                jobs.deleteLater()

    def _on_progress(self, jobs: JobRunner, done: int, total: int) -> None:
        if jobs is self._jobs:
            self.grown.emit(done, total)
