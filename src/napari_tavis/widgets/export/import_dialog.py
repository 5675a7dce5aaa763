"""Choosing a dataset to correct, and the folder that its videos and sessions go to."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
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

_TEXT = (
    "Makes a video with a session of every clip of a dataset, all masks accepted, so that they "
    "can be corrected. The dataset itself stays as it is until you export a clip again."
)
_DATASET = "An AVSBench folder, a COCO json file, or the folder of a COCO dataset."
_OUTPUT = "An empty folder for the videos and their sessions; what is in it is left alone."


class ImportDialog(QDialog):
    """Asks which dataset is imported, and where to.

    Parameters
    ----------
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import a dataset")
        text = QLabel(_TEXT)
        text.setWordWrap(True)
        self.dataset, self.output = QLineEdit(), QLineEdit()
        self.dataset.setToolTip(_DATASET)
        self.output.setToolTip(_OUTPUT)
        form = QFormLayout()
        folder, file = _button("folder …", _DATASET), _button("json …", _DATASET)
        target = _button("folder …", _OUTPUT)
        form.addRow("dataset", _row(self.dataset, folder, file))
        form.addRow("to", _row(self.output, target))
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
        target.clicked.connect(lambda: self._choose_folder(self.output, "Import to"))
        for line in (self.dataset, self.output):
            line.textChanged.connect(self._show_whether_whole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._show_whether_whole()

    @property
    def paths(self) -> tuple[Path, Path]:
        """The dataset, and the folder to import to."""
        dataset, output = (line.text().strip() for line in (self.dataset, self.output))
        return Path(dataset).expanduser(), Path(output).expanduser()

    def _choose_folder(self, line: QLineEdit, title: str) -> None:
        chosen = QFileDialog.getExistingDirectory(self, title, line.text())
        if chosen:
            line.setText(chosen)

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Dataset", self.dataset.text(), "COCO annotations (*.json)"
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
