"""The looks of things found in houses and towers: bell, clock."""

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
    rotate,
    rounded,
    shade,
)

_CREAM: Color = (250, 245, 228)


def draw_bell(style: Style, time: float) -> list[Shape]:
    """Draw a bell: a loop, a dome that flares to a lip, bands, and a swinging clapper."""
    shoulder, lip = style.knob(0, 0.34, 0.48), style.knob(1, 0.78, 0.95)
    swing = 0.22 * np.sin(style.turn(time))
    clapper = rotate([(0.0, 0.82)], swing, (0.0, -0.6))[0]
    profile = np.array(
        [(0.0, -0.72), (0.6 * shoulder, -0.68), (shoulder, -0.5), (shoulder + 0.06, -0.1),
         (shoulder + 0.12, 0.25), (0.82 * lip, 0.52), (lip, 0.66)]
    )  # fmt: skip
    shapes = [style.filled(ellipse(clapper[0], clapper[1], 0.19, 0.19, count=22), style.detail)]
    if style.knobs[2] > 0.5:
        shapes.append(line(arc(0, -0.78, 0.17, 0.17, 0, 2 * np.pi, 20), style.outline, 0.14))
        shapes.append(line(arc(0, -0.78, 0.17, 0.17, 0, 2 * np.pi, 20), style.accent, 0.07))
    else:
        shapes.append(style.filled(rounded(-0.13, -1.0, 0.13, -0.6, 0.08), style.accent))
    shapes.append(style.filled(np.concatenate([profile, mirrored(profile)[::-1]])))
    glow = [
        (-0.55 * shoulder, -0.5),
        (-0.2 * shoulder, -0.55),
        (-0.25 * shoulder, 0.3),
        (-0.72 * shoulder, 0.38),
    ]
    shapes.append(patch(glow, shade(style.body, 1.4)))
    for k in range(1 + round(style.knob(3, 0, 2))):
        y = 0.3 - 0.24 * k
        half = np.interp(y, profile[:, 1], profile[:, 0]) - 0.02
        shapes.append(line([(-half, y), (half, y)], style.accent, 0.085))
    shapes.append(style.filled(rounded(-lip, 0.58, lip, 0.76, 0.08), shade(style.body, 0.85)))
    return shapes


def draw_clock(style: Style, time: float) -> list[Shape]:
    """Draw a clock: a round, square or eight-sided case, a pale face, marks and moving hands."""
    kind, rim = int(style.knobs[0] * 3), style.knob(1, 0.74, 0.82)
    shapes = []
    if style.knobs[2] > 0.45:
        for side in (-1, 1):
            foot = [(side * 0.4, 0.7), (side * 0.66, 0.62), (side * 0.72, 1.0), (side * 0.56, 1.0)]
            shapes.append(style.filled(foot, style.accent))
    if kind == 0:
        shapes.append(style.filled(ellipse(0, 0, 0.96, 0.96, count=48)))
    elif kind == 1:
        shapes.append(style.filled(rounded(-0.9, -0.9, 0.9, 0.9, 0.2)))
    else:
        shapes.append(style.filled(ellipse(0, 0, 1.0, 1.0, np.pi / 8, count=8)))
    face = _CREAM if style.knobs[3] < 0.7 else shade(style.accent, 1.6)
    shapes.append(style.filled(ellipse(0, 0, rim, rim, count=44), face))
    for hour in range(12):
        long = 0.14 if hour % 3 == 0 else 0.07
        mark = np.array([(0.0, -rim + 0.08), (0.0, -rim + 0.08 + long)])
        width = 0.075 if hour % 3 == 0 else 0.045
        shapes.append(line(rotate(mark, hour * np.pi / 6), style.outline, width))
    minute, hour_hand = style.turn(time) / 3, style.turn(time) / 36 + 6.283 * style.knobs[4]
    shapes.append(line(rotate([(0, 0.08), (0, -0.4)], hour_hand), style.outline, 0.12))
    shapes.append(line(rotate([(0, 0.1), (0, -rim + 0.16)], minute), style.outline, 0.085))
    tick = np.floor(style.turn(time)) * np.pi / 8
    shapes.append(line(rotate([(0, 0.16), (0, -rim + 0.14)], tick), style.detail, 0.04))
    shapes.append(patch(ellipse(0, 0, 0.09, 0.09, count=16), style.detail))
    return shapes
