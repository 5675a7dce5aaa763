"""The list of a session's objects: shown or not, class and colour, score, frames and status."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_tavis.annotation.objects import SessionObject
from napari_tavis.widgets.class_editor import ClassDelegate
from napari_tavis.widgets.object_texts import (
    count_statuses,
    describe_frames,
    describe_kind,
    describe_status,
    frames_with_mask,
)
from napari_tavis.widgets.status_bar import COUNTS, StatusDelegate

_COLUMNS = {
    "": "Whether the object is shown on the picture.",
    "class": "The object's class and colour. Double-click to give it another class.",
    "score": "How sure the model is, 0 to 1.",
    "frames": "In how many frames the object has a mask.",
    "status": "Frames a person has accepted or edited, and those only proposed.",
}
SHOWN, CLASS, SCORE, FRAMES, STATUS = range(len(_COLUMNS))
_SWATCH = 12
_ROW = 26
_HEIGHT = 5 * _ROW + 4
_OBJECT = Qt.ItemDataRole.UserRole


class ObjectTable(QTableWidget):
    """Lists objects, one a row.

    Parameters
    ----------
    vocabulary : callable
        Gives the class names that are offered when one is typed.
    parent : QWidget, optional
        Qt's parent.

    Attributes
    ----------
    chosen : Signal
        Emitted with an object's number when the user selects its row.
    renamed : Signal
        Emitted with an object's number and the class name that the user typed.
    shown : Signal
        Emitted with an object's number, and whether the user wants to see it.
    """

    chosen = Signal(int)
    renamed = Signal(int, str)
    shown = Signal(int, bool)

    def __init__(
        self, vocabulary: Callable[[], Sequence[str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        for column, (title, tip) in enumerate(_COLUMNS.items()):
            heading = QTableWidgetItem(title)
            heading.setToolTip(tip)
            self.setHorizontalHeaderItem(column, heading)
        self.setToolTip("The objects found. Select one to work on it; right-click for more.")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(22)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(CLASS, QHeaderView.ResizeMode.Stretch)
        self.setItemDelegateForColumn(CLASS, ClassDelegate(vocabulary, self))
        self.setItemDelegateForColumn(STATUS, StatusDelegate(self))
        self.setMinimumHeight(_HEIGHT)
        self.itemSelectionChanged.connect(self._on_selection)
        self.cellClicked.connect(self._on_clicked)
        self.itemChanged.connect(self._on_item_changed)
        self._filling = False

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a few rows; the rest of the dock is given where there is room."""
        return QSize(200, _HEIGHT)

    def fill(self, items: Sequence[SessionObject], visible: Callable[[int], bool]) -> None:
        """Show objects.

        Parameters
        ----------
        items : sequence of SessionObject
            The objects, in order.
        visible : callable
            Says of an object's number whether it is shown on the picture.
        """
        chosen = self.object_id
        self._filling = True
        self.setRowCount(len(items))
        for row, item in enumerate(items):
            self._fill_row(row, item, visible(item.object_id))
        self._filling = False
        self.choose(chosen)

    def update_object(self, item: SessionObject, visible: bool) -> None:
        """Show what has changed of one object, if it is in the list."""
        row = self.row_of(item.object_id)
        if row is not None:
            self._filling = True
            self._fill_row(row, item, visible)
            self._filling = False

    @property
    def object_id(self) -> int | None:
        """The selected object's number, or None."""
        rows = self.selectionModel().selectedRows()
        return self._object_at(rows[0].row()) if rows else None

    def choose(self, object_id: int | None) -> None:
        """Select the row of an object, without telling anybody."""
        self._filling = True
        row = None if object_id is None else self.row_of(object_id)
        if row is None:
            self.clearSelection()
        else:
            self.selectRow(row)
        self._filling = False

    def edit_class(self, object_id: int) -> None:
        """Let the user type another class for an object."""
        row = self.row_of(object_id)
        if row is not None:
            self.setFocus()
            self.editItem(self._cell(row, CLASS))

    def row_of(self, object_id: int) -> int | None:
        """Give the row of an object, or None where it is not in the list."""
        rows = range(self.rowCount())
        return next((row for row in rows if self._object_at(row) == object_id), None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Leave keys to the viewer, so that they do the same here as over the picture."""
        event.ignore()

    def _object_at(self, row: int) -> int | None:
        cell = self.item(row, CLASS)
        return None if cell is None else cell.data(_OBJECT)

    def _cell(self, row: int, column: int) -> QTableWidgetItem:
        cell = self.item(row, column)
        if cell is None:
            cell = QTableWidgetItem()
            self.setItem(row, column, cell)
        return cell

    def _fill_row(self, row: int, item: SessionObject, visible: bool) -> None:
        texts = {
            SHOWN: "",
            CLASS: item.class_name,
            SCORE: f"{item.score:.2f}",
            FRAMES: str(frames_with_mask(item)),
            STATUS: describe_status(item),
        }
        tips = list(_COLUMNS.values())
        for column, text in texts.items():
            cell = self._cell(row, column)
            cell.setText(text)
            cell.setToolTip(tips[column])
            cell.setFlags(cell.flags() & ~Qt.ItemFlag.ItemIsEditable)
            if column in (SCORE, FRAMES):
                cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        self._fill_special_cells(row, item, visible)

    def _fill_special_cells(self, row: int, item: SessionObject, visible: bool) -> None:
        shown, name, status = (self._cell(row, column) for column in (SHOWN, CLASS, STATUS))
        shown.setFlags(shown.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        shown.setCheckState(Qt.CheckState.Checked if visible else Qt.CheckState.Unchecked)
        name.setData(_OBJECT, item.object_id)
        name.setIcon(swatch(item.color))
        name.setToolTip(describe_kind(item))
        if item.kind == "object":
            name.setFlags(name.flags() | Qt.ItemFlag.ItemIsEditable)
        font = name.font()
        font.setItalic(not item.takes_part)
        name.setFont(font)
        status.setData(COUNTS, count_statuses(item) if item.takes_part else {})
        status.setToolTip(describe_frames(item))

    def _on_selection(self) -> None:
        if not self._filling and self.object_id is not None:
            self.chosen.emit(self.object_id)

    def _on_clicked(self, row: int, column: int) -> None:
        if column != SHOWN:
            self.chosen.emit(self._object_at(row))

    def _on_item_changed(self, cell: QTableWidgetItem) -> None:
        object_id = self._object_at(cell.row())
        if self._filling or object_id is None:
            return
        if cell.column() == CLASS:
            self.renamed.emit(object_id, cell.text().strip())
        elif cell.column() == SHOWN:
            self.shown.emit(object_id, cell.checkState() == Qt.CheckState.Checked)


def swatch(color: tuple[int, int, int]) -> QIcon:
    """Draw a square of a colour."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*color))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # or a selected row's would be tinted
    return icon
