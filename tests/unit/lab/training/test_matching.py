from __future__ import annotations

import torch

from napari_tavis.lab.training.batches import Targets
from napari_tavis.lab.training.losses import match, pair_costs


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
