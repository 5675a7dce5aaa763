"""The frames of a clip encoded, each in the light of its sound, and each only once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import CancelToken
from napari_tavis.engine.feature_cache import FeatureCache
from napari_tavis.engine.sampling import FrameSamples
from napari_tavis.engine.sound_windows import SoundWindows
from napari_tavis.media import Clip
from napari_tavis.media.timebase import sample_at
from napari_tavis.model import TAViS
from napari_tavis.model.encoded import EncodedFrames

See: TypeAlias = Callable[[int, npt.NDArray[np.uint8]], None]
"""Called with a frame's index in the video and its picture ``[H, W, 3]``."""


class ClipEncoder:
    """Encodes frames of one clip, unless a cache has them.

    Segmenting and answering clicks go through here alike. A frame is heard with the same sound
    by both, so what one of them has encoded serves the other.

    Parameters
    ----------
    clip : Clip
        The clip.
    model : TAViS
        The network, on the device where it is to run.
    samples : FrameSamples
        The sampled frames, which say where the window of sound of any frame lies.
    cache : FeatureCache
        Keeps what was encoded, also for other encoders of the same video file.
    see : callable, optional
        Called with the index and the picture of each frame that is decoded.
    """

    def __init__(
        self,
        clip: Clip,
        model: TAViS,
        samples: FrameSamples,
        cache: FeatureCache,
        see: See | None = None,
    ) -> None:
        self._see = see
        self.clip = clip
        self.model = model
        self.cache = cache
        self._samples = samples
        self._sound = SoundWindows(clip)
        self._file = _file_identity(clip.path)

    def known(self, frame_index: int) -> EncodedFrames | None:
        """Give a frame if it is encoded: one row, perhaps without cues."""
        return self.cache.get(self._key(self.model.identity, frame_index))

    def encode(
        self,
        frame_indices: Sequence[int],
        *,
        cues: bool = False,
        cancel: CancelToken | None = None,
    ) -> list[EncodedFrames]:
        """Encode frames, those together that are not encoded yet.

        Parameters
        ----------
        frame_indices : sequence of int
            Video frames.
        cues : bool
            Whether all is wanted that segmenting by sound needs.
        cancel : CancelToken, optional
            Looked at before each frame is decoded.

        Returns
        -------
        list of EncodedFrames
            One row each, on the model's device.
        """
        model = self.model.identity
        keys = {index: self._key(model, index) for index in frame_indices}
        rows = {index: self.cache.get(key) for index, key in keys.items()}
        new = [index for index, row in rows.items() if row is None]
        if new:
            mel = self._sound.mel([self._start(index) for index in new])
            encoded = self.model.encode_frames(self._decode(new, cancel), mel, cues=cues)
            rows.update(self._keep(new, keys, encoded))
        bare = {index: row for index, row in rows.items() if cues and row and row.cues is None}
        if bare:
            joined = EncodedFrames.join(list(bare.values()))
            encoded = self.model.add_cues(self._decode(list(bare), cancel), joined)
            rows.update(self._keep(list(bare), keys, encoded))
        return [row for index in frame_indices if (row := rows[index]) is not None]

    def _keep(
        self, frame_indices: list[int], keys: dict[int, Hashable], encoded: EncodedFrames
    ) -> dict[int, EncodedFrames]:
        """Split what was encoded together, and keep it."""
        rows = {index: encoded.row(number) for number, index in enumerate(frame_indices)}
        for index, row in rows.items():
            self.cache.keep(keys[index], row)
        return rows

    def _decode(
        self, frame_indices: list[int], cancel: CancelToken | None
    ) -> npt.NDArray[np.uint8]:
        """Decode the pictures of some frames, ``[n, H, W, 3]``."""
        pictures = []
        for index in frame_indices:
            if cancel is not None:
                cancel.check()
            pictures.append(self.clip.frames[index])
            if self._see is not None:
                self._see(index, pictures[-1])
        return np.stack(pictures)

    def _start(self, frame_index: int) -> float:
        """Say where the window of sound of a frame begins, in seconds."""
        return self._samples.start_at(float(self.clip.times[frame_index]))

    def _key(self, model: Hashable, frame_index: int) -> Hashable:
        """Name all that the numbers of an encoded frame depend on."""
        return model, self._file, frame_index, sample_at(self._start(frame_index))


def _file_identity(path: Path) -> Hashable:
    """Name a file as it is now: another one once it was written again."""
    try:
        status = path.stat()
    except OSError:
        return path
    return path, status.st_mtime_ns, status.st_size
