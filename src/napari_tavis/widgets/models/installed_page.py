"""The page *Installed* of the dialog *Models*."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from napari_tavis.weights.files import in_words
from napari_tavis.weights.overview import facts, sizes_in_words
from napari_tavis.weights.store import ModelCard
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.models.model_controller import ModelController
from napari_tavis.widgets.models.model_list import FactsView, ModelList, ModelRow

_NONE = "No model is installed yet. The bundled toy model is always available."
_USE = "Segment with this model from now on."
_CHECK = "Read the whole file and compare it with its checksum."
_REMOVE = "Delete the model from disk."


class InstalledPage(QWidget):
    """Shows the installed models, and removes them."""

    def __init__(self, models: ModelController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self._cards: dict[str, ModelCard] = {}
        self.nothing = QLabel(_NONE)
        self.list = ModelList(["name", "state", "size on disk", "model"])
        self.facts = FactsView()
        self.use, self.check = QPushButton("Use"), QPushButton("Check")
        self.remove = QPushButton("Remove …")
        buttons = QHBoxLayout()
        buttons.addWidget(self.use)
        buttons.addWidget(self.check)
        buttons.addStretch(1)
        buttons.addWidget(self.remove)
        for button in (self.use, self.check, self.remove):
            button.setAutoDefault(False)
        layout = QVBoxLayout(self)
        for widget in (self.nothing, self.list, self.facts):
            layout.addWidget(widget, stretch=int(widget is self.list))
        layout.addLayout(buttons)
        self.nothing.setWordWrap(True)
        self.list.currentItemChanged.connect(self._show_selected)
        self.use.clicked.connect(self._on_use)
        self.check.clicked.connect(self._on_check)
        self.remove.clicked.connect(self._on_remove)

    def refresh(self) -> None:
        cards = self._models.store.cards()
        self._cards = {card.name: card for card in cards}
        problems = self._models.problems(cards)
        self.nothing.setVisible(not cards)
        self.list.show_rows([_row(card, problems.get(card.name, "")) for card in cards])
        self._show_selected()

    @property
    def _selected(self) -> ModelCard | None:
        return self._cards.get(self.list.selected or "")

    def _show_selected(self, *_: object) -> None:
        card = self._selected
        problem = ""
        if card is not None:
            problem = self._models.problems([card]).get(card.name, "")
            bad = f"Damaged: {problem}. Remove it and install it again." if problem else ""
            self.facts.show_facts(facts(self._models.store, card), bad or card.note)
        else:
            self.facts.show_lines([])
        nothing = "Select a model first." if card is None else None
        part = "It is only a part of a model: import it together with the other part first."
        useless = part if card is not None and not card.runs else None
        damaged = "It is damaged." if problem else None
        allow(self.use, _USE, nothing or useless or damaged)
        allow(self.check, _CHECK, nothing or self._models.obstacle)
        allow(self.remove, _REMOVE, nothing or self._models.obstacle)

    def _on_use(self) -> None:
        if self._selected is not None:
            self._models.chosen.emit(self._selected.name)

    def _on_check(self) -> None:
        if self._selected is not None:
            self._models.check([self._selected])

    def _on_remove(self) -> None:
        card = self._selected
        if card is None:
            return
        question = QMessageBox(
            QMessageBox.Icon.Question,
            "Remove a model?",
            f"Remove {card.name} ({in_words(card.bytes)}) from the disk?",
            QMessageBox.StandardButton.Cancel,
            self,
        )
        remove = question.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        question.setDefaultButton(QMessageBox.StandardButton.Cancel)
        remove.clicked.connect(lambda: self._models.remove(card.name))
        question.open()


def _row(card: ModelCard, problem: str) -> ModelRow:
    what = "whole model" if card.kind == "tavis" else "to be trained"
    state = "⚠ damaged" if problem else what if card.runs else "part of a model"
    return ModelRow(card.name, (state, in_words(card.bytes), sizes_in_words(card)))
