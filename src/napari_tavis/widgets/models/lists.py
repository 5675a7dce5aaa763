"""The lists of models: a name, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

_NAME = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class ModelRow:
    """A line of the list.

    Parameters
    ----------
    name : str
        Of the model.
    texts : tuple of str
        What stands in the columns behind the name.
    """

    name: str
    texts: tuple[str, ...]


class ModelList(QTreeWidget):
    """Lists models, one of which is selected.

    Parameters
    ----------
    columns : sequence of str
        Titles, the first that of the name.
    parent : QWidget, optional
        As Qt has it.
    """

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
        """Ask for little; the dialog gives what is left."""
        return QSize(420, 140)

    @property
    def selected(self) -> str | None:
        """Name of the selected model, or None."""
        item = self.currentItem()
        return None if item is None else item.data(0, _NAME)

    def select(self, name: str) -> None:
        """Select a model, if it is there."""
        for item in self._items():
            if item.data(0, _NAME) == name:
                self.setCurrentItem(item)

    def show_rows(self, rows: Sequence[ModelRow]) -> None:
        """Show models; the selected one stays selected, else the first one is."""
        before = self.selected
        self.blockSignals(True)
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
