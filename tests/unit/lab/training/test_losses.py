"""The paper's losses: which query stands for which object, their terms, and their switches."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.lab.training.batches import Batch, Targets, make_targets
from napari_tavis.lab.training.losses import (
    LossSwitches,
    classification_loss,
    direct_alignment_loss,
    hard_iou,
    mask_loss,
    match,
    pair_costs,
    tavis_loss,
)
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures

ALWAYS = {"separate", "scene", "iou", "object"}


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


def _targets(masks: torch.Tensor, classes: list[int], present: list[bool]) -> Targets:
    flags = torch.tensor([present])
    scene = (masks * flags[..., None, None]).sum(1).clamp(max=1)
    return Targets(
        frames=torch.tensor([0]),
        classified=torch.tensor([True]),
        classes=torch.tensor([classes]),
        present=flags,
        masks=masks,
        scene=scene,
    )


def _quadrants() -> torch.Tensor:
    masks = torch.zeros(1, 3, 8, 8)
    masks[0, 0, :4, :4] = 1
    masks[0, 1, 4:, 4:] = 1
    masks[0, 2, :4, 4:] = 1
    return masks


def test_queries_go_to_the_objects_they_cover() -> None:
    masks = _quadrants()
    logits = torch.full((1, 5, 8, 8), -4.0)
    logits[0, 3][masks[0, 0] > 0] = 4
    logits[0, 1][masks[0, 1] > 0] = 4
    targets = _targets(masks, [7, 9, 4], [True, True, True])
    costs = pair_costs(logits, torch.full((1, 5, 71), 1 / 71), targets)
    assigned = match(costs, targets.present)[0].tolist()
    assert assigned[:2] == [3, 1]
    assert assigned[2] in (0, 2, 4)


def test_class_decides_between_equal_masks() -> None:
    masks = _quadrants()
    probabilities = torch.full((1, 5, 71), 0.001)
    probabilities[0, 2, 9] = 0.9
    probabilities[0, 4, 7] = 0.9
    targets = _targets(masks, [7, 9, 0], [True, True, False])
    costs = pair_costs(torch.zeros(1, 5, 8, 8), probabilities, targets)
    assert match(costs, targets.present)[0].tolist() == [4, 2, -1]


def test_cost_of_a_perfect_pair_is_five_times_minus_its_probability() -> None:
    masks = _quadrants()
    logits = (masks[:, :1] * 200 - 100).expand(1, 5, 8, 8)
    probabilities = torch.full((1, 5, 71), 0.5)
    costs = pair_costs(logits, probabilities, _targets(masks, [7, 9, 4], [True] * 3))
    assert torch.allclose(costs[0, :, 0], torch.full((5,), -2.5), atol=1e-4)
    assert (costs[0, :, 1] > 0).all()


def test_frames_without_sound_have_no_assignment() -> None:
    costs = torch.rand(3, 5, 2)
    present = torch.tensor([[False, False], [True, False], [False, False]])
    assigned = match(costs, present)
    assert (assigned >= 0).tolist() == present.tolist()


def _terms(switches: LossSwitches) -> dict[str, torch.Tensor]:
    """Compute the loss of two clips, each with one object that sounds."""
    torch.manual_seed(0)
    model = TAViS.from_preset("toy", image_size=64).train()
    visible = torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    visible[0, :, 10:40, 10:40] = 5
    visible[1, :, 10:40, 10:40] = 9
    heard = torch.zeros(2, 1, 71, dtype=torch.bool)
    heard[0, :, 5] = heard[1, :, 9] = True
    images = torch.rand(2, 1, 3, 64, 64)
    batch = Batch(images, torch.randn(2, 1, 1, 128, 204), visible, torch.tensor([[5], [9]]), heard)
    output = model(batch.images, batch.mel, protocol="independent")
    regions = model.region_embedding(batch.images, output.mask_logits[:, :, :-1])
    targets = make_targets(batch, output.mask_logits.shape[-1])
    texts = TextFeatures(embedding=torch.randn(71, 128), trunk=torch.randn(71, 128))
    return tavis_loss(output, targets, texts, regions, switches)


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        (LossSwitches(), {"a2t", "i2t", "a2pt"}),
        (LossSwitches(a2t=False), {"i2t", "a2pt"}),
        (LossSwitches(i2t=False), {"a2t", "a2pt"}),
        (LossSwitches(a2i=True), {"a2t", "i2t", "a2pt", "a2i"}),
        (LossSwitches(a2t=False, i2t=False, a2i=True), {"a2pt", "a2i"}),
        (LossSwitches(a2t=False, i2t=False, a2pt=False), set()),
    ],
)
def test_what_is_switched_off_is_no_term(switches: LossSwitches, expected: set[str]) -> None:
    terms = _terms(switches)
    assert set(terms) == ALWAYS | expected
    assert all(torch.isfinite(term) for term in terms.values())


def test_sounds_at_their_own_pictures_cost_less_than_at_others() -> None:
    seen = torch.eye(4)
    classes = torch.tensor([3, 7, 8, 9])
    right = direct_alignment_loss(20 * seen, seen, classes)
    wrong = direct_alignment_loss(20 * seen.roll(1, 0), seen, classes)
    assert right.item() == pytest.approx(0, abs=1e-6)
    assert wrong.item() > 10


def test_two_of_a_class_are_not_told_apart() -> None:
    seen = torch.eye(3)
    classes = torch.tensor([3, 3, 9])
    own = direct_alignment_loss(20 * seen, seen, classes)
    exchanged = direct_alignment_loss(20 * seen[[1, 0, 2]], seen, classes)
    assert own.item() == pytest.approx(exchanged.item())


def test_one_class_alone_has_nothing_to_be_told_from() -> None:
    heard = torch.randn(2, 8, requires_grad=True)
    loss = direct_alignment_loss(heard, torch.randn(2, 8), torch.tensor([4, 4]))
    loss.backward()
    assert loss.item() == 0
    nothing = direct_alignment_loss(heard[:0], torch.zeros(0, 8), torch.zeros(0, dtype=torch.int64))
    assert nothing.item() == 0
