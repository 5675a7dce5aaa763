"""The frames of a clip encoded, each together with its sound, each only once, and kept.

Encoding a frame is what takes long; what a click costs after that is a fraction of it. So encoded
frames are kept, as many as a fixed amount of memory holds, and those a person is likely to look
at next are encoded ahead.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import Task
from napari_tavis.engine.device import (
    explain_out_of_memory,
    free_cached_memory,
    is_out_of_memory,
)
from napari_tavis.engine.engine import Seen
from napari_tavis.engine.sampling import FrameSamples, SoundWindows, sample_frames
from napari_tavis.media import Clip
from napari_tavis.media.timebase import sample_at
from napari_tavis.model import TAViS
from napari_tavis.model.features import EncodedFrames

# Bytes that encoded frames may take, by the kind of device that they are on.
LIMITS = {"cuda": 512 * 2**20, "mps": 512 * 2**20, "cpu": 1024 * 2**20}
FEWEST_KEPT = 2  # frames that are kept even if they take more

Result = TypeVar("Result")


class FrameEncoder:
    """Encodes the frames of one clip, each with the two seconds of sound around it.

    Segmenting, clicks and following all use it. A frame is heard with the same sound
    by all of them, so what one has encoded serves the others; encoded among other frames, its
    numbers differ by rounding at most.

    All methods may be called from any thread. One batch of frames is encoded at a time; whoever
    waits for a frame goes before what is encoded ahead.

    Parameters
    ----------
    clip : Clip
        The clip, best one of its own: decoding for the encoder then never holds up a viewer.
    model : TAViS
        The network, on the device where it is to run; its weights stay as they are.
    samples : FrameSamples, optional
        The sampled frames, which determine where the window of sound of any frame is; by default
        one per second.
    cache : FeatureCache, optional
        Keeps the encoded frames, also for other encoders of the same video file; by default one
        of its own.
    seen : callable, optional
        Called with frames as they are decoded.
    """

    def __init__(
        self,
        clip: Clip,
        model: TAViS,
        samples: FrameSamples | None = None,
        cache: FeatureCache | None = None,
        seen: Seen | None = None,
    ) -> None:
        self.clip = clip
        self._seen = seen
        self.model = model
        self.cache = FeatureCache() if cache is None else cache
        self._samples = sample_frames(clip) if samples is None else samples
        self._sound = SoundWindows(clip)
        # Once: identifying all weights takes as long as a twentieth of a frame.
        self._numbers_of = (model.identity, _file_identity(clip.path))
        self._turn = threading.Condition()
        self._busy = False
        self._waiting = 0  # threads in a hurry

    def is_ready(self, frame_index: int) -> bool:
        """Say whether a frame is encoded, so that a click in it is answered at once."""
        return self._known(frame_index) is not None

    def encode(self, frame_index: int) -> EncodedFrames:
        """Encode a frame, unless that was done: one row, kept until others take its place.

        `InferenceError` if memory does not suffice for one frame, `MediaError` if the frame cannot
        be decoded.
        """
        known = self._known(frame_index)
        return known or self.run(lambda: self.encode_together([frame_index])[0])

    def encode_together(
        self,
        frame_indices: Sequence[int],
        *,
        cues: bool = False,
        urgent: bool = True,
        task: Task | None = None,
    ) -> list[EncodedFrames]:
        """Encode frames, in one go those that are not yet: one row each, on the model's device.

        Parameters
        ----------
        cues : bool
            Whether everything is wanted that segmenting by sound needs.
        urgent : bool
            Whether somebody waits for them.
        task : Task, optional
            Checked before each frame is decoded.

        Raises
        ------
        MediaError
            If a frame cannot be decoded.
        """
        with self._my_turn(urgent):
            rows = {index: self._known(index) for index in frame_indices}
            new = [index for index, row in rows.items() if row is None]
            if new:
                mel = self._sound.mel([self._start(index) for index in new])
                encoded = self.model.encode_frames(self._decode(new, task), mel, cues=cues)
                rows.update(self._keep(new, encoded))
            bare = {index: row for index, row in rows.items() if cues and row and row.cues is None}
            if bare:
                joined = EncodedFrames.join(list(bare.values()))
                encoded = self.model.add_cues(self._decode(list(bare), task), joined)
                rows.update(self._keep(list(bare), encoded))
        return [row for index in frame_indices if (row := rows[index]) is not None]

    def encode_ahead(self, frame_indices: Sequence[int], task: Task | None = None) -> None:
        """Encode frames that may be wanted soon, the most likely first, as many as can be kept.

        A cancelled task ends the work quietly, between two frames. Errors are those of `encode`.
        """
        for kept, index in enumerate(dict.fromkeys(frame_indices), start=1):
            if task is not None and task.cancelled:
                return
            row = self._known(index)
            if row is None:
                encode = partial(self.encode_together, [index], urgent=False)
                row = self.run(encode)[0]
            if kept >= self.cache.capacity(row):
                return

    def run(self, work: Callable[[], Result]) -> Result:
        """Run something on the model's device, with the cache's memory if it takes that.

        Where memory runs out it is run once more, with the cache empty; if that does not suffice
        either, the `InferenceError` says what to try.
        """
        with explain_out_of_memory():
            return self.cache.make_way(work)

    @contextmanager
    def _my_turn(self, urgent: bool) -> Iterator[None]:
        """Wait until nobody encodes and, unless this is urgent, nobody in a hurry waits."""
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

    def _known(self, frame_index: int) -> EncodedFrames | None:
        """Give a frame if it is encoded: one row, perhaps without cues."""
        return self.cache.get(self._key(frame_index))

    def _keep(self, frame_indices: list[int], encoded: EncodedFrames) -> dict[int, EncodedFrames]:
        """Split what was encoded together, and keep it."""
        rows = {index: encoded.row(number) for number, index in enumerate(frame_indices)}
        for index, row in rows.items():
            self.cache.keep(self._key(index), row)
        return rows

    def _decode(self, frame_indices: list[int], task: Task | None) -> npt.NDArray[np.uint8]:
        """Decode the pictures of some frames, ``[n, H, W, 3]``."""
        pictures = []
        for index in frame_indices:
            if task is not None:
                task.check()
            pictures.append(self.clip.frames[index])
            if self._seen is not None:
                self._seen(index, pictures[-1])
        return np.stack(pictures)

    def _start(self, frame_index: int) -> float:
        """Give the second at which the window of sound of a frame begins."""
        return self._samples.start_at(float(self.clip.times[frame_index]))

    def _key(self, frame_index: int) -> Hashable:
        """Name all that the numbers of an encoded frame depend on."""
        return self._numbers_of, frame_index, sample_at(self._start(frame_index))


class FeatureCache:
    """Encoded frames of any clips and models, as many as a fixed amount of memory holds.

    The least recently used ones are forgotten first. All methods may be called from any thread.
    `limit_bytes` is by default that of `LIMITS` for the model's device.
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
        """Keep a frame in place of those used least recently.

        `key` is all that its numbers depend on. It is one row, whose tensors hold no memory but
        its own.
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
        """Run something; where memory runs out, forget the kept frames and run it once more."""
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


def _file_identity(path: Path) -> Hashable:
    """Identify a file as it is now: it is another one once it was written again."""
    try:
        status = path.stat()
    except OSError:
        return path
    return path, status.st_mtime_ns, status.st_size
