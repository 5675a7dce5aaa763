"""A picture of what the network finds in a few clips, the same ones after every epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.annotation.overlay import OverlayMask, draw_masks
from napari_tavis.core.atomic import write_atomically

TRUTH, FOUND = (64, 200, 120), (255, 140, 0)
GAP = 4
"""Pixels between pictures."""

SIDE = 224
"""Most pixels per side of one frame."""


@dataclass(frozen=True)
class ClipResult:
    """What was found in one clip.

    Attributes
    ----------
    name : str
        The clip's name.
    frames : ndarray of uint8, shape (T, S, S, 3)
        RGB.
    truth, found : ndarray of bool, shape (T, S, S)
        All that sounds, and what the network takes for it.
    labelled : ndarray of bool, shape (T,)
        The frames about which there is a truth.
    """

    name: str
    frames: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.bool_]
    found: npt.NDArray[np.bool_]
    labelled: npt.NDArray[np.bool_]


def draw_results(results: Sequence[ClipResult]) -> npt.NDArray[np.uint8]:
    """Draw clips as rows, frames as columns: the truth outlined, what was found filled.

    Parameters
    ----------
    results : sequence of ClipResult
        At least one.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    rows = []
    for result in results:
        step = -(-result.frames.shape[1] // SIDE)
        pictures = [
            draw_masks(
                result.frames[index, ::step, ::step],
                [
                    OverlayMask(result.found[index, ::step, ::step], FOUND),
                    OverlayMask(result.truth[index, ::step, ::step], TRUTH, filled=False),
                ],
            )
            for index in range(len(result.frames))
        ]
        rows.append(np.concatenate([_framed(picture) for picture in pictures], axis=1))
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def write_picture(picture: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a PNG whole or not at all."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    write_atomically(path, data.getvalue())


def _framed(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)))
