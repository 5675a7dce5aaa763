"""The list of a queue's videos: name and state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QFont, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_tavis.project.queue import QueueItem
from napari_tavis.project.states import QueueState
from napari_tavis.widgets.project.share_bar import STATE_COLORS

_COLUMNS = ("video", "state")
_TIPS = (
    "The video. Double-click, or press Enter, to open it.",
    "new: not segmented yet. segmented: not touched by anybody yet. in work: begun. done: marked "
    "as done. exported: in a dataset, and unchanged since.",
)
_DOT = 10

Index = QModelIndex | QPersistentModelIndex


class QueueModel(QAbstractTableModel):
    """The videos of a queue as a Qt model, so that hundreds of them need no widgets.

    `place` gives a video's name as it is shown.
    """

    def __init__(self, place: Callable[[Path], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self._items: list[QueueItem] = []
        self._open: Path | None = None
        self._busy: Path | None = None
        self._dots = {state: _dot(color) for state, color in STATE_COLORS.items()}

    def show(self, items: Sequence[QueueItem], opened: Path | None, busy: Path | None) -> None:
        """Show videos; one may be `opened`, and one `busy`: being segmented in the background."""
        # Resetting a model drops selection and scroll position, so only do it for other videos.
        same = [item.path for item in items] == [item.path for item in self._items]
        if not same:
            self.beginResetModel()
        self._items, self._open, self._busy = list(items), opened, busy
        if same and items:
            last = self.index(max(len(items) - 1, 0), len(_COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        elif not same:
            self.endResetModel()

    def show_busy(self, busy: Path | None) -> None:
        if busy != self._busy:
            self.show(self._items, self._open, busy)

    def row_of(self, path: Path | None) -> int | None:
        found = (row for row, item in enumerate(self._items) if item.path == path)
        return next(found, None)

    def item_at(self, row: int) -> QueueItem | None:
        return self._items[row] if 0 <= row < len(self._items) else None

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802
        # Qt also asks for the rows below a cell: a table has none.
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: N802
        return len(_COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        texts = {Qt.ItemDataRole.DisplayRole: _COLUMNS, Qt.ItemDataRole.ToolTipRole: _TIPS}
        return texts[Qt.ItemDataRole(role)][section] if Qt.ItemDataRole(role) in texts else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self.item_at(index.row())
        if item is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._place(item.path) if index.column() == 0 else self._state(item)
        if role == Qt.ItemDataRole.ToolTipRole:
            return item.why or str(item.path)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 1:
            return self._dots[item.state]
        if role == Qt.ItemDataRole.FontRole and item.path == self._open:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ForegroundRole and not item.state.workable:
            return QColor(STATE_COLORS[item.state])
        return None

    def _state(self, item: QueueItem) -> str:
        if item.path == self._busy:
            return "segmenting"
        changed = item.why and item.state in (QueueState.IN_WORK, QueueState.DONE)
        return f"{item.state} *" if changed else str(item.state)


class QueueTable(QTableView):
    """Shows the videos of a queue."""

    asked_for = Signal(object)  # the video (Path) that the user wants to open

    def __init__(self, model: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setToolTip(_TIPS[0])
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(1, 112)
        header.setHighlightSections(False)
        self.activated.connect(self._on_activated)

    @property
    def selected(self) -> QueueItem | None:
        rows = self.selectionModel().selectedRows()
        return self._model.item_at(rows[0].row()) if rows else None

    def select(self, path: Path | None) -> None:
        """Select a video's row and scroll to it."""
        row = self._model.row_of(path)
        if row is not None:
            self.selectRow(row)
            self.scrollTo(self._model.index(row, 0))

    def _on_activated(self, index: QModelIndex) -> None:
        item = self._model.item_at(index.row())
        if item is not None:
            self.asked_for.emit(item.path)


def _dot(color: str) -> QIcon:
    """Draw a filled circle."""
    picture = QPixmap(2 * _DOT, 2 * _DOT)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    painter.drawEllipse(1, 1, _DOT - 2, _DOT - 2)
    painter.end()
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)  # or Qt would tint it in a selected row
    return icon
