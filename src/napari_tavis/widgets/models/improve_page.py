"""The page *Improve* of the dialog *Models*: learn from corrections, and see the result."""

from __future__ import annotations

import os
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.core.errors import TavisError
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest
from napari_tavis.weights.store import suggest_name
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.workbench import Workbench

_TEXT = (
    "Trains a model on the clips that you corrected: videos that are done or exported, and those "
    "in which you accepted every mask. A fifth of them is held out to test whether the new model "
    "is better; it is installed only if it is. You can go on working meanwhile."
)
_SOURCE = "A folder of annotated videos; by default that of the queue, or of the open video."
_NAME = "The name under which the new model can be chosen."
_START = "Learn from the corrected clips, in the background."
_USE = "Segment with the new model from now on."
_LEGEND = " (green outlines: your masks; orange: the model's)"
_PICTURE_WIDTH = 470


class ImprovePage(QWidget):
    """Asks what to learn from, and shows the model's results before and after."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._queue = workbench.controller, workbench.queue
        models = self._models = workbench.models
        self._chosen_source = ""  # empty: follow the queue or the open video
        self._own_name = False  # the name was typed, and is not to be replaced by a suggestion
        self._result: Improvement | None = None
        self.settings: tuple[str, ...] = ()  # key=value each, over the configuration "finetune"
        self.model = QLabel()
        self.source = QLineEdit()
        self.source.setToolTip(_SOURCE)
        self.browse = QPushButton("folder …")
        self.name = QLineEdit()
        self.name.setToolTip(_NAME)
        self.start = QPushButton("Improve the model")
        self.use = QPushButton("Use the new model")
        self.result = QLabel()
        self.pictures = QLabel()
        self._arrange()
        self.source.textEdited.connect(self._on_source)
        self.source.textChanged.connect(self.refresh)
        self.name.textEdited.connect(self._on_name)
        self.name.textChanged.connect(self.refresh)
        self.browse.clicked.connect(self._choose_folder)
        self.start.clicked.connect(self._on_start)
        self.use.clicked.connect(self._on_use)
        models.improved.connect(self._on_improved)

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        text = QLabel(_TEXT)
        for label in (text, self.result):
            label.setWordWrap(True)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.model.setToolTip(
            "The model to start from: the one chosen in the dock. It is not changed."
        )
        source = QHBoxLayout()
        source.addWidget(self.source, 1)
        source.addWidget(self.browse)
        form = QFormLayout()
        form.addRow("model", self.model)
        form.addRow("videos", source)
        form.addRow("new name", self.name)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.start, self.use):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        self.browse.setAutoDefault(False)
        self._shown = QScrollArea()
        self._shown.setWidget(self.pictures)
        self._shown.setWidgetResizable(True)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.result)
        layout.addWidget(self._shown, 1)
        self._shown.hide()
        self.use.hide()

    # -- what the user does ----------------------------------------------------------------

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "A folder of annotated videos", self.source.text()
        )
        if chosen:
            self._chosen_source = chosen
            self.source.setText(chosen)

    def _on_source(self, text: str) -> None:
        self._chosen_source = text.strip()

    def _on_name(self, text: str) -> None:
        self._own_name = bool(text.strip())

    def _on_start(self) -> None:
        session = self._controller.collect_edits()
        try:
            if session is not None and not session.read_only:
                session.save()
        except TavisError as error:
            self.result.setText(str(error))
            return
        self._show(None)
        self._models.improve(
            ImprovementRequest(
                (self.source.text().strip(),),
                str(self._controller.options.model),
                self.name.text().strip(),
                self.settings,
            )
        )

    def _on_use(self) -> None:
        if self._result is not None:
            self._models.chosen.emit(self._result.name)

    # -- what is shown ---------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Show what would be done now, and whether it can be done."""
        model = str(self._controller.options.model)
        self.model.setText(Path(model).name)
        if not self._chosen_source and self.source.text() != self._own_source():
            self.source.setText(self._own_source())
        name = self.name.text().strip()
        taken = [card.name for card in self._models.store.cards()]
        if not self._own_name and (not name or name in taken) and not self._models.jobs.busy:
            name = suggest_name([f"{Path(model).stem}_improved"], taken)
            self.name.setText(name)
        allow(self.start, _START, self._models.obstacle or self._missing(name))
        gone = self._result is None or self._result.name not in taken
        allow(self.use, _USE, "It is no longer installed." if gone else None)

    def _own_source(self) -> str:
        """Give the source of the queue, or the folder of the open video."""
        if self._queue.queue is not None:
            return str(self._queue.queue.source)
        video = self._controller.video
        return "" if video is None else str(video.parent)

    def _missing(self, name: str) -> str | None:
        """Give what is missing, in a sentence, or None."""
        source = self.source.text().strip()
        if not source or not os.path.exists(source):
            return "Choose a folder of annotated videos first."
        try:
            self._models.store.check_name(name)
        except TavisError as error:
            return str(error)
        return None

    def _on_improved(self, result: Improvement) -> None:
        self._own_name = False
        self._show(result)
        self.refresh()

    def _show(self, result: Improvement | None) -> None:
        """Show the scores, and held-out clips before and after."""
        self._result = result
        self.use.setVisible(result is not None and bool(result.name))
        self._shown.setVisible(result is not None and bool(result.pictures))
        if result is None:
            self.result.clear()
            return
        left_out = f" Left out: {' '.join(result.left_out)}" if result.left_out else ""
        self.result.setText(f"{result}{left_out}")
        titles = ("Before", "After")
        html = (
            f'<b>{title}</b>{_LEGEND}<br><img src="{path}" width="{_PICTURE_WIDTH}"><br>'
            for title, path in zip(titles, result.pictures, strict=False)
            if not QPixmap(path).isNull()
        )
        self.pictures.setText("".join(html))
