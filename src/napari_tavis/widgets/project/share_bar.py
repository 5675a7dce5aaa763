"""A bar that shows how many videos or frames are in each state, and the states' colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_tavis.annotation import FrameStatus
from napari_tavis.project.states import QueueState
from napari_tavis.widgets.frame_strip import STATUS_COLORS

# Readable on napari's dark and light themes. Where a video's state means the same as a frame's
# status, it has the same colour.
STATE_COLORS: dict[QueueState, str] = {
    QueueState.NEW: STATUS_COLORS[None],
    QueueState.SEGMENTED: STATUS_COLORS[FrameStatus.PROPOSED],
    QueueState.IN_WORK: STATUS_COLORS[FrameStatus.EDITED],
    QueueState.DONE: STATUS_COLORS[FrameStatus.ACCEPTED],
    QueueState.EXPORTED: "#9a7fe0",
    QueueState.BROKEN: "#e05c5c",
    QueueState.MISSING: "#e05c5c",
}
_HEIGHT = 12
_GAP = 2


class ShareBar(QWidget):
    """Shows how many things are in each state, with a legend below.

    `colors` gives each state's colour, in the order in which they are shown.
    """

    def __init__(self, colors: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = dict(colors)
        self._bar = _Bar()
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._bar)
        layout.addWidget(self.legend)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many there are in each state, and leave out states without any."""
        found = [(name, counts[name]) for name in self._colors if counts.get(name)]
        self._bar.show_shares([(QColor(self._colors[name]), count) for name, count in found])
        dots = [
            f'<span style="color: {self._colors[name]}">●</span>&nbsp;{count}&nbsp;'
            f"{name.replace(' ', '&nbsp;')}"
            for name, count in found
        ]
        self.legend.setText("&ensp; ".join(dots))


class _Bar(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._shares: list[tuple[QColor, int]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, _HEIGHT)

    def show_shares(self, shares: Sequence[tuple[QColor, int]]) -> None:
        self._shares = list(shares)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(0, 0, self.width(), self.height())
        outline = QPainterPath()
        outline.addRoundedRect(whole, 4, 4)
        painter.setClipPath(outline)
        painter.fillRect(whole, self.palette().mid())
        total = sum(count for _, count in self._shares)
        left = 0.0  # without any shares the bar stays empty, and nothing is divided by zero
        for color, count in self._shares:
            width = self.width() * count / total
            painter.fillRect(QRectF(left, 0, max(width - _GAP, 1), self.height()), color)
            left += width
