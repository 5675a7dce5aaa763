"""The list of a session's objects, one a row: shown or not, class and colour, score, status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    QStringListModel,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCompleter,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_tavis.annotation import FrameStatus
from napari_tavis.widgets.frame_strip import STATUS_COLORS
from napari_tavis.widgets.shown import STATUS_ORDER, ObjectRow


@dataclass(frozen=True)
class _Column:
    title: str
    tip: str
    text: Callable[[ObjectRow], str]
    about: Callable[[ObjectRow], str] | None = None  # the tip of a cell, if not the column's
    centred: bool = False


_COLUMNS = (
    _Column("", "Whether the object is shown on the picture.", lambda row: ""),
    _Column(
        "class",
        "The object's class and colour. Double-click to give it another class.",
        lambda row: row.class_name,
        lambda row: row.about_class,
    ),
    _Column(
        "score", "How sure the model is, 0 to 1.", lambda row: f"{row.score:.2f}", centred=True
    ),
    _Column(
        "frames",
        "In how many frames the object has a mask.",
        lambda row: str(row.frames),
        centred=True,
    ),
    _Column(
        "status",
        "Frames a person has accepted or edited, and those only proposed.",
        lambda row: row.status,
        lambda row: row.about_frames,
    ),
)
_TITLES = [column.title for column in _COLUMNS]
SHOWN, CLASS, STATUS = map(_TITLES.index, ("", "class", "status"))
_SWATCH = 12
_ROW = 26
_HEIGHT = 5 * _ROW + 4
_OBJECT = Qt.ItemDataRole.UserRole
_COUNTS = Qt.ItemDataRole.UserRole + 1  # a cell's frames by status, a dict of FrameStatus to int
_EDITED, _BEGUN = "edited", "begun"  # of an editor: the object's number; that it shows its name
_BAR = 4  # height of the bar below a status
_BAR_MARGIN = 4


class ObjectTable(QTableWidget):
    """Lists objects, one a row.

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
        for column, what in enumerate(_COLUMNS):
            heading = QTableWidgetItem(what.title)
            heading.setToolTip(what.tip)
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
        classes = ClassDelegate(vocabulary, self)
        classes.named_elsewhere.connect(self.renamed.emit)
        self.setItemDelegateForColumn(CLASS, classes)
        self.setItemDelegateForColumn(STATUS, StatusDelegate(self))
        self.setMinimumHeight(_HEIGHT)
        self.itemSelectionChanged.connect(self._on_selection)
        self.cellClicked.connect(self._on_clicked)
        self.itemChanged.connect(self._on_item_changed)
        self._filling = False
        self._rows: list[ObjectRow | None] = []  # as filled in; None where a person typed since

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a few rows; the rest of the dock is given where there is room."""
        return QSize(200, _HEIGHT)

    def fill(self, rows: Sequence[ObjectRow]) -> None:
        """Show objects, in this order."""
        chosen = self.object_id
        self._filling = True
        self.setRowCount(len(rows))
        filled = [*self._rows, *[None] * len(rows)]
        for place, (row, before) in enumerate(zip(rows, filled, strict=False)):
            if row != before:  # Qt measures all columns anew for each cell that is set
                self._fill_row(place, row)
        self._rows = list(rows)
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

    def _fill_row(self, place: int, row: ObjectRow) -> None:
        for column, what in enumerate(_COLUMNS):
            cell = self._cell(place, column)
            cell.setText(what.text(row))
            cell.setToolTip(what.about(row) if what.about else what.tip)
            flags = cell.flags() & ~Qt.ItemFlag.ItemIsEditable
            if column == SHOWN:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
            elif column == CLASS and row.kind == "object":
                flags |= Qt.ItemFlag.ItemIsEditable
            if flags != cell.flags():
                cell.setFlags(flags)
            if what.centred:
                cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        shown, name, status = (self._cell(place, column) for column in (SHOWN, CLASS, STATUS))
        shown.setCheckState(Qt.CheckState.Checked if row.visible else Qt.CheckState.Unchecked)
        name.setData(_OBJECT, row.object_id)
        name.setIcon(_swatch(row.color))
        font = name.font()
        font.setItalic(not row.takes_part)
        name.setFont(font)
        status.setData(_COUNTS, row.counts if row.takes_part else {})

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
        self._rows[cell.row()] = None
        if cell.column() == CLASS:
            self.renamed.emit(object_id, cell.text().strip())
        elif cell.column() == SHOWN:
            self.shown.emit(object_id, cell.checkState() == Qt.CheckState.Checked)


def _swatch(color: tuple[int, int, int]) -> QIcon:
    """Draw a square of a colour."""
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*color))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # or a selected row's would be tinted
    return icon


class StatusDelegate(QStyledItemDelegate):
    """Draws the text of a cell, and below it one bar with a stretch per status."""

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Ask for the text's width."""
        return super().sizeHint(option, index) + QSize(2 * _BAR_MARGIN, _BAR)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw the text and the bar."""
        super().paint(painter, option, index)
        counts: dict[FrameStatus, int] = index.data(_COUNTS) or {}
        total = sum(counts.values())
        if not total:
            return
        area = QRectF(option.rect)
        left, width = area.left() + _BAR_MARGIN, area.width() - 2 * _BAR_MARGIN
        top = area.bottom() - _BAR - 1
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        for status in STATUS_ORDER:
            share = width * counts.get(status, 0) / total
            painter.setBrush(QColor(STATUS_COLORS[status]))
            painter.drawRect(QRectF(left, top, share, _BAR - 1))
            left += share
        painter.restore()


class ClassDelegate(QStyledItemDelegate):
    """Edits a class name, with completion from what `words` gives."""

    named_elsewhere = Signal(int, str)

    def __init__(self, words: Callable[[], Sequence[str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words

    def createEditor(  # noqa: N802
        self,
        parent: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> QWidget:
        """Make a line that completes class names."""
        line = QLineEdit(parent)
        line.setProperty(_EDITED, index.data(_OBJECT))
        complete_from(line, self._words())

        def take(word: str) -> None:
            line.setText(word)
            self.commitData.emit(line)
            self.closeEditor.emit(line, QStyledItemDelegate.EndEditHint.NoHint)

        line.completer().activated.connect(take)
        return line

    def setEditorData(  # noqa: N802
        self, editor: QWidget, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Begin with the name there is; what is typed stays when the row changes meanwhile."""
        if not editor.property(_BEGUN):
            editor.setProperty(_BEGUN, True)
            super().setEditorData(editor, index)

    def setModelData(  # noqa: N802
        self,
        editor: QWidget,
        model: QAbstractItemModel,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Name the object that the editor was opened for, wherever in the list it is now."""
        if index.data(_OBJECT) == editor.property(_EDITED):
            super().setModelData(editor, model, index)
        else:
            assert isinstance(editor, QLineEdit)
            self.named_elsewhere.emit(editor.property(_EDITED), editor.text().strip())


def complete_from(line: QLineEdit, words: Sequence[str]) -> None:
    """Complete what is typed from a list of words, wherever in a word it stands."""
    completer = line.completer()
    if completer is None:
        completer = QCompleter(line)
        completer.setModel(QStringListModel(completer))
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        line.setCompleter(completer)
    model = completer.model()
    assert isinstance(model, QStringListModel)
    model.setStringList(list(words))
