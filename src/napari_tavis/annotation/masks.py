"""Binary masks as 1-bit PNG: how they lie on disk, and how they are kept in memory.

A 1080p mask takes 2 MB as an array and a few kilobytes as PNG, so that a session of a long
video fits in memory whole and is saved without encoding anything twice.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Mask: TypeAlias = npt.NDArray[np.bool_]
"""A binary mask, bool ``[H, W]``, at the size of the video's frames."""

PNG_DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises on bytes that are no whole PNG."""


class MaskDamaged(ValueError):
    """Bytes that should be a 1-bit PNG of a given size are not."""


def encode_mask(mask: Mask) -> bytes:
    """Encode a mask as a 1-bit PNG, losslessly.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask.

    Returns
    -------
    bytes
        A PNG file. The same mask gives the same bytes.
    """
    buffer = io.BytesIO()
    height, width = mask.shape
    bits = np.packbits(np.asarray(mask, dtype=bool), axis=1)
    image = Image.frombytes("1", (width, height), bits.tobytes())
    image.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()


def check_mask(data: bytes, size: tuple[int, int]) -> None:
    """Check an encoded mask (format, size, check sums) without decoding its pixels.

    Parameters
    ----------
    data : bytes
        A PNG file.
    size : tuple of int
        Height and width it must have, in pixels.

    Raises
    ------
    MaskDamaged
        If it is not a whole 1-bit PNG of that size.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            _require(image, size)
            image.verify()
    except PNG_DAMAGE as error:
        raise MaskDamaged(str(error) or "not a PNG file") from error


def decode_mask(data: bytes, size: tuple[int, int]) -> Mask:
    """Decode a mask.

    Parameters
    ----------
    data : bytes
        A 1-bit PNG file.
    size : tuple of int
        Height and width it must have, in pixels.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask, a new array.

    Raises
    ------
    MaskDamaged
        If it is not a whole 1-bit PNG of that size.
    """
    check_mask(data, size)  # decoding alone may pass over a missing end
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.array(image).view(np.uint8) != 0  # Pillow's True is 255, numpy's is 1
    except PNG_DAMAGE as error:
        raise MaskDamaged(str(error) or "not a PNG file") from error


def _require(image: Image.Image, size: tuple[int, int]) -> None:
    """Refuse a picture of another size or depth before any pixel of it is decoded."""
    if image.size != (size[1], size[0]) or image.mode != "1":
        width, height = image.size
        raise ValueError(f"{width}x{height} in mode {image.mode}, not {size[1]}x{size[0]} in 1-bit")


def mask_overlap(first: Mask, second: Mask) -> float:
    """Give the intersection over union of two masks.

    Parameters
    ----------
    first, second : ndarray of bool, shape (H, W)
        Two masks of one size.

    Returns
    -------
    float
        From 0 to 1; 0 where both are empty.
    """
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 0.0


class PackedMasks(MutableMapping[int, Mask]):
    """Masks by frame index that are kept compressed: a dict in use, a few kilobytes a mask.

    What is read is a new array each time; to change a mask, assign it.

    Parameters
    ----------
    size : tuple of int
        Height and width of every mask, in pixels.
    masks : mapping of int to ndarray of bool, shape (H, W), optional
        What to start with.
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
