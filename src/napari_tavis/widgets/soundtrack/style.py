"""The panel's colours, from napari's theme."""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor


@dataclass(frozen=True)
class Style:
    """Colours of the Soundtrack panel.

    Parameters
    ----------
    background, text, faint, wave, cursor, stretch, chosen : QColor
        Of the picture, its labels, its lines, the waveform, the cursor, the selected stretch,
        and the row of the object that is worked on.
    colormap : str
        Name of the log-mel picture's colours in pyqtgraph.
    """

    background: QColor
    text: QColor
    faint: QColor
    wave: QColor
    cursor: QColor
    stretch: QColor
    chosen: QColor
    colormap: str


def style_of(theme_name: str) -> Style:
    """Give the colours that go with a napari theme.

    Parameters
    ----------
    theme_name : str
        As the viewer names it, such as "dark".
    """
    theme = get_theme(theme_name)
    text, current = _color(theme.text), _color(theme.current)
    dark = theme.type == "dark"
    stretch = QColor(current)
    stretch.setAlpha(70)
    return Style(
        background=_color(theme.background),
        text=text,
        faint=_color(theme.secondary),
        wave=current.lighter(150) if dark else current.darker(150),
        cursor=QColor("#ff5a4f") if dark else QColor("#d02a1e"),
        stretch=stretch,
        chosen=_color(theme.primary),
        colormap="magma" if dark else "CET-L18",
    )


def _color(color: object) -> QColor:
    return QColor(*color.as_rgb_tuple(alpha=False))  # type: ignore[attr-defined]
