"""The page *Download* of the dialog *Models*."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_tavis.weights.files import in_words
from napari_tavis.weights.licences import licences_of
from napari_tavis.weights.overview import Offer, progress_in_words
from napari_tavis.weights.sources import Source
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.models.consent import licence_lines, link
from napari_tavis.widgets.models.facts_view import FactsView
from napari_tavis.widgets.models.lists import ModelList, ModelRow
from napari_tavis.widgets.models.model_work import ModelWork
from napari_tavis.widgets.models.options import OptionRows

_DOWNLOAD = "Download and install it. You can go on working meanwhile, and cancel at any time."
_DISCARD = "Delete what has come of an unfinished download."
_SIZES = "Ask the servers how large the files are. Nothing is downloaded."
_IMPORT = "Choose the file that you downloaded in your browser."
_BY_HAND = "This file has no direct address. Get it in your browser, then import it:"


class DownloadPage(QWidget):
    """Shows official weights that are not installed, and downloads them.

    Parameters
    ----------
    work : ModelWork
        Does it.
    parent : QWidget, optional
        As Qt has it.
    """

    download_asked = Signal(object)
    """Emitted with the source that the user wants."""
    import_asked = Signal(object)
    """Emitted with the source whose file the user has."""

    def __init__(self, work: ModelWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
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
        self.discard.clicked.connect(lambda: work.discard(self._selected.source))
        self.sizes.clicked.connect(work.ask_sizes)

    def refresh(self) -> None:
        """Show what can be downloaded now."""
        self._offers = {offer.source.name: offer for offer in self._work.offers()}
        self.list.show_rows(
            [
                ModelRow(name, (self._size(offer), offer.source.title))
                for name, offer in self._offers.items()
            ]
        )
        self._show_selected()

    @property
    def _selected(self) -> Offer:
        """The selected offer; the buttons that need one are disabled where there is none."""
        return self._offers[self.list.selected or ""]

    def _size(self, offer: Offer) -> str:
        if not offer.source.url:
            return "by hand"
        if offer.unfinished is not None:
            return progress_in_words(offer.unfinished)
        known = self._work.sizes.get(offer.source.name)
        return "" if known is None else in_words(known)

    def _show_selected(self, *_: object) -> None:
        busy = self._work.obstacle
        allow(self.sizes, _SIZES, busy)
        if self.list.selected not in self._offers:
            self.facts.show_lines(["All official weights are installed."])
            for button in (self.download, self.discard, self.get_file):
                allow(button, "", "All official weights are installed.")
            return
        offer = self._selected
        source, refused = offer.source, self._work.refused.get(offer.source.name)
        self.facts.show_lines(_facts(source, refused))
        self.download.setVisible(bool(source.url))
        self.get_file.setVisible(not source.url)
        self.discard.setVisible(offer.unfinished is not None)
        self.download.setText("Go on" if offer.unfinished is not None else "Download")
        if refused:
            self.download.setText("Download, and take it as it is")
        allow(self.download, _DOWNLOAD, busy)
        allow(self.discard, _DISCARD, busy)
        allow(self.get_file, _IMPORT, busy)


def _facts(source: Source, refused: str | None) -> list[str]:
    """Say where weights come from, and under which terms."""
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
