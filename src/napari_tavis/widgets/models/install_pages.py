"""The pages *Download* and *Import* of the dialog *Models*, which install models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
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
from napari_tavis.weights.files import in_words
from napari_tavis.weights.installing import DEFAULT_DTYPE, DTYPES
from napari_tavis.weights.licences import licences_of
from napari_tavis.weights.overview import Offer, progress_in_words
from napari_tavis.weights.sources import Source
from napari_tavis.weights.store import suggest_name
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.models.consent import licence_lines, link
from napari_tavis.widgets.models.model_controller import InstallOptions, ModelController
from napari_tavis.widgets.models.model_list import FactsView, ModelList, ModelRow

_DOWNLOAD = "Download and install it. You can go on working, and cancel at any time."
_DISCARD = "Delete the part of an unfinished download."
_ASK_SIZES = "Ask the servers how large the files are. Nothing is downloaded."
_GET_FILE = "Choose the file that you downloaded in your browser."
_BY_HAND = "This file has no direct address. Download it in your browser, then import it:"

_EXPLANATION = (
    "Installs a model from files that you have: a checkpoint of TAViS (.pth from its authors, or "
    ".safetensors from this plugin); or, to train from, one of SAM 2 or SAM and one of ImageBind. "
    "The size is detected, and only what TAViS uses is kept. Your files stay as they are."
)
_FIRST = "A checkpoint of TAViS, or of SAM 2, SAM or ImageBind."
_SECOND = (
    "Only to train from SAM 2 (or SAM) and ImageBind: the other one, a file or an installed part."
)
_NAME = "The name under which the model can be chosen."
_START = "Read, convert and install the model."
FILE_FILTER = "Checkpoints (*.pth *.pt *.bin *.safetensors);;All files (*)"

_FORMAT = (
    "How numbers are stored on disk. float16 takes half the space and loses nothing that "
    "matters; float32 loses nothing at all; bfloat16 is for weights too large for float16."
)
_SIZE = (
    "Size at which the model sees frames, in pixels per side. The model's own is what its file "
    "says, or else 224. Choose 1024 for a checkpoint that was trained at 1024."
)
_SIZES = (224, 1024)


class DownloadPage(QWidget):
    """Offers the official weights that are not installed."""

    download_asked = Signal(object)  # the `Source` that the user wants
    import_asked = Signal(object)  # the `Source` whose file the user has

    def __init__(self, models: ModelController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._offers: dict[str, Offer] = {}
        self.list = ModelList(["name", "download", "what it is"])
        self.facts = FactsView()
        form = QFormLayout()
        self.options = OptionRows(form)
        self.download, self.discard = QPushButton("Download"), QPushButton("Discard")
        self.sizes, self.get_file = QPushButton("Ask for sizes"), QPushButton("Import file …")
        buttons = QHBoxLayout()
        for button in (self.download, self.get_file, self.discard, self.sizes):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.insertStretch(3, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list, stretch=1)
        layout.addWidget(self.facts)
        layout.addLayout(form)
        layout.addLayout(buttons)
        self.list.currentItemChanged.connect(self._show_selected)
        self.download.clicked.connect(lambda: self.download_asked.emit(self._selected.source))
        self.get_file.clicked.connect(lambda: self.import_asked.emit(self._selected.source))
        self.discard.clicked.connect(lambda: models.discard(self._selected.source))
        self.sizes.clicked.connect(models.ask_sizes)

    def refresh(self) -> None:
        self._offers = {offer.source.name: offer for offer in self._models.offers()}
        self.list.show_rows(
            [
                ModelRow(name, (self._size(offer), offer.source.title))
                for name, offer in self._offers.items()
            ]
        )
        self._show_selected()

    @property
    def _selected(self) -> Offer:
        """The selected offer; where there is none, the buttons that need it are disabled."""
        return self._offers[self.list.selected or ""]

    def _size(self, offer: Offer) -> str:
        if not offer.source.url:
            return "by hand"
        if offer.unfinished is not None:
            return progress_in_words(offer.unfinished)
        known = self._models.sizes.get(offer.source.name)
        return "" if known is None else in_words(known)

    def _show_selected(self, *_: object) -> None:
        busy = self._models.obstacle
        allow(self.sizes, _ASK_SIZES, busy)
        if self.list.selected not in self._offers:
            self.facts.show_lines(["All official weights are installed."])
            for button in (self.download, self.discard, self.get_file):
                allow(button, "", "All official weights are installed.")
            return
        offer = self._selected
        source, refused = offer.source, self._models.refused.get(offer.source.name)
        self.facts.show_lines(_facts(source, refused))
        self.download.setVisible(bool(source.url))
        self.get_file.setVisible(not source.url)
        self.discard.setVisible(offer.unfinished is not None)
        self.download.setText("Resume" if offer.unfinished is not None else "Download")
        if refused:
            self.download.setText("Download, and accept it as it is")
        allow(self.download, _DOWNLOAD, busy)
        allow(self.discard, _DISCARD, busy)
        allow(self.get_file, _GET_FILE, busy)


def _facts(source: Source, refused: str | None) -> list[str]:
    """Give lines about where weights come from, and under which terms."""
    lines = [f"<b>{escape(source.title)}</b>"]
    if refused:
        lines.append(escape(refused))
    page = link(source.page, source.page)
    if source.url:
        lines.append(f"From {page}")
    else:
        code = f", code <b>{escape(source.code)}</b>" if source.code else ""
        lines.append(f"{_BY_HAND} {page}{code}")
    if source.sha256:
        lines.append(f"SHA-256 {source.sha256}")
    return lines + licence_lines(licences_of(source.kind))


@dataclass(frozen=True)
class ImportRequest:
    """What is to be imported."""

    files: tuple[str, ...]  # files, or names of installed parts
    name: str
    options: InstallOptions
    replace: bool  # an installed model of that name


class ImportPage(QWidget):
    """Asks for the files of a model and a name."""

    import_asked = Signal(object)  # an `ImportRequest`

    def __init__(self, models: ModelController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._own_name = False  # the name was typed, and is not to be replaced by a suggestion
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
        text = QLabel(_EXPLANATION)
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
        """Fill in files (the first two) and a name, by default one suggested by the files."""
        self._own_name = bool(name)
        self.name.setText(name)
        for place, box in enumerate(self.files):
            box.setEditText(str(files[place]) if place < len(files) else "")
        self._on_files()

    def refresh(self, *_: object) -> None:
        """Show what can be chosen, and whether anything is missing."""
        cards = self._models.store.cards()
        for box in self.files:
            box.offer([card.name for card in cards if not card.runs])
        name = self.name.text().strip()
        taken = name in {card.name for card in cards}
        self.replace.setVisible(taken)
        allow(self.start, _START, self._models.obstacle or self._missing(name, taken))

    def _missing(self, name: str, taken: bool) -> str | None:
        """Give what is missing, in a sentence, or None."""
        if not self._chosen_files():
            return "Choose a file first."
        if not name:
            return "Give the model a name."
        if taken and not self.replace.isChecked():
            return "A model of this name is installed: choose another name, or replace it."
        try:
            self._models.store.check_name(name, replace=True)
        except TavisError as error:
            return str(error)
        return None

    def _chosen_files(self) -> tuple[str, ...]:
        texts = (box.currentText().strip() for box in self.files)
        return tuple(text for text in texts if text)

    def _on_files(self, *_: object) -> None:
        if not self._own_name:
            taken = [card.name for card in self._models.store.cards()]
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
    """Asks for a file, or one of the installed parts."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(20)
        self.setToolTip(tooltip)

    def offer(self, parts: Sequence[str]) -> None:
        """Offer installed parts, and keep the text."""
        if [self.itemText(place) for place in range(self.count())] == list(parts):
            return
        self.blockSignals(True)  # the text does not change, though it is gone for a moment
        text = self.currentText()
        self.clear()
        self.addItems(list(parts))
        self.setEditText(text)
        self.blockSignals(False)

    def choose(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Import", self.currentText(), FILE_FILTER)
        if chosen:
            self.setEditText(chosen)


def _with_button(box: _PartBox) -> QHBoxLayout:
    """Put a button for choosing a file beside a box."""
    button = QPushButton("file …")
    button.setToolTip(box.toolTip())
    button.setAutoDefault(False)
    button.clicked.connect(box.choose)
    row = QHBoxLayout()
    row.addWidget(box, 1)
    row.addWidget(button)
    return row


class OptionRows:
    """Adds rows to a form that ask how a model is to be stored."""

    def __init__(self, form: QFormLayout) -> None:
        self.dtype = QComboBox()
        for dtype in DTYPES:
            self.dtype.addItem(dtype)
        self.dtype.setCurrentText(DEFAULT_DTYPE)
        self.dtype.setToolTip(_FORMAT)
        self.image_size = QComboBox()
        self.image_size.addItem("the model's own", None)
        for size in _SIZES:
            self.image_size.addItem(f"{size} pixels", size)
        self.image_size.setToolTip(_SIZE)
        form.addRow("number format", self.dtype)
        form.addRow("image size", self.image_size)

    def read(self) -> InstallOptions:
        return InstallOptions(self.dtype.currentText(), self.image_size.currentData())
