"""The network on each of its segmentation backbones, in small."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.core.errors import CheckpointError, ModelError
from napari_tavis.lab.benchmark.counters import count_gflop
from napari_tavis.model import TAViS, load_checkpoint, save_checkpoint
from napari_tavis.model.config import PRESETS, preset_config
from napari_tavis.model.decoding import INSIDE, LOWER_RIGHT, UPPER_LEFT
from napari_tavis.model.precision import place
from napari_tavis.model.weight_names import load_official_state_dict, official_name

SMALL = ("toy", "toy_2.1", "toy_sam")
SIZE = 64


def build(preset: str) -> TAViS:
    """Random weights, always the same."""
    torch.manual_seed(0)
    return TAViS.from_preset(preset, SIZE)


@pytest.fixture(scope="module")
def clip() -> tuple[Tensor, Tensor]:
    """Two clips of three frames, and their sound."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand((2, 3, 3, SIZE, SIZE), generator=generator)
    return images, torch.randn((2, 3, 1, 128, 204), generator=generator)


@pytest.fixture
def frame() -> tuple[np.ndarray, np.ndarray]:
    """A decoded frame with its sound."""
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (1, 90, 160, 3), dtype=np.uint8)
    return picture, generator.standard_normal((1, 1, 128, 204), dtype=np.float32)


