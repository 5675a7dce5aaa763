from __future__ import annotations

import pytest
import torch

from napari_tavis.lab.training.batches import Batch, Targets, make_targets
from napari_tavis.lab.training.losses import (
    classification_loss,
    hard_iou,
    mask_loss,
    tavis_loss,
)
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures


def test_mask_loss_is_zero_for_a_certain_right_mask() -> None:
    truth = torch.zeros(1, 8, 8)
    truth[0, 2:5, 2:5] = 1
    logits = (truth * 200 - 100)[:, None]
    assert mask_loss(logits, truth).item() == pytest.approx(0, abs=1e-5)
    assert mask_loss(-logits, truth).item() > 10


def test_mask_loss_of_an_empty_truth_asks_for_an_empty_mask() -> None:
    truth = torch.zeros(1, 8, 8)
    quiet, loud = torch.full((1, 3, 8, 8), -9.0), torch.full((1, 3, 8, 8), 9.0)
    assert mask_loss(quiet, truth).item() < 1e-3 < mask_loss(loud, truth).item()


def test_background_counts_a_tenth() -> None:
    logits = torch.tensor([[0.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    both = classification_loss(logits, torch.tensor([0, 1]))
    entropy = -logits[0].log_softmax(-1)
    expected = (0.1 * entropy[0] + entropy[1]) / 1.1
    assert both.item() == pytest.approx(expected.item(), rel=1e-5)


def test_hard_iou_of_halves_and_of_nothing() -> None:
    truth = torch.zeros(2, 4, 4)
    truth[0, :2] = 1
    logits = torch.full((2, 1, 4, 4), -1.0)
    logits[0, 0, :, :2] = 1
    assert hard_iou(logits, truth).flatten().tolist() == pytest.approx([4 / 12, 1.0])


def test_every_loss_reaches_the_network() -> None:
    torch.manual_seed(0)
    model = TAViS.from_preset("toy", image_size=128).train()
    visible = torch.zeros(1, 2, 128, 128, dtype=torch.uint8)
    visible[:, :, 20:60, 20:60] = 5
    heard = torch.zeros(1, 2, 71, dtype=torch.bool)
    heard[:, 0, 5] = True
    batch = Batch(
        images=torch.rand(1, 2, 3, 128, 128),
        mel=torch.randn(1, 2, 1, 128, 204),
        visible=visible,
        objects=torch.tensor([[5, 0, 0]]),
        heard=heard,
    )
    texts = TextFeatures(embedding=torch.randn(71, 128), trunk=torch.randn(71, 128))
    output = model(batch.images, batch.mel, protocol="independent")
    regions = model.region_embedding(batch.images, output.mask_logits[:, :, :-1])
    targets = make_targets(batch, output.mask_logits.shape[-1])
    terms = tavis_loss(output, targets, texts, regions)
    assert set(terms) == {"a2t", "a2pt", "i2t", "separate", "scene", "iou", "object"}
    assert targets.present.tolist() == [[True, False, False], [False, False, False]]
    for name, term in terms.items():
        model.zero_grad(set_to_none=True)
        term.backward(retain_graph=True)
        reached = [p.grad for p in model.parameters() if p.grad is not None and p.grad.any()]
        assert reached, f"{name} teaches nothing"


def _output_and_targets(labelled: list[bool], classified: bool) -> tuple[TAViSOutput, Targets]:
    """Give the network's answer to a clip of two frames, of which some are labelled."""
    torch.manual_seed(0)
    model = TAViS.from_preset("toy", image_size=128)
    visible = torch.zeros(1, 2, 128, 128, dtype=torch.uint8)
    visible[:, :, 20:60, 20:60] = 5
    heard = torch.zeros(1, 2, 71, dtype=torch.bool)
    heard[..., 5] = True
    batch = Batch(
        images=torch.rand(1, 2, 3, 128, 128),
        mel=torch.randn(1, 2, 1, 128, 204),
        visible=visible,
        objects=torch.tensor([[5]]),
        heard=heard,
        scene=visible > 0,
        labelled=torch.tensor([labelled]),
        classified=torch.tensor([classified]),
    )
    output = model(batch.images, batch.mel, protocol="independent")
    return output, make_targets(batch, output.mask_logits.shape[-1])


def test_frames_without_a_label_teach_nothing() -> None:
    output, targets = _output_and_targets([True, False], classified=True)
    logits = output.candidate_logits
    logits.retain_grad()
    terms = tavis_loss(
        output, targets, TextFeatures(embedding=torch.randn(71, 128), trunk=torch.randn(71, 128))
    )
    sum(terms.values(), start=torch.zeros(())).backward()
    assert targets.frames.tolist() == [0]
    assert logits.grad is not None
    assert logits.grad[0, 0].any()
    assert not logits.grad[0, 1].any()


def test_a_scene_without_classes_teaches_the_scene_alone() -> None:
    output, targets = _output_and_targets([True, True], classified=False)
    logits, sounds = output.candidate_logits, output.audio_embedding
    logits.retain_grad()
    sounds.retain_grad()
    terms = tavis_loss(
        output, targets, TextFeatures(embedding=torch.randn(71, 128), trunk=torch.randn(71, 128))
    )
    assert terms["a2t"] == 0
    assert terms["a2pt"] == 0
    sum(terms.values(), start=torch.zeros(())).backward()
    assert sounds.grad is None or not sounds.grad.any()
    assert logits.grad is not None
    assert logits.grad[:, :, -1].any()
