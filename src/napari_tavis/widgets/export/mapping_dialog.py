"""The one question of an export: what becomes of classes that AVSBench does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench.mapping import suggest_class

_CHOOSE = "choose …"
_LEAVE_OUT = "leave out of the dataset"
_TEXT = (
    "AVSBench has no class for these. Say what each becomes. The answer is kept with the dataset "
    "and not asked again; nothing has been written yet."
)


class MappingDialog(QDialog):
    """Asks for a class of AVSBench for each class that it lacks.

    Parameters
    ----------
    known : mapping, optional
        What was said of some of them before.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        known: Mapping[str, str | None] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Classes that AVSBench does not have")
        self.boxes = {name: _box(name, known or {}) for name in class_names}
        text = QLabel(_TEXT)
        text.setWordWrap(True)
        form = QFormLayout()
        for name, box in self.boxes.items():
            form.addRow(QLabel(f"{name}  →"), box)
            box.currentIndexChanged.connect(self._show_whether_whole)
        self.buttons = QDialogButtonBox()
        self.use = self.buttons.addButton("Use these", QDialogButtonBox.ButtonRole.AcceptRole)
        self.refuse = self.buttons.addButton(
            "Do not export", QDialogButtonBox.ButtonRole.RejectRole
        )
        self.refuse.setToolTip("Export nothing, and rename or reject the objects first.")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(380)
        self._show_whether_whole()

    @property
    def mapping(self) -> dict[str, str | None]:
        """What was said: None leaves the objects of a class out."""
        return {name: box.currentData() or None for name, box in self.boxes.items()}

    def _show_whether_whole(self) -> None:
        whole = all(box.currentText() != _CHOOSE for box in self.boxes.values())
        self.use.setEnabled(whole)
        self.use.setToolTip(
            "Go on with the export." if whole else "Choose something for every class first."
        )


def _box(name: str, known: Mapping[str, str | None]) -> QComboBox:
    """Make the choice for one class; the likeliest answer is chosen already."""
    box = QComboBox()
    box.setToolTip(f"The class of AVSBench that {name} becomes. Type to find one.")
    box.addItem(_CHOOSE, None)
    box.addItem(_LEAVE_OUT, "")
    for class_name in AVSBENCH_CLASSES[1:]:
        box.addItem(class_name, class_name)
    box.setEditable(True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    completer = box.completer()
    if completer is not None:
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
    answer = (known[name] or "") if name in known else suggest_class(name)
    box.setCurrentIndex(0 if answer is None else max(0, box.findData(answer)))
    line = box.lineEdit()
    if line is not None:  # what was typed and is no choice falls back to the one before
        line.editingFinished.connect(lambda: box.setEditText(box.itemText(box.currentIndex())))
    return box
