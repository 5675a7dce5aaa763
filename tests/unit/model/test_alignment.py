from __future__ import annotations

import torch
from torch.nn import functional as F

from napari_tavis.model.alignment import class_prompt, classify, highlight


def test_prompt_of_the_paper() -> None:
    assert class_prompt("emergency-car") == "A emergency-car"


def test_a_query_has_the_class_of_the_nearest_text() -> None:
    texts = 10 * torch.eye(4)[:3]
    sounds = F.normalize(torch.tensor([[0.1, 1.0, 0, 0], [0, 0.2, 1.0, 0]]), dim=-1)
    probabilities = classify(sounds, texts)
    assert probabilities.shape == (2, 3)
    assert probabilities.argmax(dim=-1).tolist() == [1, 2]
    torch.testing.assert_close(probabilities.sum(dim=-1), torch.ones(2))


def test_the_picture_has_a_say_in_the_zero_shot_setting() -> None:
    texts = 10 * torch.eye(3)
    undecided = torch.tensor([[0.5, 0.5, 0.0]])
    seen = torch.tensor([[0.0, 1.0, 0.0]])
    probabilities = classify(undecided, texts, seen)
    assert probabilities.argmax(dim=-1).tolist() == [1]
    torch.testing.assert_close(probabilities.sum(), torch.tensor(1.0))


def test_the_inside_stays_sharp_and_the_outside_is_blurred() -> None:
    images = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    left = torch.full((64, 64), -20.0)
    left[:, :32] = 20.0
    nothing, everything = torch.full((64, 64), -20.0), torch.full((64, 64), 20.0)
    masks = torch.stack((left, nothing, everything))[None]
    highlighted = highlight(images, masks, kernel=15)[0]
    torch.testing.assert_close(highlighted[2], images[0])
    torch.testing.assert_close(highlighted[0, :, :, :31], images[0, :, :, :31])
    inner = (slice(None), slice(8, -8), slice(8, -8))
    blurred = F.avg_pool2d(images[0], 15, stride=1)
    torch.testing.assert_close(highlighted[1][inner], blurred[:, 1:-1, 1:-1], atol=1e-4, rtol=1e-4)


def test_coarse_masks_are_resized_to_the_image() -> None:
    highlighted = highlight(torch.rand(2, 3, 64, 64), torch.randn(2, 5, 16, 16), kernel=15)
    assert highlighted.shape == (2, 5, 3, 64, 64)


def test_half_precision_is_kept_where_sums_are_single() -> None:
    images, masks = torch.rand(1, 3, 64, 64).bfloat16(), torch.randn(1, 2, 16, 16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        highlighted = highlight(images, masks, kernel=15)
    assert highlighted.dtype == torch.bfloat16
    exact = highlight(images.float(), masks.float(), kernel=15)
    torch.testing.assert_close(highlighted.float(), exact, atol=0.03, rtol=0.03)
