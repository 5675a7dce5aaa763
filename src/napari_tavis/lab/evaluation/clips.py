"""The clips of a split, with what sounds in them as far as anything says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.datasets.avsbench.reader import locate


class EvaluationClips(Sequence[ClipAnnotation]):
    """The clips of one or several readers in sequence, read when they are asked for.

    A clip of S4 without a class map has the one of its category.
    """

    def __init__(self, *readers: Sequence[ClipAnnotation]) -> None:
        self._readers = readers
        self._ends = list(accumulate(len(reader) for reader in readers))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> ClipAnnotation: ...

    @overload
    def __getitem__(self, index: slice) -> list[ClipAnnotation]: ...

    def __getitem__(self, index: int | slice) -> ClipAnnotation | list[ClipAnnotation]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number, position = locate(self._ends, index)
        return with_category(self._readers[number][position])


def with_category(clip: ClipAnnotation) -> ClipAnnotation:
    """Give a clip without a class map the one of its category, if AVSBench has that class.

    S4's clips have one sounding thing.
    """
    index = class_index(clip.category)
    if clip.class_map is not None or not index:
        return clip
    return replace(clip, class_map=np.where(clip.masks, index, 0).astype(np.uint8))


def stretched(clip: ClipAnnotation, size: int | None) -> ClipAnnotation:
    """Bring a clip to a square of ``size`` pixels per side, labels by nearest neighbour.

    So do AVSBench's loaders. None leaves the clip at its size.
    """
    if size is None or clip.frames.shape[1:3] == (size, size):
        return clip

    def resize(pictures: npt.NDArray[np.uint8], how: Image.Resampling) -> npt.NDArray[np.uint8]:
        images = (Image.fromarray(picture).resize((size, size), how) for picture in pictures)
        return np.stack([np.asarray(image) for image in images])

    nearest = Image.Resampling.NEAREST
    scene = clip.scene_mask
    return replace(
        clip,
        frames=resize(clip.frames, Image.Resampling.BILINEAR),
        class_map=None if clip.class_map is None else resize(clip.class_map, nearest),
        scene_mask=None if scene is None else resize(scene.astype(np.uint8), nearest) > 0,
    )
