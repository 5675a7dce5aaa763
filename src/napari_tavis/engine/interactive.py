"""Frames made ready for clicks, and clicks turned into masks.

Encoding a frame is what takes long; what a click costs after that is a fraction of it. So encoded
frames are kept, as many as a fixed amount of memory holds, and those a person is likely to look
at next are encoded ahead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from napari_tavis.annotation.logits import cut_logits
from napari_tavis.annotation.prompts import PromptResult, Prompts
from napari_tavis.core.errors import InferenceError
from napari_tavis.core.tasks import CancelToken
from napari_tavis.engine.batching import explain_out_of_memory
from napari_tavis.engine.encoding import ClipEncoder
from napari_tavis.engine.feature_cache import FeatureCache
from napari_tavis.engine.keeping import keep_logits
from napari_tavis.engine.sampling import FrameSamples, sample_frames
from napari_tavis.media import Clip
from napari_tavis.model import TAViS
from napari_tavis.model.encoded import EncodedFrames
from napari_tavis.model.features import Features
from napari_tavis.model.prompted import GIVEN_LOGIT

__all__ = ["FrameEncoder", "PromptResult", "Prompts", "segment_prompts"]

MOST_STEPS = 8
"""Clicks that are gone through one by one; where there are more, the first ones go together."""

Result = TypeVar("Result")


class FrameEncoder:
    """Encodes the frames of one clip, each with the two seconds of sound around it.

    All methods may be called from any thread. One frame is encoded at a time; whoever waits for
    a frame goes before what is encoded ahead. A frame that was segmented with the same cache is
    encoded already; encoded among others, its numbers differ by rounding at most.

    Parameters
    ----------
    clip : Clip
        The clip, best one of its own: decoding for the encoder then never holds up a viewer.
    model : TAViS
        The network, on the device where it is to run.
    samples : FrameSamples, optional
        The sampled frames, which say where the window of sound of any frame lies; by default
        one per second.
    cache : FeatureCache, optional
        Keeps the encoded frames; by default one of its own.
    """

    def __init__(
        self,
        clip: Clip,
        model: TAViS,
        samples: FrameSamples | None = None,
        cache: FeatureCache | None = None,
    ) -> None:
        self.clip = clip
        self.model = model
        self._cache = FeatureCache() if cache is None else cache
        self._encoder = ClipEncoder(
            clip, model, sample_frames(clip) if samples is None else samples, self._cache
        )
        self._turn = threading.Condition()
        self._busy = False
        self._waiting = 0

    def is_ready(self, frame_index: int) -> bool:
        """Tell whether a frame is encoded, so that a click in it is answered at once."""
        return self._encoder.known(frame_index) is not None

    def encode(self, frame_index: int) -> EncodedFrames:
        """Encode a frame, unless that was done.

        Parameters
        ----------
        frame_index : int
            The video frame.

        Returns
        -------
        EncodedFrames
            One row; kept, until others take its place.

        Raises
        ------
        InferenceError
            If memory does not suffice for one frame.
        MediaError
            If the frame cannot be decoded.
        """
        return self._encoder.known(frame_index) or self._encode(frame_index, urgent=True)

    def encode_ahead(self, frame_indices: Sequence[int], cancel: CancelToken | None = None) -> None:
        """Encode frames that may be wanted soon, until all are or no more can be kept.

        Parameters
        ----------
        frame_indices : sequence of int
            The video frames, the most likely first.
        cancel : CancelToken, optional
            Looked at between frames: it ends the work quietly.

        Raises
        ------
        InferenceError, MediaError
            As `encode`.
        """
        for kept, frame_index in enumerate(dict.fromkeys(frame_indices), start=1):
            if cancel is not None and cancel.cancelled:
                return
            known = self._encoder.known(frame_index)
            encoded = known or self._encode(frame_index, urgent=False)
            if kept >= self._cache.capacity(encoded):
                return

    def forget(self) -> None:
        """Free the memory of all encoded frames."""
        self._cache.clear()

    def run(self, work: Callable[[], Result]) -> Result:
        """Run something on the model's device, with the cache's memory if it takes that.

        Parameters
        ----------
        work : callable
            What to run; where memory runs out it is run once more, with the cache empty.

        Returns
        -------
        object
            What it returns.

        Raises
        ------
        InferenceError
            If memory does not suffice even so; it says what to try.
        """
        with explain_out_of_memory():
            return self._cache.make_way(work)

    def _encode(self, frame_index: int, urgent: bool) -> EncodedFrames:
        """Encode a frame when it is this one's turn, unless somebody did in the meantime."""
        with self._my_turn(urgent):
            return self.run(lambda: self._encoder.encode([frame_index])[0])

    @contextmanager
    def _my_turn(self, urgent: bool) -> Iterator[None]:
        """Wait until nobody encodes and, where there is no hurry, nobody in a hurry waits."""
        with self._turn:
            self._waiting += urgent
            try:
                self._turn.wait_for(lambda: not self._busy and (urgent or not self._waiting))
            finally:
                self._waiting -= urgent
            self._busy = True
        try:
            yield
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()


def segment_prompts(encoder: FrameEncoder, frame_index: int, prompts: Prompts) -> PromptResult:
    """Find the mask of what a person shows in a frame.

    As SAM 2 learned it, each click corrects the mask that those before it gave: the box or the
    first click is answered first, and the answer goes with the next click. The same prompts give
    the same mask, whatever was asked before.

    Parameters
    ----------
    encoder : FrameEncoder
        Of the clip; the frame is encoded first, if it was not.
    frame_index : int
        The video frame.
    prompts : Prompts
        Clicks, a box, a mask to start from.

    Returns
    -------
    PromptResult
        The mask that SAM 2 thinks best of its three candidates.

    Raises
    ------
    InferenceError
        If the prompts show nothing or lie outside the picture, or memory does not suffice.
    MediaError
        If the frame cannot be decoded.
    """
    size = encoder.clip.size
    if prompts.empty:
        raise InferenceError("Nothing was shown yet: click on the object, or draw a box around it.")
    if prompts.mask is not None and prompts.mask.shape != size:
        raise ValueError(f"a mask of {prompts.mask.shape} where the frames are {size}")
    shown = prompts.shares(size)
    points = torch.tensor([place[:2] for place in shown], dtype=torch.float32).reshape(-1, 2)
    labels = torch.tensor([label for _, _, label in shown], dtype=torch.int32)
    logits = None if prompts.mask is None else _certain_logits(prompts.mask)
    features = encoder.encode(frame_index).features
    first = 0 if not shown else 2 if prompts.box is not None else 1
    for count in range(max(first, len(shown) - MOST_STEPS), len(shown) + 1):
        show = partial(encoder.model.segment_prompts, features, points[:count], labels[:count])
        found = encoder.run(partial(show, logits))
        logits = _decoder_grid(found.logits, features)
    kept = keep_logits(found.logits)
    return PromptResult(cut_logits(kept, size), kept, min(max(found.iou, 0.0), 1.0))


def _decoder_grid(logits: torch.Tensor, features: Features) -> torch.Tensor:
    """Undo the enlargement of logits ``[S, S]`` to the image: prompts are read at this size."""
    return F.interpolate(
        logits[None, None], features.mask_size, mode="bilinear", align_corners=False
    )[0, 0]


def _certain_logits(mask: npt.NDArray[np.bool_]) -> torch.Tensor:
    """Turn a mask into the logits that the model takes for certain, ``[H, W]``."""
    return (torch.from_numpy(mask.astype(np.float32)) * 2 - 1) * GIVEN_LOGIT
