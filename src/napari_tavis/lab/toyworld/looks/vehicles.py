"""The looks of vehicles: emergency-car, helicopter, train."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.looks.shapes import (
    Color,
    Points,
    Shape,
    Style,
    arc,
    ellipse,
    line,
    patch,
    rotate,
    rounded,
    shade,
    smooth,
)

_GLASS: Color = (178, 222, 238)
_TYRE: Color = (46, 46, 54)
_RIM: Color = (206, 206, 212)
_WHITE: Color = (248, 248, 246)
_RED: Color = (232, 44, 52)
_BLUE: Color = (48, 96, 240)


def _wheel(style: Style, x: float, y: float, radius: float, turn: float) -> list[Shape]:
    shapes = [
        style.filled(ellipse(x, y, radius, radius, count=26), _TYRE),
        patch(ellipse(x, y, 0.58 * radius, 0.58 * radius, count=20), _RIM),
    ]
    for k in range(2):
        spoke = rotate([(x - 0.5 * radius, y), (x + 0.5 * radius, y)], turn + k * np.pi / 2, (x, y))
        shapes.append(line(spoke, _TYRE, 0.16 * radius))
    return shapes


def _car_body(kind: int, nose: float) -> tuple[Points, list[Points], tuple[float, float]]:
    """Give the outline, the windows and the place of the light bar of one kind of car."""
    if kind == 0:  # a saloon
        outline = smooth(
            [(-0.98, 0.3), (-0.96, -0.06), (-0.62, -0.12), (-0.4, -0.46), (0.2, -0.48),
             (0.5, -0.12), (0.9 + nose, -0.02), (0.98, 0.3), (0.8, 0.4), (-0.8, 0.4)]
        )  # fmt: skip
        windows = [
            np.array([(-0.5, -0.12), (-0.34, -0.37), (-0.08, -0.38), (-0.08, -0.12)]),
            np.array([(0.0, -0.12), (0.0, -0.38), (0.16, -0.37), (0.36, -0.12)]),
        ]
        return outline, windows, (-0.1, -0.47)
    if kind == 1:  # a van
        outline = np.array(
            [(-0.96, 0.4), (-0.96, -0.56), (-0.9, -0.62), (0.36, -0.62), (0.7, -0.14),
             (0.94 + nose, -0.04), (0.98, 0.04), (0.98, 0.4)]
        )  # fmt: skip
        windows = [
            np.array([(0.3, -0.12), (0.3, -0.48), (0.36, -0.48), (0.6, -0.12)]),
            rounded(-0.02, -0.48, 0.22, -0.12, 0.04),
        ]
        return outline, windows, (0.14, -0.62)
    outline = np.array(  # a fire engine: the cab in front, a long deck behind
        [(-0.98, 0.4), (-0.98, -0.24), (0.24, -0.24), (0.28, -0.56), (0.86, -0.56),
         (0.98 + nose, -0.1), (0.98, 0.4)]
    )  # fmt: skip
    windows = [
        rounded(0.36, -0.44, 0.56, -0.1, 0.04),
        np.array([(0.64, -0.1), (0.64, -0.44), (0.8, -0.44), (0.9, -0.1)]),
    ]
    return outline, windows, (0.56, -0.56)


def draw_emergency_car(style: Style, time: float) -> list[Shape]:
    """Draw a police car, an ambulance or a fire engine: wheels, stripe, flashing light bar."""
    kind, wheel = min(2, int(style.knobs[0] * 3)), style.knob(1, 0.22, 0.28)
    outline, windows, (bar_x, bar_y) = _car_body(kind, style.knob(2, -0.05, 0.02))
    flash = np.sin(style.turn(time)) > 0
    left, right = (_RED, shade(_BLUE, 0.55)) if flash else (shade(_RED, 0.55), _BLUE)
    shapes = [
        style.filled(rounded(bar_x - 0.24, bar_y - 0.19, bar_x, bar_y + 0.05, 0.07), left),
        style.filled(rounded(bar_x, bar_y - 0.19, bar_x + 0.24, bar_y + 0.05, 0.07), right),
        style.filled(outline),
    ]
    stripe = style.knob(3, 0.1, 0.18)
    shapes.append(patch(rounded(-0.94, 0.04, 0.93, 0.04 + stripe, 0.02), style.accent))
    if kind == 1:
        shapes.append(patch(ellipse(-0.5, -0.28, 0.22, 0.22, count=24), _WHITE))
        shapes.append(line([(-0.64, -0.28), (-0.36, -0.28)], _RED, 0.1))
        shapes.append(line([(-0.5, -0.42), (-0.5, -0.14)], _RED, 0.1))
    elif kind == 2:
        for y in (-0.42, -0.3):
            shapes.append(line([(-0.92, y), (0.2, y)], style.detail, 0.05))
        for x in np.linspace(-0.82, 0.1, 6):
            shapes.append(line([(x, -0.42), (x, -0.3)], style.detail, 0.05))
    shapes += [style.filled(window, _GLASS) for window in windows]
    shapes.append(patch(ellipse(0.92, 0.2, 0.06, 0.08, count=14), (255, 232, 140)))
    for x in (-0.56, 0.56):
        shapes += _wheel(style, x, 0.42, wheel, style.turn(time))
    return shapes


def draw_helicopter(style: Style, time: float) -> list[Shape]:
    """Draw a helicopter: a glass cabin, a tail boom, two turning rotors and skids."""
    boom, fin = style.knob(0, 0.1, 0.16), style.knob(1, 0.2, 0.32)
    blade = 0.45 + 0.5 * abs(np.cos(style.turn(time)))
    shapes = [line([(0.28, -0.5), (0.28, -0.78)], style.outline, 0.1)]
    for x in (0.04, 0.5):
        shapes.append(line([(x, 0.4), (x + 0.02, 0.74)], style.outline, 0.07))
    skid = [(-0.22, 0.76), (0.68, 0.76), (0.82, 0.66)]
    shapes += [line(skid, style.outline, 0.13), line(skid, style.detail, 0.075)]
    tail = [(0.0, -0.22), (-0.84, -0.2), (-0.95, -0.2 - fin), (-1.0, -0.2 - fin), (-1.0, -0.04),
            (-0.84, -0.2 + boom), (0.0, 0.26)]  # fmt: skip
    shapes.append(style.filled(tail, style.accent))
    for k in range(2):
        rotor = rotate(
            [(-1.14, -0.22), (-0.7, -0.22)], 2 * style.turn(time) + k * np.pi / 2, (-0.92, -0.22)
        )
        shapes.append(line(rotor, style.outline, 0.065))
    wide = style.knob(2, 0.0, 0.08)
    cabin = smooth(
        [(-0.22, -0.2), (0.05, -0.5), (0.45, -0.5), (0.8, -0.26), (0.92 + wide, 0.1),
         (0.78, 0.36), (0.2, 0.46), (-0.16, 0.3)]
    )  # fmt: skip
    shapes.append(style.filled(cabin))
    glass = smooth([(0.44, -0.38), (0.7, -0.2), (0.84, 0.08), (0.46, 0.12), (0.38, -0.14)])
    shapes.append(style.filled(glass, _GLASS))
    if style.knobs[3] > 0.4:
        shapes.append(style.filled(rounded(0.0, -0.32, 0.26, 0.02, 0.08), _GLASS))
    shapes.append(line([(-0.14, 0.2), (0.8, 0.24)], style.accent, style.knob(4, 0.08, 0.15)))
    mast = rounded(0.28 - blade * 0.95, -0.86, 0.28 + blade * 0.72, -0.75, 0.05)
    shapes.append(style.filled(mast, style.detail))
    shapes.append(style.filled(ellipse(0.28, -0.76, 0.1, 0.09, count=16), style.accent))
    return shapes


def draw_train(style: Style, time: float) -> list[Shape]:
    """Draw a steam locomotive: boiler with bands, chimney, dome, cab, wheels, cowcatcher."""
    top, cab, stack = (
        style.knob(0, -0.26, -0.14),
        style.knob(1, -0.72, -0.56),
        style.knob(2, 0.1, 0.18),
    )
    count = 3 + int(style.knobs[3] * 2)
    chimney = [
        (0.46 - 0.7 * stack, top + 0.05),
        (0.46 - 1.5 * stack, -0.72),
        (0.46 + 1.5 * stack, -0.72),
        (0.46 + 0.7 * stack, top + 0.05),
    ]
    rim = rounded(0.4 - 1.6 * stack, -0.82, 0.52 + 1.6 * stack, -0.7, 0.05)
    shapes = [
        style.filled([(0.62, 0.3), (0.84, 0.3), (1.02, 0.72), (0.62, 0.72)], style.detail),
        style.filled(chimney, style.accent),
        style.filled(rim, style.detail),
        style.filled(arc(0.02, top + 0.08, 0.17, 0.3, np.pi, 2 * np.pi), style.accent),
        style.filled(rounded(-0.5, top, 0.82, 0.34, 0.12)),
        style.filled(ellipse(0.8, (top + 0.34) / 2, 0.1, 0.2), style.detail),
    ]
    for x in (-0.14, 0.2, 0.6):
        shapes.append(line([(x, top + 0.03), (x, 0.31)], style.accent, 0.06))
    shapes.append(patch(rounded(-0.3, top + 0.05, 0.7, top + 0.13, 0.03), shade(style.body, 1.4)))
    shapes.append(style.filled(rounded(-0.98, cab + 0.06, -0.38, 0.42, 0.05)))
    shapes.append(style.filled(rounded(-0.82, cab + 0.2, -0.54, -0.1, 0.04), _GLASS))
    shapes.append(style.filled(rounded(-1.06, cab - 0.06, -0.3, cab + 0.1, 0.06), style.accent))
    shapes.append(style.filled(rounded(-0.98, 0.3, 0.84, 0.48, 0.04), style.detail))
    places = np.linspace(-0.74, 0.56, count)
    radius = 0.27 if count == 3 else 0.2
    for x in places:
        shapes += _wheel(style, x, 0.74 - 0.27 + (0.27 - radius) + 0.02, radius, style.turn(time))
    crank = 0.09 * np.array([np.cos(style.turn(time)), np.sin(style.turn(time))])
    rod = np.array([(places[0], 0.5), (places[-1], 0.5)]) + crank
    shapes += [line(rod, style.outline, 0.1), line(rod, _RIM, 0.055)]
    return shapes
