"""Drawing random scenes: who is in them, where, and who sounds when."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
import numpy.typing as npt

from napari_tavis.lab.toyworld.background import Background, sample_background
from napari_tavis.lab.toyworld.classes import CLASSES
from napari_tavis.lab.toyworld.objects import Path, SceneObject, Surface, Voice
from napari_tavis.lab.toyworld.scene import (
    AUDIBLE_SECONDS,
    INAUDIBLE_SECONDS,
    Scene,
    audible_seconds,
)
from napari_tavis.lab.toyworld.shapes import Style, hsv, shade
from napari_tavis.media.timebase import window_starts

COUNT_CHANCES = (0.2, 0.4, 0.4)  # of one, two and three objects

# by the number of objects: that one, two or three of them sound
SOUNDING_CHANCES = {1: (1.0,), 2: (0.64, 0.36), 3: (0.48, 0.4, 0.12)}

SWITCHED_CHANCE = 1 / 3  # that a sound starts or stops within the clip

# half the longer side of objects, in frame sides, by how many share the frame
LARGEST_RADIUS = {1: 0.33, 2: 0.265, 3: 0.225}
SMALLEST_RADIUS = {1: 0.22, 2: 0.19, 3: 0.17}

CLIPS_PER_SEED = 1 << 20  # how many clips a collection (a data set, a test split) may have

_MARGIN = 0.02
_GROUND_TILTS = {"emergency-car": 0.12, "train": 0.12, "guitar": 0.8, "bell": 0.35}


class SoundPlan(Enum):
    """Which sounds a scene has, with their chances."""

    SILENT = 0.15
    OFFSCREEN_ONLY = 0.06
    VISIBLE_AND_OFFSCREEN = 0.09
    VISIBLE = 0.70


def sample_scene(
    seed: int,
    seconds: float = 5.0,
    *,
    classes: Sequence[str] | None = None,
    count: int | None = None,
    sounding: int | None = None,
) -> Scene:
    """Draw a random scene; the same arguments give the same scene.

    Classes to choose from are all of the toy world unless given. The number of visible objects, 1
    to 3, and how many of them sound (with no off-screen sound then) are random unless given. Raises
    `ValueError` if a class is unknown to the toy world, or there are fewer classes than objects, or
    fewer objects than are to sound.
    """
    pool = CLASSES if classes is None else tuple(dict.fromkeys(classes))
    unknown = [name for name in pool if name not in CLASSES]
    if unknown:
        raise ValueError(
            f"The toy world has no class {unknown[0]!r}; choose from {', '.join(CLASSES)}."
        )
    rng = np.random.default_rng(seed)
    # Drawn even where they are given, here and below, so that what follows is drawn alike.
    drawn = 1 + int(rng.choice(3, p=COUNT_CHANCES))
    number = min(drawn, len(pool)) if count is None else count
    if not 1 <= number <= min(3, len(pool)):
        raise ValueError(
            f"A scene of {number} objects needs 1 to 3 objects, each of its own class."
        )
    if sounding is not None and not 0 <= sounding <= number:
        raise ValueError(f"{sounding} of {number} objects cannot sound.")
    names = [str(name) for name in rng.permutation(pool)]
    visible, unseen = names[:number], names[number:]
    background = sample_background(rng)
    paths = _sample_paths(rng, visible, seconds)
    plan, heard = _plan_sounds(rng, number, sounding, bool(unseen))
    loudness = rng.uniform(-20.5, -15.5)
    objects = tuple(
        SceneObject(
            name,
            _sample_style(rng, background),
            _sample_surface(rng),
            path,
            _sample_voice(rng, name, loudness, seconds, index in heard),
        )
        for index, (name, path) in enumerate(zip(visible, paths, strict=True))
    )
    offscreen: tuple[Voice, ...] = ()
    if plan in (SoundPlan.OFFSCREEN_ONLY, SoundPlan.VISIBLE_AND_OFFSCREEN):
        offscreen = (_sample_voice(rng, unseen[0], loudness, seconds, True),)
    return Scene(
        seed=seed,
        duration=seconds,
        objects=objects,
        offscreen=offscreen,
        background=background,
        noise_level=rng.uniform(-70, -50),
        noise_color=rng.random(),
    )


def _plan_sounds(
    rng: np.random.Generator, number: int, sounding: int | None, offscreen_possible: bool
) -> tuple[SoundPlan, set[int]]:
    """Choose the plan and the objects that sound, without regard to their looks."""
    plans = list(SoundPlan)
    plan = plans[rng.choice(len(plans), p=[p.value for p in plans])]
    heard_count = 1 + int(rng.choice(number, p=SOUNDING_CHANCES[number]))
    order = rng.permutation(number).tolist()
    if sounding is not None:
        return (SoundPlan.VISIBLE if sounding else SoundPlan.SILENT), set(order[:sounding])
    if not offscreen_possible and plan is not SoundPlan.SILENT:
        plan = SoundPlan.VISIBLE
    if plan in (SoundPlan.SILENT, SoundPlan.OFFSCREEN_ONLY):
        heard_count = 0
    return plan, set(order[:heard_count])


def _sample_voice(
    rng: np.random.Generator, name: str, loudness: float, seconds: float, heard: bool
) -> Voice:
    level = float(np.clip(loudness + rng.uniform(-3.5, 3.5), -24, -12))
    seed = int(rng.integers(2**63))
    active = sample_active(rng, seconds)
    return Voice(name, seed, level, active if heard else None)


def sample_active(rng: np.random.Generator, seconds: float) -> tuple[float, float]:
    """Draw when a sound is on, start and end in seconds of a clip.

    That is throughout, or from or to (or both) a moment within the clip. In each of the clip's
    standard windows (one per second of clip) it is then heard for at least 0.6 s or for less than
    0.1 s.
    """
    switched, kind = rng.random() < SWITCHED_CHANCE, rng.integers(3)
    starts = window_starts(max(1, round(seconds)), seconds)
    for _ in range(100):
        first, last = np.sort(rng.uniform(0.1 * seconds, 0.9 * seconds, 2))
        active = ((first, seconds), (0.0, last), (first, last))[kind]
        if not switched:
            break
        overlap = audible_seconds(active, starts, seconds)
        vague = (overlap > INAUDIBLE_SECONDS - _MARGIN) & (overlap < AUDIBLE_SECONDS + _MARGIN)
        if not vague.any() and (overlap >= AUDIBLE_SECONDS).any():
            return float(active[0]), float(active[1])
    return 0.0, seconds


def _sample_style(rng: np.random.Generator, background: Background) -> Style:
    """Draw colours that stand out from the background's, and shape parameters."""
    ground = np.mean(background.colors, axis=0)
    for _ in range(6):
        hue = rng.random()
        body = hsv(hue, rng.uniform(0.35, 0.85), rng.uniform(0.5, 1.0))
        if np.abs(np.subtract(body, ground)).sum() > 130:
            break
    if rng.random() < 0.12:  # some objects are white or grey
        body = hsv(hue, rng.uniform(0.0, 0.12), rng.uniform(0.55, 1.0))
    accent = hsv(hue + rng.uniform(0.25, 0.75), rng.uniform(0.4, 0.85), rng.uniform(0.55, 1.0))
    detail = hsv(rng.random(), rng.uniform(0.3, 0.8), rng.uniform(0.4, 0.95))
    outline = shade(hsv(hue, 0.6, 1.0), rng.uniform(0.12, 0.34))
    return Style(
        body=body,
        accent=accent,
        detail=detail,
        outline=outline,
        line=rng.uniform(0.028, 0.05),
        knobs=tuple(rng.random(8).tolist()),
        tempo=rng.uniform(0.5, 1.4),
        phase=rng.random(),
    )


