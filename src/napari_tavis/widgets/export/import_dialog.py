"""Choosing a dataset to correct, and the folder that its videos and sessions go to."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.widgets.export.exporter import AskedImport

_TEXT = (
    "Makes a video with a session of every clip of a dataset, all masks accepted, so that they "
    "can be corrected. The dataset itself stays as it is until you export a clip again."
)
_DATASET = (
    "An AVSBench folder, a json file (COCO with or without videos, CocoVID, YouTube-VIS, CVAT, "
    "Label Studio), or the folder of a COCO dataset."
)
_OUTPUT = "An empty folder for the videos and their sessions; what is in it is left alone."
_VIDEOS = (
    "Where the videos of a json file lie. May stay empty if they lie beside it; needed if it lists "
    "images only, whose folders must be named like the videos then."
)
_FIRST = "What a json file calls the first frame of a video; its numbers do not always tell."
_PARTIAL = (
    "Otherwise a video is imported only if all its annotations can be taken. What is left is "
    "listed, and its frames are not accepted."
)


class ImportDialog(QDialog):
    """Asks which dataset is imported, and where to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import a dataset")
        text = QLabel(_TEXT)
        text.setWordWrap(True)
        self.dataset, self.videos, self.output = QLineEdit(), QLineEdit(), QLineEdit()
        self.videos.setPlaceholderText("beside the json file")
        self.first_frame = QComboBox()
        for label, value in (("as its numbers say", None), ("0", 0), ("1", 1)):
            self.first_frame.addItem(label, value)
        self.partial = QCheckBox("import videos even if some annotations cannot be imported")
        for widget, tip in (
            (self.dataset, _DATASET),
            (self.videos, _VIDEOS),
            (self.output, _OUTPUT),
            (self.first_frame, _FIRST),
            (self.partial, _PARTIAL),
        ):
            widget.setToolTip(tip)
        form = QFormLayout()
        folder, file = _button("folder …", _DATASET), _button("json …", _DATASET)
        videos, target = _button("folder …", _VIDEOS), _button("folder …", _OUTPUT)
        form.addRow("dataset", _row(self.dataset, folder, file))
        form.addRow("videos", _row(self.videos, videos))
        form.addRow("first frame", self.first_frame)
        form.addRow("to", _row(self.output, target))
        form.addRow("", self.partial)
        self.buttons = QDialogButtonBox()
        self.start = self.buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(460)
        folder.clicked.connect(lambda: self._choose_folder(self.dataset, "Dataset"))
        file.clicked.connect(self._choose_file)
        videos.clicked.connect(lambda: self._choose_folder(self.videos, "Videos"))
        target.clicked.connect(lambda: self._choose_folder(self.output, "Import to"))
        for line in (self.dataset, self.output):
            line.textChanged.connect(self._show_whether_whole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._show_whether_whole()

    @property
    def asked(self) -> AskedImport:
        """What was chosen."""
        videos = self.videos.text().strip()
        return AskedImport(
            Path(self.dataset.text().strip()).expanduser(),
            Path(self.output.text().strip()).expanduser(),
            Path(videos).expanduser() if videos else None,
            self.first_frame.currentData(),
            self.partial.isChecked(),
        )

    def _choose_folder(self, line: QLineEdit, title: str) -> None:
        chosen = QFileDialog.getExistingDirectory(self, title, line.text())
        if chosen:
            line.setText(chosen)

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Dataset", self.dataset.text(), "Annotations (*.json)"
        )
        if chosen:
            self.dataset.setText(chosen)

    def _show_whether_whole(self) -> None:
        whole = bool(self.dataset.text().strip() and self.output.text().strip())
        self.start.setEnabled(whole)
        self.start.setToolTip("Begin." if whole else "Choose the dataset and a folder first.")


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setAutoDefault(False)
    return button


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(widgets[0], 1)
    for widget in widgets[1:]:
        row.addWidget(widget)
    return row
