"""Labels of several lines, and plain text within their markup."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy


def plain(text: str) -> str:
    """Let a text stand in markup as it is."""
    return escape(text, quote=False)


def wrapped_label() -> QLabel:
    """Make a label of any number of lines that takes the width it gets."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
