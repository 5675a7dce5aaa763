"""The two seconds of sound around any frame of a clip, as the model hears them."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from napari_tavis.inference.sampling import window_around
from napari_tavis.media import Clip, log_mel
from napari_tavis.media.timebase import WINDOW_SECONDS

STRETCH_SECONDS = 60.0
"""Sound that is decoded at once, so that two hours need not be for one frame."""

_STRETCHES = 4


class SoundWindows:
    """Gives the log-mel spectrogram that goes with a frame.

    Parameters
    ----------
    clip : Clip
        The clip; silence is heard where it has no soundtrack.
    waveform : ndarray of float32, shape (samples,), optional
        Its soundtrack, mono at 16 kHz, where it was decoded already; otherwise it is decoded a
        minute at a time when it is needed.
    """

    def __init__(self, clip: Clip, waveform: npt.NDArray[np.float32] | None = None) -> None:
        self._clip = clip
        self._waveform = waveform
        self._stretches: OrderedDict[int, npt.NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def mel(self, frame_index: int) -> npt.NDArray[np.float32]:
        """Give the spectrogram of the two seconds around a frame.

        Parameters
        ----------
        frame_index : int
            The video frame.

        Returns
        -------
        ndarray of float32, shape (1, 1, 128, 204)
            Normalised log-mel; see `napari_tavis.media.log_mel`.
        """
        start = window_around(float(self._clip.times[frame_index]), float(self._clip.duration))
        if self._waveform is not None:
            return log_mel(self._waveform, [start])
        number = int(start // STRETCH_SECONDS)
        return log_mel(self._stretch(number), [start - number * STRETCH_SECONDS])

    def _stretch(self, number: int) -> npt.NDArray[np.float32]:
        """Give the stretch that begins at so many minutes, and a window beyond its end."""
        with self._lock:
            if number not in self._stretches:
                start = number * STRETCH_SECONDS
                stop = min(start + STRETCH_SECONDS + WINDOW_SECONDS, float(self._clip.duration))
                blocks = self._clip.sound_blocks(start, stop)
                empty = np.zeros(0, dtype=np.float32)
                self._stretches[number] = np.concatenate([empty, *blocks])
                if len(self._stretches) > _STRETCHES:
                    self._stretches.popitem(last=False)
            return self._stretches[number]
