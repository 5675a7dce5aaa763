"""Which query stands for which object: the Hungarian matching of section 3.4."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from napari_tavis.lab.training.batches import Targets


@torch.no_grad()
def pair_costs(mask_logits: Tensor, probabilities: Tensor, targets: Targets) -> Tensor:
    """Give the cost of every pairing of a query with an object, frame by frame.

    ``5 (-p + BCE + Dice)`` as in the authors' release, over all cells of the mask grid
    rather than 12,544 random points: the grid here is smaller than that.

    Parameters
    ----------
    mask_logits : Tensor, shape (n, N, h, w)
        Masks of the decomposed queries.
    probabilities : Tensor, shape (n, N, P)
        Class probabilities of the queries, of sound, or of sound and picture added.
    targets : Targets
        The truth, ``O`` objects a frame.

    Returns
    -------
    Tensor, shape (n, N, O)
        The lower the better.
    """
    logits = mask_logits.flatten(2)
    truth = targets.masks.flatten(2).transpose(1, 2)
    cells = logits.shape[-1]
    inside, outside = functional.softplus(-logits), functional.softplus(logits)
    cross_entropy = (inside @ truth + outside @ (1 - truth)) / cells
    shares = logits.sigmoid()
    sizes = shares.sum(-1)[..., None] + truth.sum(1)[:, None]
    dice = 1 - (2 * shares @ truth + 1) / (sizes + 1)
    index = targets.classes[:, None].expand(-1, probabilities.shape[1], -1)
    return 5 * (cross_entropy + dice - probabilities.gather(2, index))


def match(costs: Tensor, present: Tensor) -> Tensor:
    """Assign one query to each object that is present, at the least total cost.

    Parameters
    ----------
    costs : Tensor, shape (n, N, O)
        Cost of every pairing.
    present : Tensor, bool, shape (n, O)
        The objects to be assigned.

    Returns
    -------
    Tensor, int64, shape (n, O)
        The query of each object, -1 for objects that are not present.
    """
    assigned = torch.full(present.shape, -1, dtype=torch.int64)
    table = torch.nan_to_num(costs.float(), nan=1e4).cpu().numpy()
    for frame, columns in enumerate(present.cpu()):
        wanted = columns.nonzero().flatten()
        if len(wanted):
            queries, order = linear_sum_assignment(table[frame][:, wanted.numpy()])
            assigned[frame, wanted[torch.as_tensor(order)]] = torch.as_tensor(queries)
    return assigned.to(costs.device)
