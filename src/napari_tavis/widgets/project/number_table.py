"""A small table of words and numbers that is as high as its rows."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

_ROW = 22
_MOST_ROWS = 12


class NumberTable(QTableWidget):
    """Shows rows of texts, the first column words and the others numbers.

    Parameters
    ----------
    columns : sequence of tuple of str
        Title and tooltip of each column.
    parent : QWidget, optional
        Owner.
    """

    def __init__(self, columns: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(0, len(columns), parent)
        self._tips = [tip for _, tip in columns]
        for column, (title, tip) in enumerate(columns):
            heading = QTableWidgetItem(title)
            heading.setToolTip(tip)
            self.setHorizontalHeaderItem(column, heading)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for all rows, up to a dozen."""
        rows = min(max(self.rowCount(), 1), _MOST_ROWS)
        return QSize(200, self.horizontalHeader().sizeHint().height() + rows * _ROW + 4)

    def show_rows(self, rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show rows.

        Parameters
        ----------
        rows : sequence of sequence of str
            The texts.
        tips : sequence of str
            What each row's first cell says when pointed at; its text by default.
        """
        self.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                cell = QTableWidgetItem(text)
                if column:
                    cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                    cell.setToolTip(self._tips[column])
                else:
                    cell.setToolTip(tips[row] if row < len(tips) else text)
                self.setItem(row, column, cell)
        self.updateGeometry()
