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

_COLUMNS = {
    "class": "The object's class and colour. Double-click to give it another class.",
    "score": "How sure the model is, 0 to 1.",
    "frames": "In how many frames the object has a mask.",
    "status": "Frames a person has accepted or edited, and those only proposed.",
}
_SWATCH = 12
_HEIGHT = 124
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
        for column, (title, tip) in enumerate(_COLUMNS.items()):
            heading = QTableWidgetItem(title)
            heading.setToolTip(tip)
            self.setHorizontalHeaderItem(column, heading)
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
        self.setMinimumHeight(_HEIGHT)
        self.itemSelectionChanged.connect(self._on_selection)
        self.cellClicked.connect(self._on_clicked)
        self.itemChanged.connect(self._on_item_changed)
        self._filling = False

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a few rows; the rest of the dock is given where there is room."""
        return QSize(200, _HEIGHT)

    def fill(self, session: AnnotationSession | None, chosen: int | None) -> None:
        """Show the objects of a session.

        Parameters
        ----------
        session : AnnotationSession or None
            The session.
        chosen : int or None
            The object to select; None keeps the selection.
        """
        chosen = self.object_id if chosen is None else chosen
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
        return self._object_at(rows[0].row()) if rows else None

    def choose(self, object_id: int | None) -> None:
        """Select the row of an object, without telling anybody."""
        self._filling = True
        self.clearSelection()
        for row in range(self.rowCount()):
            if self._object_at(row) == object_id:
                self.selectRow(row)
        self._filling = False

    def _object_at(self, row: int) -> int | None:
        cell = self.item(row, 0)
        return None if cell is None else cell.data(_OBJECT)

    def _fill_row(self, row: int, item: SessionObject) -> None:
        texts = [item.class_name, f"{item.score:.2f}", str(frames_with_mask(item)), status(item)]
        about = _COLUMNS["class"] if item.kind == "object" else "The mask of all that sounds."
        tips = [about, _COLUMNS["score"], _COLUMNS["frames"], status_in_full(item)]
        for column, text in enumerate(texts):
            cell = QTableWidgetItem(text)
            cell.setToolTip(tips[column])
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
        self.chosen.emit(self._object_at(row))

    def _on_item_changed(self, cell: QTableWidgetItem) -> None:
        if not self._filling and cell.column() == 0:
            self.renamed.emit(cell.data(_OBJECT), cell.text().strip())


def frames_with_mask(item: SessionObject) -> int:
    """Count the frames in which an object has a mask."""
    return sum(record.png is not None for record in item.frames.values())


def status(item: SessionObject) -> str:
    """Say how far a person has gone with an object, such as ``2/5 checked``."""
    found = {record.status for record in item.frames.values()}
    if len(found) == 1:
        return str(found.pop())
    checked = sum(record.status.by_person for record in item.frames.values())
    return f"{checked}/{len(item.frames)} checked" if item.frames else "empty"


def status_in_full(item: SessionObject) -> str:
    """Count the frames by their status, such as ``Frames: 2 accepted, 3 proposed``."""
    counts = Counter(record.status for record in item.frames.values())
    order = (FrameStatus.ACCEPTED, FrameStatus.EDITED, FrameStatus.PROPOSED)
    parts = [f"{counts[one]} {one}" for one in order if counts[one]]
    return f"Frames: {', '.join(parts)}." if parts else "No frame has a mask."


def swatch(color: tuple[int, int, int]) -> QIcon:
    """Draw a square of a colour."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*color))
    return QIcon(pixmap)
