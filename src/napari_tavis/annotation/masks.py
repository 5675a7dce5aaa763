"""Masks as 1-bit PNG and the logits behind them as 8-bit PNG: on disk, and in memory.

A 1080p mask takes 2 MB as an array and a few kilobytes as PNG, so that a session of a long
video fits in memory whole and is saved without encoding anything twice.

A logit is the model's log-odds that a pixel belongs to the object. Logits are kept in one byte a
pixel, so that a threshold can be applied to them long after the model ran. Bytes are steps of 1/16
between -8 and 8, which is between probabilities of 0.0003 and 0.9997. A step never reaches across
zero, so that the sign of every pixel is kept exactly.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Mask: TypeAlias = npt.NDArray[np.bool_]  # [H, W], at the size of the video's frames

_STEPS = 16  # of a byte of logits, per unit of log-odds
_OFFSET = 127  # the byte of the step that ends at zero
_MOST_LOGITS = 1 << 24  # pixels: no network gives more, and a file that claims so is not decoded
# What Pillow raises on bytes that are not a whole PNG.
_PNG_DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


class MaskDamaged(ValueError):
    """Bytes that should be a PNG of a certain kind and size are not."""


def encode_mask(mask: Mask) -> bytes:
    """Encode a mask as a 1-bit PNG, losslessly. The same mask gives the same bytes."""
    height, width = mask.shape
    bits = np.packbits(np.asarray(mask, dtype=bool), axis=1)
    return _png(Image.frombytes("1", (width, height), bits.tobytes()))


def decode_mask(data: bytes, size: tuple[int, int]) -> Mask:
    """Decode a mask into a new array, (H, W).

    `MaskDamaged` if the data are not a whole 1-bit PNG of that size.
    """

    def check(image: Image.Image) -> None:
        if image.size != (size[1], size[0]) or image.mode != "1":
            width, height = image.size
            raise ValueError(
                f"{width}x{height} in mode {image.mode}, not {size[1]}x{size[0]} in 1-bit"
            )

    with _checked(data, check) as image:
        return np.array(image).view(np.uint8) != 0  # Pillow's True is 255, numpy's is 1


def encode_logits(logits: npt.NDArray[np.float32]) -> bytes:
    """Encode mask logits, (h, w), as an 8-bit greyscale PNG; the same give the same bytes.

    What lies beyond -8 or 8 is taken as that.
    """
    step = np.ceil(np.asarray(logits, dtype=np.float32) * _STEPS) + _OFFSET
    return _png(Image.fromarray(np.clip(np.nan_to_num(step), 0, 255).astype(np.uint8)))


def decode_logits(data: bytes) -> npt.NDArray[np.float32]:
    """Decode what `encode_logits` gave, (h, w); `MaskDamaged` if it is anything else.

    Each value is within 1/32 of what it was and never 0: positive exactly where it was.
    """

    def check(image: Image.Image) -> None:
        if image.mode != "L" or image.width * image.height > _MOST_LOGITS:
            what = f"{image.width}x{image.height} in mode {image.mode}"
            raise ValueError(f"logits of {what} instead of 8-bit grey of a network's size")

    with _checked(data, check) as image:
        steps = np.array(image).astype(np.float32)
    return (steps - np.float32(_OFFSET + 0.5)) / np.float32(_STEPS)  # the middle of each step


def cut_logits(data: bytes, size: tuple[int, int], threshold: float = 0.5) -> Mask:
    """Cut a mask, (H, W), out of encoded logits.

    All masks that the model proposes are cut by this function, at 0.5: cutting there again gives
    exactly the same mask. See `mask_from_logits`; `MaskDamaged` as from `decode_logits`.
    """
    return mask_from_logits(decode_logits(data), size, threshold)


def mask_from_logits(
    logits: npt.NDArray[np.float32], size: tuple[int, int], threshold: float = 0.5
) -> Mask:
    """Cut a mask of a given height and width out of logits, (h, w).

    They are resized bilinearly (antialiased where that makes them smaller), then cut. The
    threshold is the probability, 0 to 1, above which a pixel is inside: a lower one gives a
    larger mask, and any other number is a `ValueError`.
    """
    level = log_odds(threshold)
    height, width = size
    image = Image.fromarray(np.ascontiguousarray(logits))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)) > level


def log_odds(probability: float) -> float:
    """Give the log-odds of a probability, infinite for 0 and 1; `ValueError` beyond these."""
    if not 0 <= probability <= 1:
        raise ValueError(f"a threshold of {probability}, which is not between 0 and 1")
    if probability in (0, 1):
        return math.inf if probability else -math.inf
    return math.log(probability / (1 - probability))


def mask_overlap(first: Mask, second: Mask) -> float:
    """Give the intersection over union of two masks, 0 to 1; 0 where both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 0.0


class PackedMasks(MutableMapping[int, Mask]):
    """Masks by frame index that are kept compressed: a dict in use, a few kilobytes a mask.

    All have one height and width. What is read is a new array each time; to change a mask, assign
    it.
    """

    def __init__(self, size: tuple[int, int], masks: Mapping[int, Mask] | None = None) -> None:
        self.size = size
        self._encoded: dict[int, bytes | None] = {}
        self.update(masks or {})

    def __getitem__(self, frame_index: int) -> Mask:
        data = self._encoded[frame_index]
        return np.zeros(self.size, dtype=bool) if data is None else decode_mask(data, self.size)

    def __setitem__(self, frame_index: int, mask: Mask) -> None:
        if mask.shape != self.size:
            raise ValueError(f"a mask of {mask.shape} where the frames are {self.size}")
        self._encoded[frame_index] = encode_mask(mask) if mask.any() else None

    def __delitem__(self, frame_index: int) -> None:
        del self._encoded[frame_index]

    def __iter__(self) -> Iterator[int]:
        return iter(self._encoded)

    def __len__(self) -> int:
        return len(self._encoded)

    def encoded(self, frame_index: int) -> bytes | None:
        """Give a mask as it is kept: a 1-bit PNG, or None for an empty mask."""
        return self._encoded[frame_index]

    def put_encoded(self, frame_index: int, data: bytes | None) -> None:
        """Take a mask as `encoded` gives it."""
        self._encoded[frame_index] = data


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


@contextmanager
def _checked(data: bytes, check: Callable[[Image.Image], None]) -> Iterator[Image.Image]:
    """Open a PNG after checking its header, before any pixel is decoded, and its check sums.

    Decoding alone would accept a file whose end is missing; after `verify` Pillow wants the file
    opened anew.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            check(image)
            image.verify()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            yield image
    except _PNG_DAMAGE as error:
        raise MaskDamaged(str(error) or "not a PNG file") from error
