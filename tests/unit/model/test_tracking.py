from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_tavis.model import TAViS
from napari_tavis.model.features import Features
from napari_tavis.model.sam2_segmenter import ABSENT_LOGIT, Sam2ObjectMemory

SIDE = 128


def encoded(toy: TAViS, images: Tensor, mel: Tensor) -> Features:
    frames = (images[0].permute(0, 2, 3, 1) * 255).to(torch.uint8)
    return toy.encode_frames(frames, mel[0]).features


def disc(x: float, y: float) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return (((columns / SIDE - x) ** 2 + (rows / SIDE - y) ** 2) < 0.02).float()


def test_features_are_those_of_the_sound_prompted_pass(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    with torch.no_grad():
        whole = toy(images[:1], mel[:1], "independent").frame_features
    frames = (images[0] * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    again = toy.encode_frames(frames, mel[0]).features
    assert again.embedding.shape == whole.embedding.shape
    assert torch.allclose(again.embedding, whole.embedding, atol=0.05)


def test_prompts_change_the_mask_and_cost_no_gradient(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    frame = encoded(toy, images, mel).rows(slice(0, 1))
    left = toy.segment_prompts(frame, torch.tensor([[0.2, 0.5]]), torch.tensor([1]))
    right = toy.segment_prompts(frame, torch.tensor([[0.8, 0.5]]), torch.tensor([1]))
    not_there = toy.segment_prompts(frame, torch.tensor([[0.2, 0.5]]), torch.tensor([0]))
    assert left.logits.shape == (SIDE, SIDE)
    assert not left.logits.requires_grad
    assert 0 <= left.iou <= 1
    assert not torch.equal(left.logits, right.logits)
    assert not torch.equal(left.logits, not_there.logits)


def test_a_mask_alone_is_a_prompt(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    frame = encoded(toy, images, mel).rows(slice(0, 1))
    nothing = torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)
    plain = toy.segment_prompts(frame, *nothing)
    started = toy.segment_prompts(frame, *nothing, disc(0.5, 0.5) * 20 - 10)
    assert not torch.equal(plain.logits, started.logits)


def test_what_is_tracked_depends_on_what_was_given(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    features = encoded(toy, images, mel)
    found = []
    for mask in (disc(0.2, 0.2), disc(0.8, 0.8)):
        memory = Sam2ObjectMemory(toy.sam2)
        with torch.no_grad():
            memory.condition(0, features.rows(slice(0, 1)), mask[None])
            found.append(memory.step(1, features.rows(slice(1, 2))).pointer)
    assert not torch.allclose(found[0], found[1])


def test_tracking_backwards_from_a_later_frame(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    features = encoded(toy, images, mel)
    tracker = toy.track_object()
    tracker.condition(2, features.rows(slice(2, 3)), disc(0.5, 0.5))
    for position in (1, 0):
        row = features.rows(slice(position, position + 1))
        found = tracker.step(position, row, reverse=True)
        assert found.logits.shape == (SIDE, SIDE)
        assert torch.isfinite(found.logits).all()


def test_an_absent_object_has_no_mask(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    features = encoded(toy, images, mel)
    with torch.no_grad():
        last = toy.sam2.sam_mask_decoder.pred_obj_score_head.layers[-1]
        last.weight.zero_()
        last.bias.fill_(-3.0)
    tracker = toy.track_object()
    tracker.condition(0, features.rows(slice(0, 1)), disc(0.5, 0.5))
    found = tracker.step(1, features.rows(slice(1, 2)))
    assert found.object_score < 0
    assert (found.logits == ABSENT_LOGIT).all()


def test_memory_is_bounded_however_long_the_video(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    features = encoded(toy, images, mel)
    memory = Sam2ObjectMemory(toy.sam2)
    row = features.rows(slice(0, 1))
    with torch.no_grad():
        memory.condition(0, row, disc(0.5, 0.5)[None])
        for position in range(1, 40):
            memory.step(position, row)
    assert len(memory._tracked) <= toy.sam2.max_obj_ptrs_in_encoder + 1
    assert list(memory._conditions) == [0]


@pytest.mark.parametrize("kind", ["click", "box"])
def test_the_shipped_toy_model_finds_a_prompted_object(kind: str) -> None:
    from napari_tavis.lab.toyworld import make_clip
    from napari_tavis.media import log_mel
    from napari_tavis.model import load_model

    model = load_model("toy")
    overlaps = []
    for seed in range(4):
        clip = make_clip(seed)
        mel = log_mel(clip.waveform, clip.starts[:1])
        features = model.encode_frames(clip.frames[:1], mel).features
        for label in range(1, len(clip.class_names) + 1):
            truth = clip.instances[0] == label
            if truth.sum() < 400:
                continue
            rows, columns = np.nonzero(truth)
            if kind == "click":
                middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
                points = torch.tensor([[columns[middle] + 0.5, rows[middle] + 0.5]])
                labels = torch.tensor([1])
            else:
                points = torch.tensor(
                    [[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]
                )
                labels = torch.tensor([2, 3])
            found = model.segment_prompts(features, points / 224, labels).logits.numpy() > 0
            overlaps.append((found & truth).sum() / (found | truth).sum())
    assert np.median(overlaps) > 0.5
