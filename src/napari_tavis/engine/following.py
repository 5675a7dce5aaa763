"""An object followed from the frames where a person drew it to others, by SAM 2's memory.

Conditions, the frames that a person drew or accepted, are what the memory starts from and are never
recomputed. The frames between two of them are divided: each is reached from the nearer one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_tavis.annotation.masks import Mask, mask_from_logits
from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import Task
from napari_tavis.engine.device import Cancellable, run_in_batches
from napari_tavis.engine.encoding import FrameEncoder
from napari_tavis.model.features import EncodedFrames
from napari_tavis.model.outputs import PromptedMask
from napari_tavis.model.tracking import ObjectTracker

# Conditions that the memory holds at once: those nearest to the frames in question.
CONDITIONS_SEEN = 4
# Frames that are encoded at once: a fifth quicker than one by one, and the longest that a click
# has to wait.
FRAMES_TOGETHER = 3

_WHAT = "following the object"


@dataclass(frozen=True)
class Stretch:
    """Frames that are reached one after the other from one condition."""

    frames: tuple[int, ...]  # in the order in which they are reached
    conditions: tuple[int, ...]  # that the memory holds, the nearest first
    reverse: bool  # time runs backwards


def propagate(
    encoder: FrameEncoder,
    conditions: Mapping[int, Mask],
    frames: Sequence[int],
    task: Task | None = None,
) -> Iterator[tuple[int, Mask, float]]:
    """Follow an object from where a person drew it.

    Frames before the first condition are reached backwards, those after the last forwards, and
    those between two conditions from the nearer. Which way an object is followed is thus a
    matter of which frames are asked for: those before or after the current one, or all; the
    sampled frames, or every frame.

    SAM 2 remembers the last six frames it looked at, so frames that lie close together are
    followed better. With each stretch that is reached from one condition its memory begins anew,
    from the nearest `CONDITIONS_SEEN` conditions.

    Masks are given as they are found and not kept: memory does not grow with the video.

    Parameters
    ----------
    conditions : mapping of int to ndarray of bool, shape (H, W)
        The object's mask by video frame, at the size of the video, where it is known: an empty one
        says that the object is not there. Each is read when it is needed.
    frames : sequence of int
        The video frames in which to find the object. Conditions among them are skipped.
    task : Task, optional
        Gets the number of frames done, and may cancel at any time; what was given before that
        stays good.

    Yields
    ------
    frame_index : int
        The video frame.
    mask : ndarray of bool, shape (H, W)
        The object's mask; empty where the model says it is not there.
    score : float
        Probability of the object being there times the mask's quality (IoU), as the model
        estimates them, 0 to 1.

    Raises
    ------
    InferenceError
        If no condition shows the object, or memory does not suffice for a single frame.
    MediaError
        If a frame cannot be decoded.
    Cancelled
        If `task` was cancelled.
    """
    if not any(conditions[frame].any() for frame in conditions):
        raise InferenceError(
            "The object is in no frame that was edited or accepted: draw it in one frame first, "
            "or accept its mask there."
        )
    count = len(encoder.clip.times)
    for frame in (*conditions, *frames):
        if not 0 <= frame < count:
            raise ValueError(f"frame {frame} of a clip of {count} frames")
    return _follow(encoder, conditions, frames, task or Task())


def plan_stretches(conditions: Iterable[int], frames: Iterable[int]) -> list[Stretch]:
    """Divide frames among the conditions, at least one, that they are reached from.

    The stretches hold each frame that is not a condition, once. They are in the order of time, but
    one that is reached backwards begins at its end.
    """
    known = sorted(set(conditions))
    stretches: dict[tuple[int, bool], list[int]] = {}
    for frame in sorted(set(frames) - set(known)):
        after = bisect_left(known, frame)
        reverse = after == 0 or (
            after < len(known) and known[after] - frame < frame - known[after - 1]
        )
        anchor = known[after] if reverse else known[after - 1]
        stretches.setdefault((anchor, reverse), []).append(frame)
    return [
        Stretch(
            tuple(found[::-1] if reverse else found),
            tuple(_nearest(known, anchor, found[0] if reverse else found[-1])),
            reverse,
        )
        for (anchor, reverse), found in stretches.items()
    ]


def _nearest(known: Sequence[int], anchor: int, farthest: int) -> list[int]:
    """Choose the conditions nearest to a stretch, that which it is reached from first."""
    low, high = min(anchor, farthest), max(anchor, farthest)
    others = [frame for frame in known if frame != anchor]
    others.sort(key=lambda frame: low - frame if frame < low else frame - high)
    return [anchor, *others[: CONDITIONS_SEEN - 1]]


def _follow(
    encoder: FrameEncoder, conditions: Mapping[int, Mask], frames: Sequence[int], task: Task
) -> Iterator[tuple[int, Mask, float]]:
    """Go through the stretches, one after the other."""
    stretches = plan_stretches(conditions, frames)
    done, total = 0, sum(len(stretch.frames) for stretch in stretches)
    task.report(0, total, _WHAT)
    for stretch in stretches:
        follower = _Follower(encoder, conditions, stretch, task)
        for frame, encoded in _encoded(encoder, stretch.frames, task):
            found = follower.step(frame, encoded)
            done += 1
            task.report(done, total, _WHAT)
            there = 1 / (1 + math.exp(-min(max(found.object_score, -50.0), 50.0)))  # no overflow
            quality = min(max(found.iou, 0.0), 1.0)
            yield frame, mask_from_logits(found.logits.numpy(), encoder.clip.size), there * quality


def _encoded(
    encoder: FrameEncoder, frames: Sequence[int], task: Task
) -> Iterator[tuple[int, EncodedFrames]]:
    """Encode frames, some together."""

    def encode(start: int, stop: int) -> list[EncodedFrames]:
        with Cancellable(task):
            return encoder.cache.make_way(
                lambda: encoder.encode_together(frames[start:stop], task=task)
            )

    for start, stop, rows in run_in_batches(len(frames), FRAMES_TOGETHER, encode):
        yield from zip(frames[start:stop], rows, strict=True)


class _Follower:
    """Follows an object along one stretch.

    The memory counts the frames that are looked at, not those of the video: to it, the sampled
    frames of a stretch are neighbours.
    """

    def __init__(
        self,
        encoder: FrameEncoder,
        conditions: Mapping[int, Mask],
        stretch: Stretch,
        task: Task,
    ) -> None:
        self._encoder = encoder
        self._task = task
        self._reverse = stretch.reverse
        looked_at = sorted((*stretch.frames, *stretch.conditions))
        self._position = {frame: position for position, frame in enumerate(looked_at)}
        self._tracker: ObjectTracker = encoder.model.track_object()
        for frame in stretch.conditions:
            self._condition(frame, conditions[frame])

    def step(self, frame: int, encoded: EncodedFrames) -> PromptedMask:
        """Find the object in the next frame."""
        position, features = self._position[frame], encoded.features
        with Cancellable(self._task):
            return self._encoder.run(
                lambda: self._tracker.step(position, features, reverse=self._reverse)
            )

    def _condition(self, frame: int, mask: Mask) -> None:
        if mask.shape != self._encoder.clip.size:
            raise ValueError(f"a mask of {mask.shape} for frames of {self._encoder.clip.size}")
        with Cancellable(self._task):
            features = self._encoder.encode(frame).features
            known = torch.from_numpy(mask.astype(np.float32))
            self._encoder.run(
                lambda: self._tracker.condition(self._position[frame], features, known)
            )
