from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from napari_tavis.model.preprocess import halve, imagebind_size, normalise, stretch_frames


def _frames(height: int, width: int, count: int = 2) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_raw_frames_are_stretched_as_in_the_release() -> None:
    frames = _frames(90, 160)
    images = stretch_frames(frames, 224)
    bilinear = Image.Resampling.BILINEAR
    expected = (
        Image.fromarray(frames[1]).resize((1024, 1024), bilinear).resize((224, 224), bilinear)
    )
    assert images.shape == (2, 3, 224, 224)
    assert images.dtype == torch.float32
    assert np.array_equal((images[1] * 255).round().permute(1, 2, 0).numpy(), np.asarray(expected))


def test_frames_of_the_input_size_are_taken_as_they_are() -> None:
    frames = _frames(224, 224)
    images = stretch_frames(torch.from_numpy(frames), 224)
    assert np.array_equal((images * 255).round().permute(0, 2, 3, 1).numpy(), frames)


@pytest.mark.parametrize(
    "frames",
    [np.zeros((2, 8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), float)],
)
def test_other_arrays_are_refused(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 of shape \(T, H, W, 3\)"):
        stretch_frames(frames, 224)


def test_halving_is_the_mean_of_four_pixels() -> None:
    images = torch.rand(1, 3, 224, 224)
    expected = torch.nn.functional.avg_pool2d(images, 2)
    torch.testing.assert_close(halve(images), expected)


@pytest.mark.parametrize("size", [128, 224, 1024])
def test_imagebind_sees_112_pixels_whatever_the_input_size(size: int) -> None:
    images = torch.full((1, 3, size, size), 0.25)
    seen = halve(imagebind_size(images))
    torch.testing.assert_close(seen, torch.full((1, 3, 112, 112), 0.25))


def test_normalise_takes_out_the_mean() -> None:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    torch.testing.assert_close(normalise(mean.expand(1, 3, 2, 2)), torch.zeros(1, 3, 2, 2))


def test_no_frames_give_no_images() -> None:
    assert stretch_frames(_frames(9, 16, count=0), 224).shape == (0, 3, 224, 224)
