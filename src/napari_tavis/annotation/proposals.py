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

    Parameters
    ----------
    class_name : str
        Its class; `SCENE_NAME` for the scene mask, "background" for what was taken for that.
    score : float
        How sure the model is, 0 to 1: the mean of `frame_scores`.
    masks : mapping of int to ndarray of bool, shape (H, W)
        At the size of the video. A plain dict is fine; `PackedMasks` keeps the masks of a long
        video small.
    frame_scores : dict of int to float
        Class probability times predicted mask quality (IoU), 0 to 1; of a background proposal,
        with the probability of it being any class instead of its own.
    kind : {"object", "scene", "background"}
        What it is.
    logits : mapping of int to bytes
        What its masks were cut out of, encoded (`masks.encode_logits`). Cutting at 0.5 gives the
        same masks again; empty where nothing was kept.
    """

    class_name: str
    score: float
    masks: Mapping[int, Mask]
    frame_scores: dict[int, float] = field(default_factory=dict)
    kind: ObjectKind = "object"
    logits: Mapping[int, bytes] = field(default_factory=dict)


@dataclass
class Proposals:
    """Everything the model proposes for a clip.

    Parameters
    ----------
    frame_indices : sequence of int, length T
        The sampled frames, as indices into the video's frames, ascending.
    frame_times : sequence of float, length T
        Their presentation times in seconds.
    frame_size : tuple of int
        Height and width of the video's frames, in pixels.
    objects : list of Proposal
        The objects, best first; then the background proposals, best first; the scene mask last.
    model_name : str
        What made them; empty if nothing did.
    vocabulary : tuple of str
        The class names in play, without the background.
    warnings : tuple of str
        What the user should know, one sentence each.
    frame_count : int, optional
        How many frames the video has; where it is unknown, a session counts them.
    """

    frame_indices: npt.NDArray[np.int64]
    frame_times: npt.NDArray[np.float64]
    frame_size: tuple[int, int]
    objects: list[Proposal]
    model_name: str = ""
    vocabulary: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    frame_count: int | None = None

    def __post_init__(self) -> None:
        self.frame_indices = np.asarray(self.frame_indices, dtype=np.int64).reshape(-1)
        self.frame_times = np.asarray(self.frame_times, dtype=np.float64).reshape(-1)
        if self.frame_indices.shape != self.frame_times.shape:
            raise ValueError("every sampled frame has one time")
        if np.any(np.diff(self.frame_indices) <= 0):
            raise ValueError("the sampled frames ascend, each of them once")
