"""Encoded frames that are kept, so that nothing but their decoding is done again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from napari_tavis.engine.batching import free_cached_memory, is_out_of_memory
from napari_tavis.model.encoded import EncodedFrames

LIMITS = {"cuda": 512 * 2**20, "mps": 512 * 2**20, "cpu": 1024 * 2**20}
"""Bytes that encoded frames may take, by the kind of device that they are on."""

FEWEST_KEPT = 2
"""Frames that are kept even if they take more."""

Result = TypeVar("Result")


class FeatureCache:
    """Encoded frames of any clips and models, as many as a fixed amount of memory holds.

    The ones used longest ago are forgotten first. All methods may be called from any thread.

    Parameters
    ----------
    limit_bytes : int, optional
        Memory that they may take; by default that of `LIMITS` for the model's device.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit = limit_bytes
        self._frames: OrderedDict[Hashable, EncodedFrames] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory that the kept frames take."""
        return self._held

    def get(self, key: Hashable) -> EncodedFrames | None:
        """Give a frame if it is still kept; it counts as used now."""
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
            return self._frames.get(key)

    def keep(self, key: Hashable, frame: EncodedFrames) -> None:
        """Keep a frame, in the place of those used longest ago.

        Parameters
        ----------
        key : hashable
            All that the frame's numbers depend on.
        frame : EncodedFrames
            One row, whose tensors hold no memory but its own.
        """
        with self._lock:
            if key in self._frames:
                self._held -= self._frames.pop(key).nbytes
            self._frames[key] = frame
            self._held += frame.nbytes
            while self._held > self._limit_for(frame) and len(self._frames) > FEWEST_KEPT:
                self._held -= self._frames.popitem(last=False)[1].nbytes

    def capacity(self, frame: EncodedFrames) -> int:
        """Say how many frames like this one are kept at most."""
        return max(FEWEST_KEPT, self._limit_for(frame) // max(1, frame.nbytes))

    def clear(self) -> None:
        """Forget all frames and free their memory."""
        with self._lock:
            self._frames.clear()
            self._held = 0
        free_cached_memory()

    def make_way(self, work: Callable[[], Result]) -> Result:
        """Run something, with the memory of the kept frames as well if it takes that.

        Parameters
        ----------
        work : callable
            What to run. Where memory runs out and frames are kept, they are forgotten and it is
            run once more.

        Returns
        -------
        object
            What it returns.
        """
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not self._frames or not is_out_of_memory(error):
                raise
        self.clear()  # outside the handler, whose traceback still holds the tensors
        return work()

    def _limit_for(self, frame: EncodedFrames) -> int:
        if self._limit is not None:
            return self._limit
        return LIMITS.get(frame.features.embedding.device.type, min(LIMITS.values()))
