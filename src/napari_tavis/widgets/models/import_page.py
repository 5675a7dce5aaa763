"""The page *Import* of the dialog *Models*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.core.errors import TavisError
from napari_tavis.weights.store import suggest_name
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.models.model_work import ModelWork
from napari_tavis.widgets.models.options import OptionRows
from napari_tavis.widgets.models.work import InstallOptions

_TEXT = (
    "Installs a model from files that you have: a checkpoint of TAViS (.pth of its authors, or "
    ".safetensors of this plugin); or one of SAM 2 or SAM and one of ImageBind, to train from. The "
    "size is recognised, and only what TAViS uses is kept. Your files stay as they are."
)
_FIRST = "A checkpoint of TAViS, or of SAM 2, SAM or ImageBind."
_SECOND = (
    "Only to train from SAM 2 (or SAM) and ImageBind: the other one, a file or installed part."
)
_NAME = "What the model is called where it is chosen."
_IMPORT = "Read, convert and install the model."
FILE_FILTER = "Checkpoints (*.pth *.pt *.bin *.safetensors);;All files (*)"
"""Of the dialogs that choose a checkpoint."""


@dataclass(frozen=True)
class ImportRequest:
    """What is to be imported.

    Parameters
    ----------
    files : tuple of str
        Files, or names of installed parts.
    name : str
        What to call the model.
    options : InstallOptions
        How it is kept.
    replace : bool
        Whether the model of that name may be replaced.
    """

    files: tuple[str, ...]
    name: str
    options: InstallOptions
    replace: bool


class ImportPage(QWidget):
    """Asks for the files of a model, and a name.

    Parameters
    ----------
    work : ModelWork
        Does it.
    parent : QWidget, optional
        As Qt has it.
    """

    import_asked = Signal(object)
    """Emitted with an `ImportRequest`."""

    def __init__(self, work: ModelWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._own_name = False
        self.files = (_PartBox(_FIRST), _PartBox(_SECOND))
        self.name = QLineEdit()
        self.name.setToolTip(_NAME)
        self.replace = QCheckBox("replace the installed model of this name")
        self.start = QPushButton("Import")
        self.start.setAutoDefault(False)
        self._arrange()
        for box in self.files:
            box.editTextChanged.connect(self._on_files)
        self.name.textEdited.connect(self._on_name)
        self.name.textChanged.connect(self.refresh)
        self.replace.toggled.connect(self.refresh)
        self.start.clicked.connect(self._on_start)

    def _arrange(self) -> None:
        text = QLabel(_TEXT)
        text.setWordWrap(True)
        form = QFormLayout()
        for label, box in zip(("file", "and"), self.files, strict=True):
            form.addRow(label, _with_button(box))
        form.addRow("name", self.name)
        form.addRow("", self.replace)
        self.options = OptionRows(form)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(self.start)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addLayout(line)

    def take(self, files: Sequence[Path], name: str = "") -> None:
        """Take files that were dropped or chosen elsewhere.

        Parameters
        ----------
        files : sequence of Path
            At most two count.
        name : str
            What to call the model; made of the files by default.
        """
        self._own_name = bool(name)
        self.name.setText(name)
        for place, box in enumerate(self.files):
            box.setEditText(str(files[place]) if place < len(files) else "")
        self._on_files()

    def refresh(self, *_: object) -> None:
        """Show what can be chosen, and whether all is there."""
        cards = self._work.store.cards()
        for box in self.files:
            box.offer([card.name for card in cards if not card.runs])
        name = self.name.text().strip()
        taken = name in {card.name for card in cards}
        self.replace.setVisible(taken)
        allow(self.start, _IMPORT, self._work.obstacle or self._missing(name, taken))

    def _missing(self, name: str, taken: bool) -> str | None:
        """Say what is missing, in a sentence."""
        if not self._chosen_files():
            return "Choose a file first."
        if not name:
            return "Give the model a name."
        if taken and not self.replace.isChecked():
            return "A model of this name is installed: give another name, or replace it."
        try:
            self._work.store.check_name(name, replace=True)
        except TavisError as error:
            return str(error)
        return None

    def _chosen_files(self) -> tuple[str, ...]:
        texts = (box.currentText().strip() for box in self.files)
        return tuple(text for text in texts if text)

    def _on_files(self, *_: object) -> None:
        if not self._own_name:
            taken = [card.name for card in self._work.store.cards()]
            self.name.setText(suggest_name(self._chosen_files(), taken))
        self.refresh()

    def _on_name(self, text: str) -> None:
        self._own_name = bool(text.strip())

    def _on_start(self) -> None:
        self.import_asked.emit(
            ImportRequest(
                self._chosen_files(),
                self.name.text().strip(),
                self.options.read(),
                self.replace.isVisible() and self.replace.isChecked(),
            )
        )


class _PartBox(QComboBox):
    """A file, or one of the installed parts."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(20)
        self.setToolTip(tooltip)

    def offer(self, parts: Sequence[str]) -> None:
        """Offer installed parts, and keep what is written."""
        if [self.itemText(place) for place in range(self.count())] == list(parts):
            return
        self.blockSignals(True)
        text = self.currentText()
        self.clear()
        self.addItems(list(parts))
        self.setEditText(text)
        self.blockSignals(False)

    def choose(self) -> None:
        """Let the user choose a file."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Import", self.currentText(), FILE_FILTER)
        if chosen:
            self.setEditText(chosen)


def _with_button(box: _PartBox) -> QHBoxLayout:
    """Put a button for choosing a file behind a box."""
    button = QPushButton("file …")
    button.setToolTip(box.toolTip())
    button.setAutoDefault(False)
    button.clicked.connect(box.choose)
    row = QHBoxLayout()
    row.addWidget(box, 1)
    row.addWidget(button)
    return row
