"""The mask decoder of SAM and SAM 2, and the prompts by hand that it takes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.prompt_encoder import PromptEncoder
from sam2.modeling.sam.transformer import TwoWayTransformer
from torch import Tensor
from torch.nn import functional as F

from napari_tavis.model.features import Masks
from napari_tavis.model.points import NO_POINT, paint_points
from napari_tavis.model.segmenter_config import SegmenterConfig

CANDIDATES = 3


def build_mask_decoder(config: SegmenterConfig, **of_sam2: bool) -> MaskDecoder:
    """Build the mask decoder, which predicts three candidates per object.

    Parameters
    ----------
    config : Sam2Config or SamConfig
        Sizes.
    **of_sam2 : bool
        What SAM 2's decoder does beyond SAM's.
    """
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
    """Predict masks and take those whose predicted IoU is highest.

    Parameters
    ----------
    decoder : MaskDecoder
        SAM's or SAM 2's.
    embedding : Tensor, shape (R, C, h, w)
        Image embedding for each object.
    places : Tensor, shape (C, h, w)
        Positions of its pixels.
    sparse : Tensor, shape (R, k, C)
        Prompt tokens of each object.
    dense : Tensor, shape (R, C, h, w) or (R, C, 1, 1)
        What is added to the embedding.
    finer : sequence of Tensor
        Finer levels of the image, finest first, if the decoder takes any.
    candidates : bool
        Predict three masks and take the best, or just one, as for a mask that is given.

    Returns
    -------
    Masks
        ``R`` rows; `pointer` is the token that the mask was made of.
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
    """Embed clicks, boxes and masks as SAM and SAM 2 do.

    Parameters
    ----------
    encoder : PromptEncoder
        SAM's or SAM 2's.
    points : Tensor, shape (R, P, 2)
        Column and row of each point, 0 to 1 of the frame's width and height.
    labels : Tensor, shape (R, P)
        1 inside, 0 outside, 2 and 3 a box's upper left and lower right corner, `NO_POINT`.
    mask_logits : Tensor or None, shape (R, h', w')
        A mask to start from, of any size.
    size : tuple of int
        Height and width of a mask prompt, ``4 h`` and ``4 w``.
    paint : bool
        Draw points and boxes into the mask prompt, too.
    close : bool
        End the points with one that is none.

    Returns
    -------
    sparse : Tensor, shape (R, P + 1, C), or (R, P, C) unless closed
    dense : Tensor, shape (R, C, h, w) or (R, C, 1, 1)
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
