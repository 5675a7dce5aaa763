"""What is being done with models, how long it still takes, and *Cancel*."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.jobs import TimeLeft, describe_progress
from napari_tavis.widgets.models.model_work import ModelWork

_CANCEL = "Stop. What has come of a download is kept, and the next one goes on from there."


class ProgressRow(QWidget):
    """Shows the progress of the work, or what came of it.

    Parameters
    ----------
    work : ModelWork
        Whose work it is.
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, work: ModelWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._time_left = TimeLeft()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.cancel = QPushButton("Cancel")
        self.cancel.setAutoDefault(False)
        line = QHBoxLayout()
        line.addWidget(self.message, stretch=1)
        line.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        layout.addLayout(line)
        self.cancel.clicked.connect(self._on_cancel)
        work.jobs.progressed.connect(self._on_progress)
        work.jobs.busy_changed.connect(self._on_busy)
        work.said.connect(self.message.setText)
        self._on_busy(work.jobs.busy)

    def _on_busy(self, busy: bool) -> None:
        self._time_left = TimeLeft()
        self.bar.setRange(0, 0)
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        allow(self.cancel, _CANCEL, None if busy else "Nothing runs now.")
        self.message.setText("Beginning …" if busy else "")  # what came of it is said then

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.bar.setRange(0, max(total, 0))
        self.bar.setValue(done)
        left = self._time_left.update(done, total, what)
        self.message.setText(describe_progress(done, total, what, left))

    def _on_cancel(self) -> None:
        self._work.jobs.cancel()
        self.message.setText("Cancelling …")
