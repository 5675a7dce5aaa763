"""How the toy world's classes look: each a function of style and time that gives vector shapes."""

from __future__ import annotations

import numpy as np

from napari_tavis.lab.toyworld.shapes import (
    Color,
    Points,
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
    smooth,
)

_WHITE: Color = (250, 248, 240)
_BLACK: Color = (28, 24, 30)
_NOSE: Color = (72, 44, 48)


def _eye(x: float, y: float, radius: float) -> list[Shape]:
    return [
        patch(ellipse(x, y, radius, radius, count=16), _WHITE),
        patch(ellipse(x + 0.2 * radius, y, 0.62 * radius, 0.62 * radius, count=14), _BLACK),
        patch(
            ellipse(x + 0.4 * radius, y - 0.3 * radius, 0.2 * radius, 0.2 * radius, count=8), _WHITE
        ),
    ]


def draw_bird(style: Style, time: float) -> list[Shape]:
    """Draw a plump bird from the side: beak, flapping wing, fanned tail, thin legs."""
    plump, beak, tail = style.knob(0, 0.44, 0.56), style.knob(1, 0.26, 0.42), style.knob(2, 0.8, 1)
    flap = 0.45 * np.sin(style.turn(time)) + style.knob(3, -0.1, 0.3)
    belly = shade(style.body, 1.55)
    shapes = []
    for x in (-0.1, 0.16):
        foot = [(x, 0.45), (x + 0.02, 0.9), (x + 0.2, 0.95)]
        shapes.append(line(foot, style.detail, 0.075))
        shapes.append(line([(x + 0.02, 0.9), (x - 0.08, 0.96)], style.detail, 0.075))
    for spread in (-0.22, 0.02, 0.26):
        feather = smooth([(-0.3, -0.05), (-tail, -0.17), (-tail - 0.02, 0.02), (-0.3, 0.2)])
        shapes.append(style.filled(rotate(feather, spread, (-0.35, 0.05)), style.accent))
    if style.knobs[4] > 0.5:
        for k in range(3):
            plume = [(0.28, -0.55), (0.1 + 0.14 * k, -0.98), (0.48, -0.58)]
            shapes.append(style.filled(plume, style.accent))
    upper, lower = -0.5, -0.28
    shapes.append(style.filled([(0.6, upper), (0.68 + beak, -0.36), (0.58, lower)], style.detail))
    outline = smooth(
        [(0.42, -0.78), (0.72, -0.45), (0.58, 0.05), (0.3, plump), (-0.12, plump + 0.05),
         (-0.5, 0.25), (-0.52, -0.05), (-0.12, -0.28), (0.12, -0.62)]
    )  # fmt: skip
    shapes.append(style.filled(outline))
    shapes.append(patch(ellipse(0.26, 0.22, 0.3, plump - 0.24, -0.5), belly))
    wing = smooth(
        [(0.2, -0.12), (0.16, 0.14), (-0.2, 0.34), (-0.66, 0.3), (-0.5, 0.02), (-0.16, -0.2)]
    )
    shapes.append(style.filled(rotate(wing, flap, (0.15, 0.0)), style.accent))
    for k in range(2):
        rib = [(0.02 - 0.14 * k, 0.16 + 0.02 * k), (-0.4, 0.24 - 0.14 * k)]
        shapes.append(line(rotate(rib, flap, (0.15, 0.0)), style.outline, 0.03))
    return shapes + _eye(0.46, -0.46, 0.13)


def draw_cat(style: Style, time: float) -> list[Shape]:
    """Draw a sitting cat from the front: pointed ears, whiskers, curled tail, striped brow."""
    wide, ears = style.knob(0, 0.46, 0.6), style.knob(1, 0.24, 0.38)
    sway = 0.18 * np.sin(style.turn(time))
    belly = shade(style.body, 1.6)
    tail = np.concatenate(
        [arc(0.42, 0.62, 0.36, 0.25, np.pi / 2, -0.2), arc(0.86, 0.3, 0.13, 0.24, np.pi - 0.8, 4.6)]
    )
    tail = rotate(tail, sway, (0.4, 0.85))
    shapes = [
        line(tail, style.outline, 0.2 + 2 * style.line),
        line(tail, style.body, 0.2),
        patch(ellipse(tail[-1, 0], tail[-1, 1], 0.1, 0.1, count=14), style.accent),
    ]
    body = smooth(
        [(0, -0.2), (0.3, 0.0), (wide, 0.55), (wide - 0.1, 0.94), (0, 1.0),
         (0.1 - wide, 0.94), (-wide, 0.55), (-0.3, 0.0)]
    )  # fmt: skip
    shapes.append(style.filled(body))
    shapes.append(patch(ellipse(0, 0.5, 0.5 * wide, 0.36), belly))
    for x in (-0.2, 0.2):
        shapes.append(style.filled(ellipse(x, 0.9, 0.16, 0.1, count=20), belly))
    for ear in (
        [(-0.52, -0.5), (-0.52, -0.68 - ears), (-0.1, -0.75)],
        mirrored([(-0.52, -0.5), (-0.52, -0.68 - ears), (-0.1, -0.75)]),
    ):
        inner = 0.55 * np.asarray(ear) + 0.45 * np.mean(ear, axis=0)
        shapes += [style.filled(ear), patch(inner, style.accent)]
    shapes.append(style.filled(ellipse(0, -0.42, 0.58, 0.44)))
    for x in (-0.14, 0.0, 0.14):
        shapes.append(line([(x, -0.82), (0.8 * x, -0.64)], style.accent, 0.06))
    shapes.append(patch(ellipse(0, -0.24, 0.26, 0.17), belly))
    for x in (-0.24, 0.24):
        shapes.append(style.filled(ellipse(x, -0.48, 0.12, 0.13, count=18), style.detail))
        shapes.append(patch(ellipse(x, -0.48, 0.045, 0.11, count=12), _BLACK))
    shapes.append(patch([(-0.07, -0.32), (0.07, -0.32), (0, -0.24)], _NOSE))
    for side in (-1, 1):
        for y in (-0.05, 0.05):
            shapes.append(
                line(
                    [(side * 0.2, -0.23 + y / 2), (side * 0.74, -0.24 + 2 * y)],
                    style.outline,
                    0.028,
                )
            )
    return shapes


