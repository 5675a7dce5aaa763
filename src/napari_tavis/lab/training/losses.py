"""The losses of sections 3.4 and 3.5 of the paper.

``L = L_a2pt + L_a2t + L_i2t + sum L_sep + L_binary``, and, beyond the paper, a loss on all three
candidate masks of SAM 2's decoder and on its predicted IoU and object score: without them the
choice among the candidates stays arbitrary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from napari_tavis.lab.training.batches import Batch, Targets
from napari_tavis.model import TAViS, TAViSOutput, TextFeatures

BACKGROUND_WEIGHT = 0.1
CLASS_WEIGHT = 0.5
TEXT_WEIGHT = 0.3

REGION_SIZE = 112  # pixels per side that ImageBind sees

UNKNOWN = -1  # label of the queries of frames whose scene is labelled, but not its objects


@dataclass(frozen=True)
class LossSwitches:
    """Which terms the alignment is learned by: rows of the paper's tables 1 and 2."""

    a2t: bool = True  # classify queries by their sound (L_a2t)
    i2t: bool = True  # classify queries by what their masks highlight (L_i2t)
    a2pt: bool = True  # pull pseudo texts to the texts of their classes (L_a2pt)
    # Draw sounds to what their masks highlight, without text in between (L_a2i), which the paper's
    # network does not.
    a2i: bool = False

    @property
    def regions(self) -> bool:
        """Whether any term looks at what masks highlight, five vision passes a frame."""
        return self.i2t or self.a2i


PAPER_LOSS = LossSwitches()


@torch.no_grad()
def pair_costs(mask_logits: Tensor, probabilities: Tensor, targets: Targets) -> Tensor:
    """Give the cost of every pairing of a query with an object, frame by frame: (n, N, O).

    ``5 (-p + BCE + Dice)`` as in the authors' release, over all cells of the mask grid rather than
    12,544 random points: the grid here is smaller than that. Takes the masks of the queries, (n, N,
    h, w), and their class probabilities, (n, N, P), of sound, or of sound and picture added.
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

    Takes costs (n, N, O) and present objects (n, O); gives the query of each object, (n, O), -1 for
    objects that are absent.
    """
    assigned = torch.full(present.shape, -1, dtype=torch.int64)
    # The assignment refuses NaN; the loss of a network that has diverged is reported later.
    table = torch.nan_to_num(costs.float(), nan=1e4).cpu().numpy()
    for frame, columns in enumerate(present.cpu()):
        wanted = columns.nonzero().flatten()
        if len(wanted):
            queries, order = linear_sum_assignment(table[frame][:, wanted.numpy()])
            assigned[frame, wanted[torch.as_tensor(order)]] = torch.as_tensor(queries)
    return assigned.to(costs.device)


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of logits (..., P) over the vocabulary, the background (first) weighted down.

    A weighted mean over the labels (...) that are not `UNKNOWN`; 0 if none is known.
    """
    weight = torch.ones(logits.shape[-1], device=logits.device, dtype=logits.dtype)
    weight[0] = BACKGROUND_WEIGHT
    entropy = functional.cross_entropy(
        logits.flatten(0, -2),
        labels.flatten(),
        weight=weight,
        ignore_index=UNKNOWN,
        reduction="sum",
    )
    return entropy / weight[labels[labels != UNKNOWN]].sum().clamp(min=BACKGROUND_WEIGHT)


def mask_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross entropy plus one minus the soft IoU; the latter only where truth has any.

    Takes candidates (k, M, h, w) and covered shares (k, h, w), 0 to 1; gives the mean over the
    candidates, (k,).
    """
    truth = truth[:, None].expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    shares = logits.sigmoid()
    overlap = (shares * truth).sum((-2, -1))
    union = (shares + truth - shares * truth).sum((-2, -1))
    area = truth.sum((-2, -1))
    iou = torch.where(area > 0, 1 - overlap / (union + 1e-6), torch.zeros_like(overlap))
    return (entropy.mean((-2, -1)) + iou).mean(1)


