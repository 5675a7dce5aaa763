from __future__ import annotations

import torch

from napari_tavis.lab.training.batches import Batch, make_targets, to_images
from napari_tavis.lab.training.losses import region_images


def _batch() -> Batch:
    visible = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    visible[0, 0, :16, :16] = 3
    visible[0, 0, 16:, 16:18] = 8
    heard = torch.zeros(1, 1, 71, dtype=torch.bool)
    heard[0, 0, [3, 20]] = True
    return Batch(
        images=torch.rand(1, 1, 3, 32, 32),
        mel=torch.zeros(1, 1, 1, 128, 204),
        visible=visible,
        objects=torch.tensor([[8, 3, 0]]),
        heard=heard,
    )


def test_targets_hold_the_share_of_each_cell_and_who_sounds() -> None:
    targets = make_targets(_batch(), 8)
    assert targets.classes.tolist() == [[8, 3, 0]]
    assert targets.present.tolist() == [[False, True, False]]
    assert targets.masks[0, 0, 4:, 4].tolist() == [0.5] * 4
    assert torch.equal(targets.scene[0], targets.masks[0, 1])
    assert targets.scene.sum() == 16


def test_padding_is_never_an_object() -> None:
    batch = _batch()
    batch.heard[:] = True
    assert make_targets(batch, 8).present.tolist() == [[True, True, False]]


def test_regions_stay_sharp_and_their_surroundings_lose_detail() -> None:
    images = torch.rand(1, 3, 112, 112)
    mask = torch.zeros(1, 112, 112)
    mask[0, 32:80, 32:80] = 1
    result = region_images(images, mask)
    assert torch.equal(result[..., 32:80, 32:80], images[..., 32:80, 32:80])
    assert result[..., :24, :24].std() < 0.5 * images[..., :24, :24].std()


def test_frames_become_images() -> None:
    frames = torch.zeros(2, 4, 6, 3, dtype=torch.uint8)
    frames[1, 2, 5, 0] = 255
    images = to_images(frames)
    assert images.shape == (2, 3, 4, 6)
    assert images[1, 0, 2, 5] == 1
    assert images.sum() == 1
