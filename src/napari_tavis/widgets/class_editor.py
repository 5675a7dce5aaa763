"""Editing a class name with completion from the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QModelIndex, QPersistentModelIndex, QStringListModel, Qt
from qtpy.QtWidgets import QCompleter, QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget


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


class ClassDelegate(QStyledItemDelegate):
    """Edits the class column of a table.

    Parameters
    ----------
    words : callable
        Gives the vocabulary.
    parent : QWidget, optional
        Qt's parent.
    """

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
        complete_from(line, self._words())

        def take(word: str) -> None:
            line.setText(word)
            self.commitData.emit(line)
            self.closeEditor.emit(line, QStyledItemDelegate.EndEditHint.NoHint)

        line.completer().activated.connect(take)
        return line