def _sample_surface(rng: np.random.Generator) -> Surface:
    return Surface(
        pattern=str(rng.choice(("plain", "plain", "stripes", "dots", "weave"))),
        frequency=rng.uniform(1.5, 4.5),
        angle=rng.uniform(0, np.pi),
        strength=rng.uniform(0.05, 0.2),
        light=rng.uniform(0.05, 0.35),
    )


def _sample_paths(rng: np.random.Generator, names: Sequence[str], seconds: float) -> list[Path]:
    """Draw paths on which objects stay in the frame and hardly cover each other."""
    number = len(names)
    limit, best = 0.0, None
    for attempt in range(60):
        shrink = 1 - 0.15 * attempt / 60  # the longer no room is found, the smaller
        radii = shrink * rng.uniform(SMALLEST_RADIUS[number], LARGEST_RADIUS[number], number)
        paths = [_sample_path(rng, n, float(r), seconds) for n, r in zip(names, radii, strict=True)]
        room = _least_room(paths, seconds)
        if best is None or room > limit:
            limit, best = room, paths
        if room > 0.9:
            break
    assert best is not None
    return best


def _sample_path(rng: np.random.Generator, name: str, radius: float, seconds: float) -> Path:
    tilt = _GROUND_TILTS.get(name, 0.22)
    sway = radius * rng.uniform(0.0, 0.14, 2)
    drift = rng.normal(0, 0.18 / max(seconds, 1.0), 2).clip(-0.05, 0.05)
    reach = 0.92 * radius + sway + 0.5 * seconds * np.abs(drift)
    reach = np.minimum(reach, 0.5)
    center = rng.uniform(reach, 1 - reach)
    return Path(
        center=(float(center[0]), float(center[1])),
        drift=(float(drift[0]), float(drift[1])),
        middle=seconds / 2,
        sway=(float(sway[0]), float(sway[1])),
        radius=radius,
        tilt=rng.uniform(-tilt, tilt),
        rock=rng.uniform(0.0, 0.12),
        stretch=float(np.exp(rng.uniform(-0.12, 0.12))),
        flipped=bool(rng.random() < 0.5),
        tempo=rng.uniform(0.12, 0.4),
        phase=rng.random(),
    )


def _least_room(paths: Sequence[Path], seconds: float) -> float:
    """Give the least distance of two objects over the clip, in sums of their radii."""
    times = np.linspace(0, seconds, 7)
    places = np.array([[path.place(t) for t in times] for path in paths])
    room = 2.0
    for i in range(len(paths)):
        for j in range(i):
            gap = np.hypot(*(places[i] - places[j]).T).min()
            room = min(room, float(gap) / (paths[i].radius + paths[j].radius))
    return room


def clip_seed(seed: int, index: int) -> int:
    """Give the scene seed of a clip, from 0, below `CLIPS_PER_SEED`, of a numbered collection.

    Collections (a data set, a test split) with different seeds share no scene.
    """
    return seed * CLIPS_PER_SEED + index


def frame_times(count: int) -> npt.NDArray[np.float64]:
    """Give when AVSBench samples its frames: the last sixteenth of each second."""
    return np.arange(count, dtype=np.float64) + 15 / 16
