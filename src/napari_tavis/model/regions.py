"""What the masks of a frame highlight, as ImageBind's vision encoder sees it."""

from __future__ import annotations

from torch import Tensor

from napari_tavis.model import preprocess
from napari_tavis.model.alignment import BLUR_KERNEL, highlight
from napari_tavis.model.imagebind import ImageBind


def region_embedding(
    imagebind: ImageBind, images: Tensor, mask_logits: Tensor, kernel: int = BLUR_KERNEL
) -> Tensor:
    """Embed what masks highlight, differentiably.

    Parameters
    ----------
    imagebind : ImageBind
        Its vision encoder is used, once per mask.
    images : Tensor, shape (B, T, 3, S, S)
        RGB, 0 to 1.
    mask_logits : Tensor, shape (B, T, N, h, w)
        Masks of the queries.
    kernel : int
        Side of the blur's averaging window at 224 pixels.

    Returns
    -------
    Tensor, shape (B, T, N, D)
        Unit vectors ``T_v``.
    """
    shape = mask_logits.shape[:3]
    pictures = preprocess.imagebind_size(images.flatten(0, 1))
    highlighted = highlight(pictures, mask_logits.flatten(0, 1), kernel).flatten(0, 1)
    cls_token = imagebind.encode_vision(preprocess.halve(highlighted))
    return imagebind.vision_head(cls_token).unflatten(0, shape)
