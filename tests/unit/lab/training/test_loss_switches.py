"""The terms that the alignment is learned by."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.lab.training.batches import Batch, make_targets
from napari_tavis.lab.training.losses import (
    LossSwitches,
    direct_alignment_loss,
    tavis_loss,
)
from napari_tavis.model import TAViS, TextFeatures

ALWAYS = {"separate", "scene", "iou", "object"}


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
