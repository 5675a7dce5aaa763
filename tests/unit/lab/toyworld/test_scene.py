"""What a scene shows: the same at any size, and a mask that is exactly what was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_tavis.lab.toyworld import CLASSES, Scene, make_clip, sample_scene
from napari_tavis.lab.toyworld.background import PATTERNS, sample_background


def _on(scene: Scene, gray: int) -> Scene:
    """Put a scene's objects in front of an even background."""
    color = (gray, gray, gray)
    plain = replace(
        scene.background, pattern="gradient", colors=(color, color), unevenness=0.0, clutter=()
    )
    return replace(scene, background=plain)


def _coverage(scene: Scene, time: float, size: int) -> np.ndarray:
    """Measure how much of each pixel the objects cover, from pictures on black and on white."""
    black = _on(scene, 0).render(time, size)[0].astype(float)
    white = _on(scene, 255).render(time, size)[0].astype(float)
    return 1 - (white - black).mean(axis=2) / 255


def test_clips_are_reproduced_from_their_seed() -> None:
    first, again, other = make_clip(11, size=64), make_clip(11, size=64), make_clip(12, size=64)
    for name in ("frames", "instances", "sounding", "waveform", "starts"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert first.class_names == again.class_names
    assert not np.array_equal(first.frames, other.frames)


def test_a_clip_has_the_promised_shapes() -> None:
    clip = make_clip(7, size=96)
    assert clip.frames.shape == (5, 96, 96, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.instances.shape == (5, 96, 96)
    assert clip.instances.dtype == np.uint8
    assert clip.sounding.shape == (5, len(clip.class_names))
    assert clip.waveform.shape == (80000,)
    assert clip.waveform.dtype == np.float32
    np.testing.assert_array_equal(clip.starts, [0, 0.75, 1.5, 2.25, 3])


def test_the_scene_mask_shows_exactly_what_sounds() -> None:
    clips = [make_clip(seed, size=48) for seed in range(12)]
    for clip in clips:
        for t in range(5):
            heard = [index + 1 for index in np.flatnonzero(clip.sounding[t])]
            expected = np.isin(clip.instances[t], heard)
            np.testing.assert_array_equal(clip.scene_mask[t], expected)
    assert any(clip.scene_mask.any() for clip in clips)


@pytest.mark.parametrize("seed", range(6))
def test_a_scene_is_the_same_at_each_size(seed: int) -> None:
    scene = sample_scene(seed)
    large, large_map = scene.render(2.0, 256)
    small, small_map = scene.render(2.0, 128)
    reduced = np.asarray(Image.fromarray(large).reduce(2)).astype(float)
    assert np.abs(reduced - small).mean() < 4
    for index in range(1, len(scene.objects) + 1):
        big, little = large_map[::2, ::2] == index, small_map == index
        assert (big & little).sum() / (big | little).sum() > 0.85


@pytest.mark.parametrize("class_name", CLASSES)
def test_the_mask_is_where_the_object_covers_more_than_half_a_pixel(class_name: str) -> None:
    for seed in range(3):
        scene = sample_scene(seed, classes=[class_name], count=1)
        coverage = _coverage(scene, 1.3, 128)
        instances = scene.render(1.3, 128)[1]
        doubtful = np.abs(coverage - 0.5) < 0.02
        assert ((coverage > 0.5) == (instances == 1))[~doubtful].all()
        assert doubtful.mean() < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_taking_an_object_away_changes_nothing_else(seed: int) -> None:
    scene = sample_scene(seed, count=3)
    picture, instances = scene.render(0.9, 160)
    for index in range(3):
        others = scene.objects[:index] + scene.objects[index + 1 :]
        without, rest = replace(scene, objects=others).render(0.9, 160)
        alone = _coverage(replace(scene, objects=(scene.objects[index],)), 0.9, 160)
        changed = (picture != without).any(axis=2)
        assert not changed[alone < 1e-3].any()
        mine = instances == index + 1
        assert changed[mine].mean() > 0.97
        kept = np.array([k + 1 for k in range(3) if k != index])
        for new, old in enumerate(kept, start=1):
            assert not ((instances == old) & (rest != new)).any()


def test_objects_move_and_stay_in_view() -> None:
    for seed in range(20):
        scene = sample_scene(seed)
        maps = [scene.render(time, 64)[1] for time in (0.0, 2.5, 4.9)]
        for index in range(1, len(scene.objects) + 1):
            areas = [np.mean(shown == index) for shown in maps]
            assert min(areas) > 0.015
            assert max(areas) < 0.5
        assert any((maps[0] != later).any() for later in maps[1:])


def test_objects_hardly_cover_each_other() -> None:
    shares = []
    for seed in range(20):
        scene = sample_scene(seed, count=3)
        instances = scene.render(4.0, 96)[1]
        for index, thing in enumerate(scene.objects):
            alone = replace(scene, objects=(thing,)).render(4.0, 96)[1]
            shares.append((instances == index + 1).sum() / (alone == 1).sum())
    assert min(shares) > 0.6
    assert np.mean(shares) > 0.97


def test_every_background_pattern_is_drawn_and_moves() -> None:
    for name in PATTERNS:
        ground = replace(
            sample_background(np.random.default_rng(3)),
            pattern=name,
            clutter=(),
            velocity=(0.06, 0.04),
            turning=0.08,
        )
        first, later = ground.render(0.0, 64), ground.render(4.0, 64)
        assert first.shape == (64, 64, 3)
        assert first.std() > 2
        assert (first != later).mean() > 0.05


def test_looks_of_one_class_vary() -> None:
    for name in CLASSES:
        pictures = [
            sample_scene(seed, classes=[name], count=1).render(0.0, 48)[0] for seed in range(3)
        ]
        assert np.abs(pictures[0].astype(float) - pictures[1]).mean() > 5
        assert np.abs(pictures[1].astype(float) - pictures[2]).mean() > 5


def test_a_thermal_camera_changes_the_picture_alone() -> None:
    scene = sample_scene(3)
    thermal = replace(scene, camera="thermal")
    drawn, truth = scene.render(1.0, 64)
    heat, masks = thermal.render(1.0, 64)
    np.testing.assert_array_equal(masks, truth)
    np.testing.assert_array_equal(thermal.waveform(), scene.waveform())
    assert (heat == heat[..., :1]).all(), "grey"
    luminance = drawn.astype(float) @ [0.299, 0.587, 0.114]
    assert np.corrcoef(luminance.ravel(), heat[..., 0].ravel())[0, 1] < -0.95, "dark is bright"
    np.testing.assert_array_equal(heat, thermal.render(1.0, 64)[0], "the noise is the scene's")
