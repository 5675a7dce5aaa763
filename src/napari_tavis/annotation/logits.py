"""Mask logits in one byte a pixel: what a threshold is applied to, long after the model ran.

A logit is the model's log-odds that a pixel belongs to the object. Bytes are steps of 1/16 between
-8 and 8, which is between probabilities of 0.0003 and 0.9997. A step never reaches across zero, so
that the sign of every pixel is kept exactly. No torch here.
"""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.annotation.masks import PNG_DAMAGE, Mask, MaskDamaged

STEPS = 16
"""Steps per unit of log-odds."""

_MOST_PIXELS = 1 << 24
"""No network answers with more; a file that says so is not decoded."""

_OFFSET = 127
"""The byte of the step that ends at zero."""


def encode_logits(logits: npt.NDArray[np.float32]) -> bytes:
    """Encode mask logits as an 8-bit greyscale PNG.

    Parameters
    ----------
    logits : ndarray of float32, shape (h, w)
        Log-odds; what lies beyond -8 or 8 is taken as that.

    Returns
    -------
    bytes
        A PNG file. The same logits give the same bytes.
    """
    step = np.ceil(np.asarray(logits, dtype=np.float32) * STEPS) + _OFFSET
    image = Image.fromarray(np.clip(np.nan_to_num(step), 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def decode_logits(data: bytes) -> npt.NDArray[np.float32]:
    """Decode mask logits.

    Parameters
    ----------
    data : bytes
        What `encode_logits` gave.

    Returns
    -------
    ndarray of float32, shape (h, w)
        Log-odds, each within 1/32 of what it was and never 0: positive exactly where it was.

    Raises
    ------
    MaskDamaged
        If it is not a whole 8-bit greyscale PNG.
    """
    steps = _read(data).astype(np.float32) - np.float32(_OFFSET + 0.5)
    return steps / np.float32(STEPS)


def cut_logits(data: bytes, size: tuple[int, int], threshold: float = 0.5) -> Mask:
    """Cut a mask out of encoded logits.

    All masks that the model proposes are cut by this function, at 0.5: cutting there again gives
    exactly the same mask.

    Parameters
    ----------
    data : bytes
        What `encode_logits` gave.
    size : tuple of int
        Height and width of the mask; logits are resized to it bilinearly (antialiased where
        that makes them smaller), then cut.
    threshold : float
        Probability, 0 to 1, above which a pixel is inside. A lower one gives a larger mask.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask.

    Raises
    ------
    MaskDamaged
        If the data are not a whole 8-bit greyscale PNG.
    ValueError
        If the threshold is no probability.
    """
    return cut(decode_logits(data), size, threshold)


def cut(logits: npt.NDArray[np.float32], size: tuple[int, int], threshold: float = 0.5) -> Mask:
    """Cut a mask out of logits that nobody keeps: see `cut_logits`.

    Parameters
    ----------
    logits : ndarray of float32, shape (h, w)
        Log-odds.
    size, threshold
        As there.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask.
    """
    level = log_odds(threshold)
    height, width = size
    image = Image.fromarray(np.ascontiguousarray(logits))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)) > level


def log_odds(probability: float) -> float:
    """Give the log-odds of a probability, infinite for 0 and 1.

    Raises
    ------
    ValueError
        If it does not lie between 0 and 1.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"a threshold of {probability}, which is not between 0 and 1")
    if probability in (0, 1):
        return math.inf if probability else -math.inf
    return math.log(probability / (1 - probability))


def _read(data: bytes) -> npt.NDArray[np.uint8]:
    """Read the bytes of the pixels, after checking them whole: decoding passes over a lost end."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode != "L" or image.width * image.height > _MOST_PIXELS:
                what = f"{image.width}x{image.height} in mode {image.mode}"
                raise ValueError(f"logits of {what} instead of 8-bit grey of a network's size")
            image.verify()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.array(image)
    except PNG_DAMAGE as error:
        raise MaskDamaged(str(error) or "not a PNG file") from error
