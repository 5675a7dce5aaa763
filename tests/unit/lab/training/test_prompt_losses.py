from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.prompt_losses import prompt_losses, tracking_losses
from napari_tavis.model import TAViS

CLASS = 5


def seen_batch(box: tuple[slice, slice] | None) -> Batch:
    """One clip of two frames that shows one silent object in a box, or nothing."""
    visible = torch.zeros(1, 2, 128, 128, dtype=torch.uint8)
    if box is not None:
        visible[:, :, box[0], box[1]] = CLASS
    images = torch.rand((1, 2, 3, 128, 128), generator=torch.Generator().manual_seed(3))
    images[(visible == CLASS)[:, :, None].expand_as(images)] = 1.0
    return Batch(
        images=images,
        mel=torch.zeros(1, 2, 1, 128, 204),
        visible=visible,
        objects=torch.tensor([[CLASS, 0, 0]]),
        heard=torch.zeros(1, 2, 71, dtype=torch.bool),
    )


@pytest.fixture
def model() -> TAViS:
    torch.manual_seed(0)
    return TAViS.from_preset("toy", image_size=128).train()


def test_losses_reach_all_that_prompts_need(model: TAViS) -> None:
    batch = seen_batch((slice(20, 70), slice(30, 90)))
    features = model(batch.images, batch.mel).frame_features
    generator = np.random.default_rng(0)
    losses = prompt_losses(model, features, batch, generator)
    losses |= tracking_losses(model, features, batch, generator)
    assert sorted(losses) == [
        "prompt",
        "prompt_iou",
        "prompt_object",
        "track",
        "track_iou",
        "track_object",
    ]
    torch.stack(list(losses.values())).sum().backward()
    for name in ("sam_prompt_encoder.point_embeddings.1", "sam_prompt_encoder.mask_downscaling.0"):
        assert model.sam2.get_parameter(f"{name}.weight").grad is not None
    for name in ("mask_downsample", "memory_encoder.out_proj", "sam_prompt_encoder.no_mask_embed"):
        grad = model.sam2.get_parameter(f"{name}.weight").grad
        assert grad is not None
        assert grad.abs().sum() > 0


def test_nothing_to_prompt_gives_no_loss(model: TAViS) -> None:
    batch = seen_batch(None)
    features = model(batch.images, batch.mel).frame_features
    generator = np.random.default_rng(0)
    assert prompt_losses(model, features, batch, generator) == {}
    assert tracking_losses(model, features, batch, generator) == {}


def test_prompts_can_be_learned(model: TAViS) -> None:
    batch = seen_batch((slice(20, 70), slice(30, 90)))
    optimizer = torch.optim.AdamW(model.sam2.parameters(), lr=1e-3)
    losses = []
    for step in range(12):
        features = model(batch.images, batch.mel, "independent").frame_features
        terms = prompt_losses(model, features, batch, np.random.default_rng(step))
        optimizer.zero_grad()
        terms["prompt"].backward()
        optimizer.step()
        losses.append(float(terms["prompt"].detach()))
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