def draw_dog(style: Style, time: float) -> list[Shape]:
    """Draw a standing dog from the side: long muzzle, hanging ear, four legs, wagging tail."""
    long, leg = style.knob(0, 0.5, 0.62), style.knob(1, 0.36, 0.52)
    muzzle, ear = style.knob(2, 0.24, 0.36), style.knob(3, 0.34, 0.52)
    wag = 0.4 * np.sin(style.turn(time))
    stride = 0.1 * np.sin(style.turn(time) / 2)
    far = shade(style.body, 0.72)
    tail = rotate([(-long, -0.1), (-long - 0.16, -0.36), (-long - 0.14, -0.62)], wag, (-long, -0.1))
    shapes = [
        line(tail, style.outline, 0.15 + 2 * style.line),
        line(tail, style.body, 0.15),
    ]
    for x, swing, color in (
        (-long + 0.3, stride, far), (0.34, -stride, far),
        (-long + 0.08, -stride, style.body), (0.14, stride, style.body),
    ):  # fmt: skip
        foot = 0.36 + leg
        limb = [
            (x - 0.1, 0.1), (x + 0.12, 0.1), (x + 0.1 + swing, foot - 0.12),
            (x + 0.22 + swing, foot), (x - 0.1 + swing, foot),
        ]  # fmt: skip
        shapes.append(style.filled(limb, color))
    trunk = smooth(
        [(-long - 0.06, -0.2), (-0.1, -0.24), (0.36, -0.32), (0.5, 0.0), (0.4, 0.32),
         (-0.1, 0.28), (-long + 0.04, 0.36), (-long - 0.14, 0.12)]
    )  # fmt: skip
    shapes.append(style.filled(trunk))
    spots = style.knobs[4]
    if spots > 0.4:
        shapes.append(patch(ellipse(-0.26, -0.02, 0.2, 0.14, 0.4), style.accent))
        shapes.append(patch(ellipse(0.12, 0.1, 0.12, 0.1), style.accent))
    head = smooth(
        [(0.3, -0.78), (0.56, -0.8), (0.7, -0.56), (0.7 + muzzle, -0.5), (0.72 + muzzle, -0.3),
         (0.6, -0.16), (0.36, -0.14), (0.22, -0.44)]
    )  # fmt: skip
    shapes.append(line([(0.22, -0.16), (0.52, -0.02)], style.outline, 0.3))
    shapes.append(style.filled(head))
    shapes.append(line([(0.24, -0.2), (0.52, -0.06)], style.detail, 0.11))
    shapes.append(patch(ellipse(0.68 + muzzle, -0.46, 0.09, 0.075, count=16), _NOSE))
    shapes.append(line([(0.66 + 0.5 * muzzle, -0.29), (0.66 + muzzle, -0.31)], _NOSE, 0.04))
    flap = smooth(
        [(0.26, -0.78), (0.42, -0.7), (0.38, -0.74 + ear), (0.22, -0.7 + ear), (0.12, -0.5)]
    )
    shapes.append(
        style.filled(rotate(flap, 0.12 * np.sin(style.turn(time)), (0.3, -0.75)), style.accent)
    )
    return shapes + _eye(0.54, -0.58, 0.09)


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


_GLASS: Color = (178, 222, 238)
_TYRE: Color = (46, 46, 54)
_RIM: Color = (206, 206, 212)
_PAINT: Color = (248, 248, 246)
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
        shapes.append(patch(ellipse(-0.5, -0.28, 0.22, 0.22, count=24), _PAINT))
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
