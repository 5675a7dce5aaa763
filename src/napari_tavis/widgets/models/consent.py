"""Asks the user to agree to the licences of weights before they are first installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from napari_tavis.core.errors import WeightsError
from napari_tavis.weights.licences import Licence, not_shown_yet, note_shown
from napari_tavis.widgets.jobs import report_error

_INTRODUCTION = (
    "These weights come under their authors' licences. Models trained from them come under the "
    "same terms."
)


class ConsentDialog(QDialog):
    """Asks whether the user agrees to the licences given."""

    def __init__(self, licences: Sequence[Licence], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Licences")
        layout = QVBoxLayout(self)
        for text in (escape(_INTRODUCTION), *licence_lines(licences)):
            label = QLabel(text)
            label.setWordWrap(True)
            label.setOpenExternalLinks(True)
            layout.addWidget(label)
        self.buttons = QDialogButtonBox()
        self.agree = self.buttons.addButton("I agree", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addSpacing(6)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(420)


def with_consent(
    licences: Iterable[Licence], home: Path, begin: Callable[[], None], parent: QWidget
) -> None:
    """Call `begin` once the user has agreed to the licences, at once if that was done before.

    `home` is the user's directory (see `napari_tavis.core.home`), where it is noted.
    """
    new = not_shown_yet(home, licences)
    if not new:
        begin()
        return

    def agreed() -> None:
        try:
            note_shown(home, new)
        except WeightsError as error:
            report_error(error)  # the user will be asked again, which is no reason not to begin
        begin()

    consent = ConsentDialog(new, parent)
    consent.accepted.connect(agreed)
    consent.finished.connect(consent.deleteLater)
    consent.open()  # modal to its window alone, without blocking Qt's event loop as exec() does


def licence_lines(licences: Iterable[Licence]) -> list[str]:
    """Give licences as rich text, each with a link to its text."""
    return [
        f"<b>{escape(one.work)}</b>: {link(one.address, one.name)}. {escape(one.terms)}"
        for one in licences
    ]


def link(address: str, text: str) -> str:
    """Give a link in a colour that is readable on light and dark themes."""
    return f'<a href="{escape(address)}" style="color: #4a90d9;">{escape(text)}</a>'
