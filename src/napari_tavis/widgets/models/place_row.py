"""Where models lie, and moving that."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_tavis.core.home import HOME_VARIABLE, home_origin
from napari_tavis.weights.files import free_space, in_words
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.models.model_work import ModelWork

_MOVE = "Keep models in another folder from now on. Those installed already stay where they are."
_RESET = "Keep models in the system's own place again."
_VARIABLE = f"The environment variable {HOME_VARIABLE} says where they lie."


class PlaceRow(QWidget):
    """Shows where models lie, and how much room there is.

    Parameters
    ----------
    work : ModelWork
        Moves it.
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, work: ModelWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self.where = QLabel()
        self.where.setWordWrap(True)
        self.move_button, self.reset = QPushButton("Move …"), QPushButton("Reset")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.where, stretch=1)
        for button in (self.move_button, self.reset):
            button.setAutoDefault(False)
            layout.addWidget(button)
        self.move_button.clicked.connect(self._choose)
        self.reset.clicked.connect(lambda: work.move(None))
        self.refresh()

    def refresh(self) -> None:
        """Show where models lie now."""
        store, origin = self._work.store, home_origin()
        free = free_space(store.models)
        room = "" if free is None else f" ({in_words(free)} free)"
        # a long path may break behind its separators
        path = str(store.models).replace("/", "/\u200b").replace("\\", "\\\u200b")
        self.where.setText(f"Models lie in {path}{room}")
        self.where.setToolTip(str(store.models))
        fixed = _VARIABLE if origin == "variable" else None
        usual = "They lie there." if origin == "system" else None
        allow(self.move_button, _MOVE, fixed or self._work.obstacle)
        allow(self.reset, _RESET, fixed or usual or self._work.obstacle)
        self.reset.setVisible(origin == "setting")

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Keep models in", str(self._work.store.home)
        )
        if chosen:
            self._work.move(Path(chosen))
