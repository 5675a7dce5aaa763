"""The list of a session's objects: class and colour, score, frames and status."""

from __future__ import annotations

from collections import Counter

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_tavis.session import AnnotationSession, FrameStatus
from napari_tavis.session.objects import SessionObject
from napari_tavis.widgets.object_layers import layer_name

_COLUMNS = {
    "class": "The object's class and colour. Double-click to give it another class.",
    "score": "How sure the model is, 0 to 1.",
    "frames": "In how many frames the object has a mask.",
    "status": "Frames a person has accepted or edited, and those only proposed.",
}
_SWATCH = 12
_OBJECT = Qt.ItemDataRole.UserRole


class ObjectTable(QTableWidget):
    """Lists the objects of a session, one a row.

    Attributes
    ----------
    chosen : Signal
        Emitted with an object's number when the user selects its row.
    renamed : Signal
        Emitted with an object's number and the class name that the user typed.
    """

    chosen = Signal(int)
    renamed = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_COLUMNS.values()):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.setToolTip("The objects found. Select one to edit its layer.")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setMinimumHeight(120)
        self.itemSelectionChanged.connect(self._on_selection)
        self.cellClicked.connect(self._on_clicked)
        self.itemChanged.connect(self._on_item_changed)
        self._filling = False

    def fill(self, session: AnnotationSession | None) -> None:
        """Show the objects of a session, keeping the selection."""
        chosen = self.object_id
        self._filling = True
        items = [] if session is None else session.objects
        self.setRowCount(len(items))
        for row, item in enumerate(items):
            self._fill_row(row, item)
        self._filling = False
        self.choose(chosen)

    @property
    def object_id(self) -> int | None:
        """The selected object's number, or None."""
        rows = self.selectionModel().selectedRows()
        return None if not rows else self.item(rows[0].row(), 0).data(_OBJECT)

    def choose(self, object_id: int | None) -> None:
        """Select the row of an object, without telling anybody."""
        self._filling = True
        self.clearSelection()
        for row in range(self.rowCount()):
            if self.item(row, 0).data(_OBJECT) == object_id:
                self.selectRow(row)
        self._filling = False

    def _fill_row(self, row: int, item: SessionObject) -> None:
        texts = [layer_name(item), f"{item.score:.2f}", str(frames_with_mask(item)), status(item)]
        for column, text in enumerate(texts):
            cell = QTableWidgetItem(text)
            cell.setToolTip(text if column in (0, 3) else list(_COLUMNS.values())[column])
            editable = column == 0 and item.kind == "object"
            if not editable:
                cell.setFlags(cell.flags() & ~Qt.ItemFlag.ItemIsEditable)
            if column == 0:
                cell.setData(_OBJECT, item.object_id)
                cell.setIcon(swatch(item.color))
            elif column < 3:
                cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            self.setItem(row, column, cell)

    def _on_selection(self) -> None:
        if not self._filling and self.object_id is not None:
            self.chosen.emit(self.object_id)

    def _on_clicked(self, row: int, column: int) -> None:
        self.chosen.emit(self.item(row, 0).data(_OBJECT))

    def _on_item_changed(self, cell: QTableWidgetItem) -> None:
        if not self._filling and cell.column() == 0:
            self.renamed.emit(cell.data(_OBJECT), cell.text().strip())


def frames_with_mask(item: SessionObject) -> int:
    """Count the frames in which an object has a mask."""
    return sum(record.png is not None for record in item.frames.values())


def status(item: SessionObject) -> str:
    """Sum up the status of an object's frames, such as ``2 accepted, 3 proposed``."""
    counts = Counter(record.status for record in item.frames.values())
    order = (FrameStatus.ACCEPTED, FrameStatus.EDITED, FrameStatus.PROPOSED)
    present = [(counts[one], one) for one in order if counts[one]]
    if len(present) == 1:
        return str(present[0][1])
    return ", ".join(f"{count} {one}" for count, one in present) or "empty"


def swatch(color: tuple[int, int, int]) -> QIcon:
    """Draw a square of a colour."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*color))
    return QIcon(pixmap)
