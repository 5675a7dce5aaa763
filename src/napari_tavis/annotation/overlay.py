"""Pictures of masks over a frame: a light fill, an outline and the class, in the class's colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.objects import SessionObject

FILL = 0.45  # how much of the colour the inside of a mask takes on, 0 to 1


@dataclass(frozen=True)
class OverlayMask:
    """One mask to draw."""

    mask: Mask
    color: tuple[int, int, int]
    label: str = ""  # to write on it; empty for nothing
    filled: bool = True  # tint the inside; else only the outline is drawn


class DrawnSession(Protocol):
    """The part of an `AnnotationSession` that a picture needs; datasets draw, but know none."""

    @property
    def objects(self) -> Sequence[SessionObject]: ...

    def mask(self, object_id: int, frame_index: int) -> Mask: ...


def draw_session(
    frame: npt.NDArray[np.uint8], session: DrawnSession, frame_index: int
) -> npt.NDArray[np.uint8]:
    """Draw what a session holds for a frame, (H, W, 3): objects filled, the scene as an outline.

    What was rejected is left out, and so is background. The frame itself does not change.
    """
    shown = [item for item in session.objects if item.takes_part]
    return draw_masks(
        frame,
        [
            OverlayMask(
                session.mask(item.object_id, frame_index),
                item.color,
                item.class_name if item.kind == "object" else "",
                filled=item.kind == "object",
            )
            for item in sorted(shown, key=lambda item: item.kind != "scene")
        ],
    )


def draw_masks(frame: npt.NDArray[np.uint8], masks: Iterable[OverlayMask]) -> npt.NDArray[np.uint8]:
    """Draw masks over a frame, (H, W, 3), the lowest first; give a new picture."""
    shown = [item for item in masks if item.mask.any()]
    picture = frame.astype(np.float32)
    for item in shown:
        if item.filled:
            picture[item.mask] += FILL * (np.array(item.color) - picture[item.mask])
    thickness = max(1, round(min(frame.shape[:2]) / 200))
    for item in shown:
        rim = _rim(item.mask, thickness)
        picture[ndimage.binary_dilation(rim, iterations=thickness)] *= 0.6  # sets it off
        picture[rim] = item.color
    image = Image.fromarray(picture.round().astype(np.uint8))
    _write_labels(image, shown)
    return np.asarray(image)


def _rim(mask: Mask, thickness: int) -> Mask:
    """Give the border of a mask, `thickness` pixels wide; the picture's edge counts as outside."""
    inside = ndimage.binary_erosion(mask, iterations=thickness)
    return np.asarray(mask & ~inside)


def _write_labels(image: Image.Image, masks: Sequence[OverlayMask]) -> None:
    """Write each label at the top of its mask, inside the picture, and clear of the others."""
    draw = ImageDraw.Draw(image)
    size = max(10, round(min(image.size) / 20))
    font = ImageFont.load_default(size=size)
    taken: list[tuple[float, float, float, float]] = []
    for item in masks:
        if not item.label:
            continue
        rows, columns = np.nonzero(item.mask)
        width = draw.textlength(item.label, font=font) + size / 2
        height = 1.35 * size
        left = min(max(float(columns.mean()) - width / 2, 0.0), max(image.width - width, 0.0))
        top = max(float(rows.min()) - height, 0.0)
        box = (left, top, left + width, top + height)
        while any(_meet(box, other) for other in taken) and box[3] + height <= image.height:
            box = (box[0], box[1] + height, box[2], box[3] + height)
        taken.append(box)
        draw.rectangle(box, fill=item.color)
        draw.text(
            ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2),
            item.label,
            font=font,
            anchor="mm",
            fill=_readable_on(item.color),
        )


def _meet(first: Sequence[float], second: Sequence[float]) -> bool:
    """Say whether two boxes (left, top, right, bottom) overlap."""
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )


def _readable_on(color: tuple[int, int, int]) -> str:
    """Choose black or white text, by the brightness of the background (Rec. 601)."""
    red, green, blue = color
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "white"