@torch.no_grad()
def hard_iou(logits: Tensor, truth: Tensor) -> Tensor:
    """Measure the IoU of thresholded candidates; empty against empty counts as 1.

    Takes candidates (k, M, h, w) and covered shares (k, h, w), 0 to 1; gives (k, M), 0 to 1.
    """
    predicted, true = logits > 0, (truth > 0.5)[:, None]
    overlap = (predicted & true).sum((-2, -1)).float()
    union = (predicted | true).sum((-2, -1)).float()
    return torch.where(union > 0, overlap / union.clamp(min=1), torch.ones_like(union))


def tavis_loss(
    output: TAViSOutput,
    targets: Targets,
    texts: TextFeatures,
    image_embedding: Tensor | None = None,
    switches: LossSwitches = PAPER_LOSS,
) -> dict[str, Tensor]:
    """Compute every weighted term of the loss, scalars by name; their sum is what is minimised.

    Nothing is asked of frames that the targets leave out. ``image_embedding`` is ``T_v`` of the
    queries' regions, (B, T, N, D); without it `L_i2t` and `L_a2i` are left out. Queries are matched
    to objects by masks and by those probabilities that are learned.
    """
    output = output.choose(targets.frames)
    if image_embedding is not None:
        image_embedding = image_embedding.flatten(0, 1)[targets.frames, None]
    candidates = output.candidate_logits.flatten(0, 1)
    queries = output.audio_embedding.shape[2]
    class_logits = _class_logits(output, texts, image_embedding, switches)
    probabilities = sum(
        (logits.softmax(-1) for logits in class_logits.values()),
        start=output.audio_embedding.new_zeros(*candidates.shape[:1], queries, len(texts.trunk)),
    )
    chosen = output.mask_logits.flatten(0, 1)[:, :queries]
    assigned = match(pair_costs(chosen.float(), probabilities, targets), targets.present)

    frame, item = (assigned >= 0).nonzero(as_tuple=True)
    query = assigned[frame, item]
    labels = torch.zeros(probabilities.shape[:2], dtype=torch.int64, device=chosen.device)
    labels[frame, query] = targets.classes[frame, item]
    labels[~targets.classified] = UNKNOWN
    masks = torch.cat([candidates[frame, query], candidates[:, queries]])
    truth = torch.cat([targets.masks[frame, item], targets.scene])
    per_mask = mask_loss(masks, truth)
    split = len(frame)

    terms = {
        name: CLASS_WEIGHT * classification_loss(logits, labels)
        for name, logits in class_logits.items()
    }
    if switches.a2pt:
        pseudo_text = output.pseudo_text.flatten(0, 1)[:, :queries]
        terms["a2pt"] = TEXT_WEIGHT * _text_loss(pseudo_text, labels, texts)
    if switches.a2i and image_embedding is not None:
        heard = output.audio_embedding.flatten(0, 1)[frame, query]
        seen = image_embedding.flatten(0, 1)[frame, query]
        terms["a2i"] = CLASS_WEIGHT * direct_alignment_loss(heard, seen, labels[frame, query])
    return {
        **terms,
        "separate": per_mask[:split].sum() / max(split, 1),
        "scene": per_mask[split:].sum() / max(len(targets.scene), 1),
        "iou": _iou_loss(output, masks, truth, frame, query),
        "object": _object_loss(output, labels, targets),
    }


def _class_logits(
    output: TAViSOutput, texts: TextFeatures, image_embedding: Tensor | None, switches: LossSwitches
) -> dict[str, Tensor]:
    """Compare queries with texts, (n, N, P), in every way that is to be learned."""
    embeddings: dict[str, Tensor] = {}
    if switches.a2t:
        embeddings["a2t"] = output.audio_embedding
    if switches.i2t and image_embedding is not None:
        embeddings["i2t"] = image_embedding
    return {name: e.flatten(0, 1) @ texts.embedding.T for name, e in embeddings.items()}


