"""Who is in a scene and who sounds: the statistics that make listening necessary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.toyworld import CLASSES, Scene, clip_seed, heard_classes, sample_scene
from napari_tavis.lab.toyworld.sampling import sample_active
from napari_tavis.lab.toyworld.scene import audible_seconds

STARTS = np.array([0, 0.75, 1.5, 2.25, 3.0])


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(seed) for seed in range(600)]


def test_there_are_ten_avsbench_classes() -> None:
    assert len(CLASSES) >= 10
    assert set(CLASSES) <= set(AVSBENCH_CLASSES[1:])


def test_each_class_is_seen_heard_and_seen_silent(scenes: list[Scene]) -> None:
    seen = Counter(name for scene in scenes for name in scene.class_names)
    heard = Counter(name for scene in scenes for name in heard_classes(scene))
    for name in CLASSES:
        assert seen[name] > len(scenes) / 10
        assert 0.3 < heard[name] / seen[name] < 0.8


def test_no_class_comes_twice_in_a_scene(scenes: list[Scene]) -> None:
    for scene in scenes:
        names = [*scene.class_names, *(voice.class_name for voice in scene.offscreen)]
        assert len(set(names)) == len(names)
        assert 1 <= len(scene.objects) <= 3


def test_silent_distractors_are_common(scenes: list[Scene]) -> None:
    sounding = [scene for scene in scenes if heard_classes(scene)]
    distracted = [s for s in sounding if len(heard_classes(s)) < len(s.objects)]
    several = [s for s in sounding if len(s.objects) > 1]
    assert len(distracted) / len(several) > 0.6


def test_some_clips_are_silent_some_sounds_unseen_some_switched(scenes: list[Scene]) -> None:
    silent = [s for s in scenes if not heard_classes(s) and not s.offscreen]
    unseen = [s for s in scenes if s.offscreen]
    only_unseen = [s for s in unseen if not heard_classes(s)]
    multi = [s for s in scenes if len(heard_classes(s)) > 1]
    active = [o.voice.active for s in scenes for o in s.objects if o.voice.active is not None]
    switched = [a for a in active if a != (0.0, 5.0)]
    assert 0.11 < len(silent) / len(scenes) < 0.19
    assert 0.1 < len(unseen) / len(scenes) < 0.2
    assert len(only_unseen) / len(scenes) > 0.025
    assert 0.2 < len(multi) / len(scenes) < 0.35
    assert 0.27 < len(switched) / len(active) < 0.4


def test_no_window_is_doubtful(scenes: list[Scene]) -> None:
    for scene in scenes:
        for thing in scene.objects:
            overlap = audible_seconds(thing.voice.active, STARTS, 5.0)
            assert not ((overlap > 0.1) & (overlap < 0.6)).any()
            assert (thing.voice.active is None) == (overlap < 0.6).all()


@pytest.mark.parametrize("seconds", [1.0, 2.0, 5.0, 10.0, 30.0])
def test_sounds_are_switched_within_clips_of_any_length(seconds: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        first, last = sample_active(rng, seconds)
        assert 0 <= first < last <= seconds


def test_who_sounds_cannot_be_seen(scenes: list[Scene]) -> None:
    """Neither size, place, order nor brightness differs between heard and silent objects."""
    looks: dict[bool, list[tuple[float, ...]]] = {True: [], False: []}
    for scene in scenes:
        if len(scene.objects) == 1:
            continue
        for index, thing in enumerate(scene.objects):
            look = (index / len(scene.objects), thing.path.radius, *thing.path.center)
            looks[thing.voice.active is not None].append((*look, float(np.mean(thing.style.body))))
    heard, silent = np.array(looks[True]), np.array(looks[False])
    spread = np.concatenate([heard, silent]).std(0)
    gap = np.abs(heard.mean(0) - silent.mean(0)) / spread
    assert (gap < 0.2).all()


def test_scenes_can_be_ordered() -> None:
    scene = sample_scene(3, classes=["dog", "bell"], count=2, sounding=1)
    assert set(scene.class_names) == {"dog", "bell"}
    assert len(heard_classes(scene)) == 1
    assert not sample_scene(3, count=2, sounding=0).offscreen
    for seed in range(20):
        assert sample_scene(seed, classes=["cat"]).class_names == ("cat",)


def test_impossible_orders_are_refused() -> None:
    with pytest.raises(ValueError, match="no class 'unicorn'"):
        sample_scene(0, classes=["dog", "unicorn"])
    with pytest.raises(ValueError, match="1 to 3 objects"):
        sample_scene(0, count=4)
    with pytest.raises(ValueError, match="1 to 3 objects"):
        sample_scene(0, classes=["dog"], count=2)
    with pytest.raises(ValueError, match="sound"):
        sample_scene(0, count=2, sounding=3)


def test_collections_share_no_scene() -> None:
    seeds = {clip_seed(seed, index) for seed in range(20) for index in (0, 1, 500, 99999)}
    assert len(seeds) == 80
