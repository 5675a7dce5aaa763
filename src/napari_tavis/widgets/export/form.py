"""The Export page's form: which format, where to, and what of the session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

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
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from napari_tavis.datasets.avsbench.layout import Subset
from napari_tavis.datasets.names import SPLITS, Split
from napari_tavis.exchange.exporting import FORMATS
from napari_tavis.exchange.format import (
    Choice,
    ExportRequest,
    Format,
    FormatName,
    format_key,
)
from napari_tavis.exchange.selection import MaskSource

_SUBSETS: dict[Subset, str] = {
    "s4": "s4: one source, masks",
    "ms3": "ms3: several, masks",
    "v1s": "v1s: one source, classes",
    "v1m": "v1m: several, classes",
    "v2": "v2: any, 10 s, classes",
}
_MASK_SOURCES: dict[MaskSource, str] = {
    "scene": "the scene mask",
    "objects": "all objects",
    "accepted": "accepted objects only",
}
_BINARY = "What the binary masks show: the scene mask (the objects where you edited these alone), "
_MASKS = (
    "all objects together, or those whose every mask you edited or accepted. Rejected objects "
    "are never exported."
)
_FOLDER = "Folder of the dataset: a new one, or one to add to."
_NAME = "Name of the clip in the dataset. Left empty, one made from the video's."
_LICENCE = "Licence, author or address of the video: kept with the dataset, for each clip."
_CATEGORY = "Category of an S4 clip. Left empty, the class with the largest area."
_REPLACE = (
    "Replace a clip of the same name that comes from another video. This video's own clip is "
    "replaced without asking; nothing else ever is."
)
_PROPOSALS = (
    "Write frames, too, that nobody edited or accepted, with what the model proposed there as "
    "truth. Without it, an export that needs such frames is refused and says how many."
)


class ExportForm(QWidget):
    """What to export, where, and as what.

    Attributes
    ----------
    changed : Signal
        Emitted when a field was changed.
    here_asked : Signal
        Emitted when the clip is to start at the frame shown.
    classes_asked : Signal
        Emitted when the mapping of classes is to be changed.
    """

    changed = Signal()
    here_asked = Signal()
    classes_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._any_classes = False  # to be mapped, or mapped already
        self._make_fields()
        self._arrange()
        self._connect()
        self._show_format()

    def read(self) -> ExportRequest | None:
        """Read the form; give None while no folder is chosen."""
        folder = self.folder.text().strip()
        if not folder:
            return None
        return ExportRequest(
            root=Path(folder).expanduser(),
            format=self.chosen.name,
            subset=cast(Subset, self.subset.currentData()),
            split=cast(Split, self.split.currentText()),
            name=self.clip_name.text().strip(),
            start=float(self.start.value()),
            masks=cast(MaskSource, self.masks.currentData()),
            category=self.category.text().strip(),
            licence=self.licence.text().strip(),
            overwrite=self.replace.isChecked(),
            replace_own=True,
            include_proposals=self.proposals.isChecked(),
        )

    @property
    def chosen(self) -> Format:
        """The chosen format."""
        name = cast(FormatName, self.format.currentData())
        return FORMATS[format_key(name, cast(Subset, self.subset.currentData()))]

    def show_classes(
        self, mapping: Mapping[str, str | None], unmapped: tuple[str, ...] = ()
    ) -> None:
        """Show what was said of classes that AVSBench lacks, and of which it must still be said."""
        self._any_classes = bool(mapping or unmapped)
        self._show_mapping()
        left_out = sum(to is None for to in mapping.values())
        mapped = len(mapping) - left_out
        parts = [f"{mapped} mapped"] if mapped else []
        parts += [f"{left_out} left out"] if left_out else []
        parts += [f"{len(unmapped)} to be mapped"] if unmapped else []
        self.classes.setText(f"{', '.join(parts)} · change …")

    # -- building --------------------------------------------------------------------------

    def _make_fields(self) -> None:
        titles = {format.name: format.title for format in FORMATS.values()}
        self.format = _choice("What is written.", titles.items())
        self.folder = _line(_FOLDER, "choose a folder")
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip("Choose the folder.")
        self.subset = _choice(
            "Which part of AVSBench: one sounding source or several, 5 s (v2: 10 s), with binary "
            "masks or with classes.",
            list(_SUBSETS.items()),
        )
        self.subset.setCurrentIndex(self.subset.findData("v1m"))
        self.split = _choice("The part of the dataset.", ((split, split) for split in SPLITS))
        self.start = QSpinBox()
        self.start.setRange(0, 86_400)
        self.start.setSuffix(" s")
        self.start.setToolTip("Where the 5 s (v2: 10 s) that are exported start in the video.")
        self.here = QToolButton()
        self.here.setText("here")
        self.here.setToolTip("Start at the second of the frame shown.")
        self.clip_name = _line(_NAME, "the video's name")
        self.masks = _choice(_MASKS, ())
        self.category = _line(_CATEGORY, "the largest class")
        self.licence = _line(_LICENCE, "such as CC BY 4.0, author, address")
        self.classes = QPushButton()
        self.classes.setToolTip("Choose what classes that AVSBench does not have become.")
        self.proposals = QCheckBox("include what nobody checked")
        self.proposals.setToolTip(_PROPOSALS)
        self.replace = QCheckBox("replace another video's clip")
        self.replace.setToolTip(_REPLACE)

    def _arrange(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows = form
        for text, fields in (
            ("format", (self.format,)),
            ("folder", (self.folder, self.browse)),
            ("subset", (self.subset,)),
            ("split", (self.split,)),
            ("from", (self.start, self.here)),
            ("name", (self.clip_name,)),
            ("masks", (self.masks,)),
            ("category", (self.category,)),
            ("licence", (self.licence,)),
            ("classes", (self.classes,)),
            ("", (self.proposals,)),
            ("", (self.replace,)),
        ):
            label = QLabel(text)
            label.setToolTip(fields[0].toolTip())
            if len(fields) == 1:
                form.addRow(label, fields[0])
            else:
                row = _beside(*fields)
                form.addRow(label, row)
                if self.start in fields:
                    self._start_row = row
        form.setRowVisible(self.classes, False)

    def _connect(self) -> None:
        self.format.currentIndexChanged.connect(self._show_format)
        self.subset.currentIndexChanged.connect(self._show_format)
        for box in (self.split, self.masks):
            box.currentIndexChanged.connect(self.changed)
        for line in (self.folder, self.clip_name, self.category, self.licence):
            line.textChanged.connect(self.changed)
        self.start.valueChanged.connect(self.changed)
        for tick in (self.proposals, self.replace):
            tick.toggled.connect(self.changed)
        self.browse.clicked.connect(self._choose_folder)
        self.here.clicked.connect(self.here_asked)
        self.classes.clicked.connect(self.classes_asked)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Export to", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    # -- what is shown ---------------------------------------------------------------------

    def _show_format(self) -> None:
        """Show the fields that the format has."""
        choices, sources = self.chosen.choices, self.chosen.mask_sources
        rows: tuple[tuple[Choice, QWidget], ...] = (
            ("subset", self.subset),
            ("split", self.split),
            ("start", self._start_row),
            ("category", self.category),
            ("licence", self.licence),
            ("include_proposals", self.proposals),
        )
        for choice, row in rows:
            self._rows.setRowVisible(row, choice in choices)
        tip = f"{_BINARY}{_MASKS}" if "scene" in sources else _MASKS.capitalize()
        self.masks.setToolTip(tip)
        chosen = self.masks.currentData()
        self.masks.blockSignals(True)
        self.masks.clear()
        for source in sources:
            self.masks.addItem(_MASK_SOURCES[source], source)
        self.masks.setCurrentIndex(max(0, self.masks.findData(chosen)))
        self.masks.blockSignals(False)
        self._show_mapping()
        self.changed.emit()

    def _show_mapping(self) -> None:
        self._rows.setRowVisible(
            self.classes, "mapping" in self.chosen.choices and self._any_classes
        )


def _line(tooltip: str, placeholder: str) -> QLineEdit:
    line = QLineEdit()
    line.setToolTip(tooltip)
    line.setPlaceholderText(placeholder)
    line.setMinimumWidth(40)
    return line


def _choice(tooltip: str, choices: Iterable[tuple[str, str]]) -> QComboBox:
    """Make a combo box that may be narrower than its longest choice."""
    box = QComboBox()
    box.setToolTip(tooltip)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    for key, text in choices:
        box.addItem(text, key)
    return box


def _beside(*fields: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    layout.addWidget(fields[0], 1)
    for field in fields[1:]:
        layout.addWidget(field)
    return row
