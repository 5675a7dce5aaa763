"""Shows what is known about a model: long names and checksums wrap, and can be copied."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtGui import QTextOption
from qtpy.QtWidgets import QTextBrowser, QWidget

_HEIGHT = 150


class FactsView(QTextBrowser):
    """Shows lines of rich text, whose links open in the browser.

    Parameters
    ----------
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenExternalLinks(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setFixedHeight(_HEIGHT)

    def show_lines(self, lines: Sequence[str]) -> None:
        """Show rich text, line by line."""
        style = "margin: 0 0 3px 0;"
        self.setHtml("".join(f'<p style="{style}">{line}</p>' for line in lines))

    def show_facts(self, facts: Sequence[tuple[str, str]], note: str = "") -> None:
        """Show plain texts, each with what it is."""
        lines = [f"<b>{escape(what)}</b> <small>{escape(fact)}</small>" for what, fact in facts]
        self.show_lines([escape(note), *lines] if note else lines)
