"""The looks of musical instruments: drum, guitar."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.looks.shapes import (
    Color,
    Shape,
    Style,
    arc,
    ellipse,
    line,
    mirrored,
    patch,
    rounded,
    shade,
    smooth,
)

_SKIN: Color = (248, 240, 220)
_WOOD: Color = (206, 160, 104)


def draw_drum(style: Style, time: float) -> list[Shape]:
    """Draw a drum: a cylinder with hoops, zigzag cords, a pale skin and two moving sticks."""
    wide, low = style.knob(0, 0.68, 0.86), style.knob(1, 0.52, 0.82)
    taper, flat, top = style.knob(2, 0.82, 1.0), style.knob(3, 0.2, 0.3), -0.2
    base = wide * taper
    shell = np.concatenate([[(-wide, top), (wide, top)], arc(0, low, base, flat, 0, np.pi, 18)])
    shapes = [style.filled(shell)]
    count = 4 + int(style.knobs[4] * 3)
    x = np.linspace(-1, 1, 2 * count + 1)
    curve = flat * np.sqrt(np.maximum(0.0, 1 - x**2))
    upper, lower = top + curve + 0.1, low + curve - 0.1
    zigzag = np.where(np.arange(2 * count + 1) % 2 == 0, upper, lower)
    shapes.append(line(np.stack([x * (wide + base) / 2.04, zigzag], axis=1), style.accent, 0.07))
    for y, half in ((low, base), (top, wide)):
        band = np.concatenate(
            [arc(0, y + 0.06, half, flat, 0, np.pi, 18), arc(0, y - 0.09, half, flat, np.pi, 0, 18)]
        )
        shapes.append(style.filled(band, style.detail))
    shapes.append(style.filled(ellipse(0, top - 0.06, wide, flat), style.detail))
    shapes.append(style.filled(ellipse(0, top - 0.08, wide - 0.07, flat - 0.05), _SKIN))
    for side in (-1, 1):
        lift = 0.16 + 0.14 * np.sin(style.turn(time) + side)
        tip, grip = (side * 0.14, top - 0.02 - lift), (side * 0.8, -0.88 - 0.4 * lift)
        shapes.append(line([grip, tip], style.outline, 0.11 + style.line))
        shapes.append(line([grip, tip], _WOOD, 0.085))
        shapes.append(style.filled(ellipse(*tip, 0.1, 0.08, count=16), _WOOD))
    return shapes


def draw_guitar(style: Style, time: float) -> list[Shape]:
    """Draw a guitar: a waisted body with a sound hole, a fretted neck, a head with pegs."""
    upper, waist, lower = (
        style.knob(0, 0.36, 0.44),
        style.knob(1, 0.26, 0.33),
        style.knob(2, 0.52, 0.6),
    )
    neck, hole = style.knob(3, 0.085, 0.11), style.knob(4, 0.13, 0.18)
    tremble = 0.012 * np.sin(4 * style.turn(time))
    head = [(-0.12, -0.74), (-0.17, -1.0), (0.17, -1.0), (0.12, -0.74)]
    shapes = []
    for side in (-1, 1):
        for y in (-0.94, -0.85):
            shapes.append(patch(ellipse(side * 0.2, y, 0.06, 0.045, count=12), style.outline))
    shapes.append(style.filled(head, style.accent))
    right = [(0.0, -0.18), (0.24, -0.2), (upper, 0.0), (waist, 0.26), (lower - 0.06, 0.44),
             (lower, 0.7), (0.36, 0.96), (0.0, 1.0)]  # fmt: skip
    left = mirrored(right)[::-1][1:-1]
    if style.knobs[5] > 0.7:  # a cutaway and horns: an electric guitar
        right[1], left[-1] = (0.34, -0.32), np.array([-0.36, -0.36])
    body = smooth(np.concatenate([right, left]))
    shapes.append(style.filled(body))
    shapes.append(patch(body * 0.86 + (0, 0.06), shade(style.body, 1.3)))
    shapes.append(style.filled(ellipse(0, 0.26, hole + 0.05, hole + 0.05, count=26), style.accent))
    shapes.append(patch(ellipse(0, 0.26, hole, hole, count=24), (44, 30, 28)))
    shapes.append(style.filled(rounded(-neck, -0.78, neck, 0.12, 0.02), style.detail))
    for y in np.linspace(-0.66, 0.0, 6):
        shapes.append(line([(-neck, y), (neck, y)], _SKIN, 0.025))
    shapes.append(style.filled(rounded(-0.24, 0.62, 0.24, 0.72, 0.03), style.accent))
    for x in (-0.05, 0.0, 0.05):
        shapes.append(line([(x, -0.9), (1.1 * x + tremble, 0.1), (1.4 * x, 0.66)], _SKIN, 0.018))
    return shapes
