"""What the model proposes for a clip: objects nobody has looked at yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation.masks import Mask

# An object of one class, the one mask of everything that sounds, or what the model takes for
# background: no object, but kept in reach in case the model is wrong.
ObjectKind: TypeAlias = Literal["object", "scene", "background"]

SCENE_NAME = "scene"  # in place of a class name


@dataclass
class Proposal:
    """One proposed object; its mappings are by video frame.

    For a background proposal, the probability of all classes counts instead of its own.
    """

    class_name: str  # `SCENE_NAME` or "background", where `kind` is that
    score: float  # how sure the model is, 0 to 1: the mean of `frame_scores`
    # (H, W), at the size of the video. A dict is fine; `PackedMasks` keep long videos small.
    masks: Mapping[int, Mask]
    # Class probability times predicted mask quality (IoU), 0 to 1.
    frame_scores: dict[int, float] = field(default_factory=dict)
    kind: ObjectKind = "object"
    # What the masks were cut out of, by `masks.encode_logits`: cutting at 0.5 gives the same masks
    # again. Empty where nothing was kept.
    logits: Mapping[int, bytes] = field(default_factory=dict)


@dataclass
class Proposals:
    """Everything the model proposes for a clip."""

    frame_indices: npt.NDArray[np.int64]  # (T,), the sampled frames of the video, ascending
    frame_times: npt.NDArray[np.float64]  # (T,), their presentation times in seconds
    frame_size: tuple[int, int]  # height and width of the video's frames, in pixels
    objects: list[Proposal]  # best first, then the background, best first; the scene last
    model_name: str = ""  # what made them; empty if nothing did
    vocabulary: tuple[str, ...] = ()  # the class names in play, without the background
    warnings: tuple[str, ...] = ()  # what the user should know, one sentence each
    frame_count: int | None = None  # of the video; a session counts them where it is unknown

    def __post_init__(self) -> None:
        self.frame_indices = np.asarray(self.frame_indices, dtype=np.int64).reshape(-1)
        self.frame_times = np.asarray(self.frame_times, dtype=np.float64).reshape(-1)
        if self.frame_indices.shape != self.frame_times.shape:
            raise ValueError("every sampled frame has one time")
        if np.any(np.diff(self.frame_indices) <= 0):
            raise ValueError("the sampled frames ascend, each of them once")