@pytest.mark.parametrize("preset", SMALL)
@torch.no_grad()
def test_every_protocol_that_a_backbone_has_gives_masks(
    preset: str, clip: tuple[Tensor, Tensor]
) -> None:
    model = build(preset)
    found = {name: model(*clip, name) for name in model.segmenter.protocols}
    for output in found.values():
        assert output.mask_logits.shape == (2, 3, 6, SIZE // 4, SIZE // 4)
        assert output.candidate_iou.shape == (2, 3, 6, 3)
        assert output.object_pointer.shape == (2, 3, 6, 128)
        assert output.mask_logits.isfinite().all()
        assert output.mask_logits.std() > 1e-3
        assert output.image_features[-1].shape == (6, 128, SIZE // 16, SIZE // 16)
    best = found[model.segmenter.protocols[0]]
    torch.testing.assert_close(model(*clip).mask_logits, best.mask_logits)


@pytest.mark.parametrize("preset", SMALL)
@torch.no_grad()
def test_frames_do_not_see_each_other_and_hear_their_own_sound(
    preset: str, clip: tuple[Tensor, Tensor]
) -> None:
    model, (images, mel) = build(preset), clip
    together = model(images, mel, "independent").mask_logits
    alone = model(images[:1, 1:2], mel[:1, 1:2], "independent").mask_logits
    torch.testing.assert_close(together[:1, 1:2], alone, rtol=1e-4, atol=1e-4)
    features = [
        model.segmenter.encode(images[0], model.adapters(sound))[1].embedding
        for sound in (torch.zeros(3, 4, 128), torch.ones(3, 4, 128))
    ]
    assert not torch.allclose(*features, atol=1e-3)


@pytest.mark.parametrize("preset", SMALL)
def test_training_steps_lower_the_loss_and_reach_the_adapters(
    preset: str, clip: tuple[Tensor, Tensor]
) -> None:
    model, (images, mel) = build(preset).train(), clip
    truth = torch.zeros(1, 2, 6, SIZE // 4, SIZE // 4)
    truth[..., 4:12, 2:9] = 1
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(6):
        logits = model(images[:1, :2], mel[:1, :2]).candidate_logits
        loss = F.binary_cross_entropy_with_logits(logits, truth[:, :, :, None].expand_as(logits))
        optimizer.zero_grad()
        loss.backward()
        adapters = [weight.grad for weight in model.adapters.parameters()]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert all(grad is not None and bool(grad.any()) for grad in adapters)
    encoder = [weight.grad for weight in model.segmenter.image_encoder.parameters()]
    assert all(grad is None or bool(grad.isfinite().all()) for grad in encoder)


@pytest.mark.parametrize("preset", SMALL)
def test_a_saved_model_is_the_same_when_loaded(
    preset: str, frame: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    model = build(preset)
    path = save_checkpoint(model, tmp_path / "model.safetensors", dtype=torch.float32)
    loaded = load_checkpoint(path)
    assert loaded.config == model.config
    expected, found = model.segment(*frame), loaded.segment(*frame)
    torch.testing.assert_close(found.mask_logits, expected.mask_logits, rtol=1e-5, atol=1e-5)
    other = build("toy_sam" if preset != "toy_sam" else "toy")
    with pytest.raises(CheckpointError, match=r"missing: .*surplus: "):
        load_official_state_dict(
            other, {official_name(name): value for name, value in model.state_dict().items()}
        )


@pytest.mark.parametrize("preset", SMALL)
def test_clicks_boxes_and_masks_are_answered(
    preset: str, frame: tuple[np.ndarray, np.ndarray]
) -> None:
    model = build(preset)
    features = model.encode_frames(*frame).features
    click = model.segment_prompts(features, torch.tensor([[0.3, 0.4]]), torch.tensor([INSIDE]))
    there = model.segment_prompts(features, torch.tensor([[0.8, 0.9]]), torch.tensor([INSIDE]))
    corners = torch.tensor([[0.1, 0.2], [0.6, 0.7]])
    box = model.segment_prompts(features, corners, torch.tensor([UPPER_LEFT, LOWER_RIGHT]))
    none = torch.zeros(0, 2), torch.zeros(0, dtype=torch.int32)
    mask = model.segment_prompts(features, *none, click.logits)
    answers = [found.logits for found in (click, there, box, mask)]
    for index, logits in enumerate(answers):
        assert logits.shape == (SIZE, SIZE)
        assert logits.isfinite().all()
        assert not any(torch.allclose(logits, other) for other in answers[:index])


@pytest.mark.parametrize("preset", SMALL)
def test_half_precision_changes_little(preset: str, frame: tuple[np.ndarray, np.ndarray]) -> None:
    expected, model = build(preset).segment(*frame).mask_logits, build(preset)
    model.precision = torch.bfloat16
    place(model, "cpu", torch.bfloat16)
    found = model.segment(*frame).mask_logits
    torch.testing.assert_close(found, expected, rtol=0, atol=0.02)
    features = model.encode_frames(*frame).features
    corners = torch.tensor([[0.1, 0.2], [0.6, 0.7]]), torch.tensor([UPPER_LEFT, LOWER_RIGHT])
    first = model.segment_prompts(features, *corners)
    assert model.segment_prompts(features, *corners, first.logits).logits.isfinite().all()


@pytest.mark.parametrize("preset", ["toy", "toy_2.1"])
def test_an_object_is_followed(preset: str, frame: tuple[np.ndarray, np.ndarray]) -> None:
    model = build(preset)
    features = model.encode_frames(*frame).features
    drawn = torch.zeros(SIZE, SIZE)
    drawn[10:30, 20:50] = 1
    tracker = model.track_object()
    tracker.condition(0, features, drawn)
    assert tracker.step(1, features).logits.isfinite().all()


@torch.no_grad()
def test_sam21_remembers_what_sam2_does_not(clip: tuple[Tensor, Tensor]) -> None:
    old, new = build("toy"), build("toy_2.1")
    added = set(new.state_dict()) - set(old.state_dict())
    assert added == {
        "sam2.no_obj_embed_spatial",
        "sam2.obj_ptr_tpos_proj.weight",
        "sam2.obj_ptr_tpos_proj.bias",
    }
    new.load_state_dict(old.state_dict(), strict=False)
    alone = old(*clip, "independent").mask_logits
    torch.testing.assert_close(new(*clip, "independent").mask_logits, alone)
    before = new(*clip).mask_logits
    new.get_parameter("sam2.obj_ptr_tpos_proj.bias").add_(3.0)
    after = new(*clip).mask_logits
    torch.testing.assert_close(after[:, 0], before[:, 0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(after[:, 1:], before[:, 1:], atol=1e-4)


def test_sam_says_that_it_has_no_memory(clip: tuple[Tensor, Tensor]) -> None:
    model = build("toy_sam")
    with pytest.raises(ModelError, match=r"SAM has no memory .* choose the protocol 'independent'"):
        model(*clip, "memory")
    with pytest.raises(ModelError, match="no protocol 'video'; choose memory or independent"):
        model(*clip, "video")
    with pytest.raises(ModelError, match=r"SAM cannot follow objects .* choose a model on SAM 2"):
        model.track_object()


def test_without_its_package_sam_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "napari_tavis.model.sam_segmenter", raising=False)
    monkeypatch.setitem(sys.modules, "timm.models.vision_transformer_sam", None)
    with pytest.raises(ModelError, match=r"need the package timm.*napari-tavis\[sam\]"):
        TAViS.from_preset("toy_sam")


def test_operations_of_sam_are_counted(clip: tuple[Tensor, Tensor]) -> None:
    gflop = count_gflop(build("toy_sam"), *clip, protocol="independent")
    assert gflop["image encoder"] > 0
    assert gflop["mask decoder"] > 0
    assert gflop["memory attention"] == gflop["memory encoder"] == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_built_without_memory_even_where_there_is_a_gpu(
    preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    config = preset_config(preset)
    assert config.preset == preset
    model = TAViS.without_weights(config)
    assert {weight.device.type for weight in model.parameters()} <= {"meta", "cpu"}
    assert sum(weight.numel() for weight in model.parameters() if not weight.is_meta) < 10
    assert len(model.adapters.hidden) == len(config.segmenter.block_widths)