def direct_alignment_loss(heard: Tensor, seen: Tensor, classes: Tensor) -> Tensor:
    """Draw the sound of each object to its picture, away from those of other classes: `L_a2i`.

    The paper names the term but not its form. This is the symmetric contrastive loss by which
    ImageBind itself was aligned, over the ``k`` matched queries of a batch. Takes their ``T_a``
    with the scale of the audio head and their ``T_v``, unit vectors, (k, D) each. Two of the same
    class are not contrasted; with fewer than two classes the loss is zero.
    """
    same = classes[:, None] == classes
    if same.all():
        return (heard.sum() + seen.sum()) * 0  # zero, but still differentiable
    share = same / same.sum(1, keepdim=True)
    logits = heard @ seen.T
    both = (functional.cross_entropy(logits, share), functional.cross_entropy(logits.T, share))
    return torch.stack(both).mean()


def _text_loss(pseudo_text: Tensor, labels: Tensor, texts: TextFeatures) -> Tensor:
    """Pull pseudo texts to the trunk features of their class's text, `L_a2pt`.

    The mean squared error is taken in units of the features' variance: how large features are is
    arbitrary in a text trunk that was trained from nothing.
    """
    known = labels != UNKNOWN
    pseudo_text, labels = pseudo_text[known], labels[known]
    distance = (pseudo_text - texts.trunk[labels]).square().mean(-1) / texts.trunk.var()
    weight = torch.where(labels > 0, 1.0, BACKGROUND_WEIGHT)
    return (distance * weight).sum() / weight.sum().clamp(min=BACKGROUND_WEIGHT)


def _iou_loss(
    output: TAViSOutput, masks: Tensor, truth: Tensor, frame: Tensor, query: Tensor
) -> Tensor:
    """Teach the decoder how good its candidates are."""
    predicted = output.candidate_iou.flatten(0, 1)
    predicted = torch.cat([predicted[frame, query], predicted[:, -1]])
    return functional.mse_loss(predicted, hard_iou(masks, truth))


def _object_loss(output: TAViSOutput, labels: Tensor, targets: Targets) -> Tensor:
    """Teach the decoder whether a query holds anything in the frame."""
    scene = targets.scene.flatten(1).any(1, keepdim=True)
    present = torch.cat([labels > 0, scene], dim=1)
    known = torch.cat([labels != UNKNOWN, torch.ones_like(scene)], dim=1)
    scores = output.object_score.flatten(0, 1)[known]
    truth = present[known].to(scores.dtype)
    entropy = functional.binary_cross_entropy_with_logits(scores, truth, reduction="sum")
    return 0.2 * entropy / max(len(truth), 1)


def region_embedding(model: TAViS, batch: Batch, masks: Tensor) -> Tensor:
    """Embed what soft masks (B, T, N, h, w), 0 to 1, highlight: unit vectors (B, T, N, D).

    As `TAViS.region_embedding`, but fast.
    """
    shape = masks.shape[:3]
    images = batch.images[:, :, None].expand(*shape, -1, -1, -1).flatten(0, 2)
    cls = model.imagebind.encode_vision(region_images(images, masks.flatten(0, 2)))
    return model.imagebind.vision_head(cls).unflatten(0, shape)


def region_images(images: Tensor, masks: Tensor) -> Tensor:
    """Keep one region of each picture (n, 3, S, S) sharp and blur the rest: (n, 3, 112, 112).

    The image side of the alignment (section 3.4) at ImageBind's size. The release pools 75 pixels
    at 224, which is slow on a CPU; pooling a picture reduced to an eighth of that over 9 pixels is
    nearly the same. Masks (n, h, w) are 1 inside the region and 0 outside; pictures are 0 to 1.
    """
    images = _resized(images)
    mask = _resized(masks[:, None].to(images.dtype))
    coarse = functional.avg_pool2d(images * (1 - mask), 4)
    coarse = functional.avg_pool2d(coarse, 9, stride=1, padding=4)
    blurred = functional.interpolate(coarse, REGION_SIZE, mode="bilinear")
    return images * mask + blurred * (1 - mask)


def _resized(pictures: Tensor) -> Tensor:
    """Bring pictures to the size that ImageBind sees."""
    if pictures.shape[-1] == REGION_SIZE:
        return pictures
    return functional.interpolate(pictures, REGION_SIZE, mode="bilinear", antialias=True)
