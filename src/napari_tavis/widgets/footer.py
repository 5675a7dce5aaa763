"""The dock's last lines: what was done or is being done, how long it takes, and *Cancel*."""

from __future__ import annotations

from magicgui.widgets import Label, PushButton
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from napari_tavis.widgets.enabling import CommandButtons
from napari_tavis.widgets.time_left import TimeLeft, describe_progress
from napari_tavis.widgets.workbench import Workbench


class Footer(QWidget):
    """Shows the messages of what was done, and the progress of long work.

    Parameters
    ----------
    workbench : Workbench
        Whose work it is.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        controller = self._controller = workbench.controller
        self._buttons = CommandButtons(workbench)
        self._time_left = TimeLeft()
        self._busy = False
        self.message = Label(value="")
        self.message.native.setWordWrap(True)
        self.message.native.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred
        )
        self.cancel = PushButton(text="Cancel", visible=False)
        self.cancel.native.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setVisible(False)
        line = QHBoxLayout()
        line.addWidget(self.message.native, stretch=1)
        line.addWidget(self.cancel.native)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.setSpacing(3)
        layout.addWidget(self.progress)
        layout.addLayout(line)
        self._buttons.bind(self.cancel.native, "cancel")
        controller.said.connect(self._say)
        controller.changed.connect(self.refresh)
        controller.jobs.progressed.connect(self._on_progress)
        self.refresh()

    def refresh(self) -> None:
        """Show whether work runs."""
        busy = self._controller.jobs.busy
        if busy != self._busy:
            self._busy = busy
            self._time_left = TimeLeft()
            self.progress.setRange(0, 0)
        self.progress.setVisible(busy)
        self.cancel.visible = busy

    def _say(self, sentence: str) -> None:
        self.message.value = sentence

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.progress.setRange(0, max(total, 0))
        self.progress.setValue(done)
        left = self._time_left.update(done, total, what)
        self._say(describe_progress(done, total, what, left))
