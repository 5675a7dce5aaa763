"""A list of models, and the view of what is known about the selected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QTextOption
from qtpy.QtWidgets import QHeaderView, QTextBrowser, QTreeWidget, QTreeWidgetItem, QWidget

_NAME = Qt.ItemDataRole.UserRole
_FACTS_HEIGHT = 150


@dataclass(frozen=True)
class ModelRow:
    """A row of the list."""

    name: str
    texts: tuple[str, ...]  # of the columns after the name


class ModelList(QTreeWidget):
    """Lists models, one of which is selected. The first of its columns is the name."""

    def __init__(self, columns: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHeaderLabels(list(columns))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(False)
        header = self.header()
        header.setStretchLastSection(True)
        for column in range(len(columns) - 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for little: the dialog gives it the space that is left."""
        return QSize(420, 140)

    @property
    def selected(self) -> str | None:
        item = self.currentItem()
        return None if item is None else item.data(0, _NAME)

    def select(self, name: str) -> None:
        for item in self._items():
            if item.data(0, _NAME) == name:
                self.setCurrentItem(item)

    def show_rows(self, rows: Sequence[ModelRow]) -> None:
        """Show models; the selected one stays selected, or else the first one is."""
        before = self.selected
        self.blockSignals(True)  # the selection would change row by row while the list is filled
        self.clear()
        for row in rows:
            item = QTreeWidgetItem([row.name, *row.texts])
            item.setData(0, _NAME, row.name)
            for column, text in enumerate((row.name, *row.texts)):
                item.setToolTip(column, text)
            self.addTopLevelItem(item)
        items = self._items()
        if items:
            self.setCurrentItem(items[0])
        if before is not None:
            self.select(before)
        self.blockSignals(False)
        current = self.currentItem()
        if current is not None:
            self.scrollToItem(current)

    def _items(self) -> list[QTreeWidgetItem]:
        found = (self.topLevelItem(place) for place in range(self.topLevelItemCount()))
        return [item for item in found if item is not None]


class FactsView(QTextBrowser):
    """Shows lines of rich text, with links that open in the browser; it can be copied from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenExternalLinks(True)
        # Checksums and paths have no spaces to wrap at.
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setFixedHeight(_FACTS_HEIGHT)

    def show_lines(self, lines: Sequence[str]) -> None:
        style = "margin: 0 0 3px 0;"
        self.setHtml("".join(f'<p style="{style}">{line}</p>' for line in lines))

    def show_facts(self, facts: Sequence[tuple[str, str]], note: str = "") -> None:
        """Show pairs of a label and a plain text, below a note, if any."""
        lines = [f"<b>{escape(what)}</b> <small>{escape(fact)}</small>" for what, fact in facts]
        self.show_lines([escape(note), *lines] if note else lines)
