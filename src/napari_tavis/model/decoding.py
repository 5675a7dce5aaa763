"""The mask decoder of SAM and SAM 2, and the prompts by hand that it takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from sam2.modeling.sam.transformer import TwoWayTransformer
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.config import SegmenterConfig
from napari_tavis.model.features import Masks

CANDIDATES = 3  # M, masks per object


NO_POINT = -1  # label of a point that only fills a row
OUTSIDE, INSIDE, UPPER_LEFT, LOWER_RIGHT = 0, 1, 2, 3  # labels of points, as SAM 2 numbers them
KNOWN = 10.0  # logit of what a person marked; 0 is what nobody knows
# largest logit of what is uncertain: the mask that marks are drawn over, or a click's reach
GUESS = 5.0
RADIUS = 0.05  # of a point's mark, as a share of the frame's side
REACH = 0.4  # distance from a first click at which, as far as one knows, the object has ended


def build_mask_decoder(config: SegmenterConfig, **of_sam2: bool) -> MaskDecoder:
    """Build the mask decoder; ``of_sam2`` is what SAM 2's does beyond SAM's."""
    return MaskDecoder(
        num_multimask_outputs=CANDIDATES,
        transformer=TwoWayTransformer(
            depth=2,
            embedding_dim=config.width,
            mlp_dim=config.decoder_hidden_width,
            num_heads=8,
        ),
        transformer_dim=config.width,
        iou_head_depth=3,
        iou_head_hidden_dim=config.iou_hidden_width,
        use_multimask_token_for_obj_ptr=True,
        **of_sam2,
    )


def decode_best(
    decoder: MaskDecoder,
    embedding: Tensor,
    places: Tensor,
    sparse: Tensor,
    dense: Tensor,
    *,
    finer: Sequence[Tensor] = (),
    candidates: bool = True,
) -> Masks:
    """Predict masks for ``R`` objects and take those whose predicted IoU is highest.

    Takes the image embedding of each object (R, C, h, w), the positions of its pixels (C, h, w),
    prompt tokens (R, k, C), what is added to the embedding, (R, C, h, w) or (R, C, 1, 1), and the
    image's finer levels, finest first, if the decoder uses any. Without ``candidates`` one mask is
    predicted instead of three, as for a mask that is given. `Masks.pointer` of the result is the
    token that the mask was made of.
    """
    masks, iou, tokens, score = decoder(
        image_embeddings=embedding,
        image_pe=places[None],
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=candidates,
        repeat_image=False,
        high_res_features=list(finer),
    )
    rows = torch.arange(len(iou), device=iou.device)
    best = iou.argmax(dim=-1)
    return Masks(masks[rows, best], masks, iou, score[:, 0], tokens[rows, best])


def embed_prompts(
    encoder: PromptEncoder,
    points: Tensor,
    labels: Tensor,
    mask_logits: Tensor | None,
    size: tuple[int, int],
    *,
    paint: bool = False,
    close: bool = True,
) -> tuple[Tensor, Tensor]:
    """Embed clicks, boxes and masks of ``R`` objects as SAM and SAM 2 do.

    Takes points (R, P, 2) and labels (R, P) as `SegmentationBackbone.segment_prompted` does, a mask
    to start from of any size (R, h', w'), and the size (4 h, 4 w) of a mask prompt. ``close`` ends
    the points with one that is no point. Gives sparse prompts (R, P + 1, C), or (R, P, C) unless
    closed, and dense ones (R, C, h, w).
    """
    height, width = encoder.input_image_size
    # The encoder takes the middle of a pixel.
    pixels = points * points.new_tensor([width, height]) - 0.5
    sparse = encoder._embed_points(pixels, labels, pad=close)
    mask = None
    if mask_logits is not None:
        mask = F.interpolate(mask_logits[:, None], size, mode="bilinear", antialias=True)
    if paint and bool((labels != NO_POINT).any()):
        mask = paint_points(points, labels, mask, size)
    if mask is not None:
        return sparse, encoder.mask_downscaling(mask)
    nothing = encoder.no_mask_embed.weight[:, :, None, None]
    return sparse, nothing.expand(len(points), -1, -1, -1)


def paint_points(
    points: Tensor, labels: Tensor, mask_logits: Tensor | None, size: tuple[int, int]
) -> Tensor:
    """Draw points as discs, and what lies outside a box as outside: (R, 1, h, w), from -10 to 10.

    For networks too small to read coordinates. Where clicks are all that is known, the drawing
    falls off around those inside: a disc alone is lost among all that nothing is known about. Takes
    points (R, P, 2), labels (R, P), and the mask to start from, (R, 1, h, w), if there is one.
    """
    height, width = size
    rows = (torch.arange(height, device=points.device) + 0.5) / height
    columns = (torch.arange(width, device=points.device) + 0.5) / width
    across = columns[None, None, :] - points[..., 0, None]  # [R, P, w]
    down = rows[None, None, :] - points[..., 1, None]  # [R, P, h]
    beyond_left = ((labels == UPPER_LEFT)[..., None] & (across < 0)).any(1)
    beyond_right = ((labels == LOWER_RIGHT)[..., None] & (across > 0)).any(1)
    above = ((labels == UPPER_LEFT)[..., None] & (down < 0)).any(1)
    below = ((labels == LOWER_RIGHT)[..., None] & (down > 0)).any(1)
    off_box = (above | below)[:, :, None] | (beyond_left | beyond_right)[:, None, :]
    distance = (down[..., :, None] ** 2 + across[..., None, :] ** 2).sqrt()  # [R, P, h, w]
    if mask_logits is None:
        inside = labels == INSIDE
        alone = inside.any(1) & ~(labels == UPPER_LEFT).any(1)
        drawing = _around(distance, inside).masked_fill(~alone[:, None, None], 0.0)
    else:
        drawing = mask_logits[:, 0].clamp(-GUESS, GUESS)
    drawing = drawing.masked_fill(off_box, -KNOWN)
    for label, value in ((OUTSIDE, -KNOWN), (INSIDE, KNOWN)):
        marked = ((distance < RADIUS) & (labels == label)[..., None, None]).any(1)
        drawing = drawing.masked_fill(marked, value)
    return drawing[:, None]


def _around(distance: Tensor, inside: Tensor) -> Tensor:
    """Let the guess fall off from the nearest click inside, from 10 to -5 at `REACH`."""
    nearest = distance.masked_fill(~inside[..., None, None], torch.inf).amin(1)
    return KNOWN - (KNOWN + GUESS) * (nearest / REACH).clamp(max=1)


def no_points(count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give points (count, 1, 2) and labels (count, 1) of no prompt at all."""
    points = torch.zeros(count, 1, 2, device=device)
    return points, torch.full((count, 1), NO_POINT, device=device)
