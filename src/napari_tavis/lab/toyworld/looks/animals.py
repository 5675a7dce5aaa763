"""The looks of animals: bird, cat, dog."""

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
