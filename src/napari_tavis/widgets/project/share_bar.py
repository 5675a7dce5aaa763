"""A bar that shows the shares of a whole, with its legend below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

_HEIGHT = 12
_GAP = 2


class ShareBar(QWidget):
    """Shows how many of some things are in each of some states.

    Parameters
    ----------
    colors : mapping of str to str
        The colour of each state, in the order in which they are shown.
    parent : QWidget, optional
        Owner.
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
        """Show how many there are in each state; states without any are left out."""
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
        left = 0.0
        for color, count in self._shares:
            width = self.width() * count / total
            painter.fillRect(QRectF(left, 0, max(width - _GAP, 1), self.height()), color)
            left += width
