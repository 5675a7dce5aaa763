"""A table's cell that shows how far a person has gone: a text over a bar of status colours."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from napari_tavis.annotation import FrameStatus
from napari_tavis.widgets.frame_strip import STATUS_COLORS

COUNTS = Qt.ItemDataRole.UserRole + 1
"""The role of a cell's frames by status, a dict of FrameStatus to int."""

ORDER = (FrameStatus.ACCEPTED, FrameStatus.EDITED, FrameStatus.PROPOSED)
_HEIGHT = 4
_MARGIN = 4


class StatusDelegate(QStyledItemDelegate):
    """Draws the text of a cell, and below it one bar with a stretch per status."""

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Ask for the text's width."""
        return super().sizeHint(option, index) + QSize(2 * _MARGIN, _HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw the text and the bar."""
        super().paint(painter, option, index)
        counts: dict[FrameStatus, int] = index.data(COUNTS) or {}
        total = sum(counts.values())
        if not total:
            return
        area = QRectF(option.rect)
        left, width = area.left() + _MARGIN, area.width() - 2 * _MARGIN
        top = area.bottom() - _HEIGHT - 1
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        for status in ORDER:
            share = width * counts.get(status, 0) / total
            painter.setBrush(QColor(STATUS_COLORS[status]))
            painter.drawRect(QRectF(left, top, share, _HEIGHT - 1))
            left += share
        painter.restore()
