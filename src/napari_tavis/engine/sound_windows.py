"""The sound that goes with any frame of a clip, as the model hears it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_tavis.core.tasks import CancelToken
from napari_tavis.media import Clip, log_mel
from napari_tavis.media.timebase import WINDOW_SECONDS

SILENCE = 1e-4
"""Largest amplitude (of 1) of a soundtrack in which nothing can be heard: -80 dB."""

STRETCH_SECONDS = 60.0
"""Sound that is decoded at once, so that two hours need not be for one frame."""

_STRETCHES = 4


class SoundWindows:
    """Gives the log-mel spectrograms of windows of sound.

    The soundtrack is decoded a minute at a time when it is needed, and the last minutes are
    kept. Methods may be called from any thread.

    Parameters
    ----------
    clip : Clip
        The clip; silence is heard where it has no soundtrack.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._stretches: OrderedDict[int, npt.NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def mel(self, starts: Sequence[float]) -> npt.NDArray[np.float32]:
        """Give the spectrograms of some windows of two seconds.

        Parameters
        ----------
        starts : sequence of float, length n
            Where the windows begin, in seconds.

        Returns
        -------
        ndarray of float32, shape (n, 1, 128, 204)
            Normalised log-mel; see `napari_tavis.media.log_mel`.
        """
        windows = []
        for start in starts:
            number = int(start // STRETCH_SECONDS)
            windows.append(log_mel(self._stretch(number), [start - number * STRETCH_SECONDS]))
        return np.concatenate(windows)

    def _stretch(self, number: int) -> npt.NDArray[np.float32]:
        """Give the stretch that begins at so many minutes, and a window beyond its end."""
        with self._lock:
            if number not in self._stretches:
                start = number * STRETCH_SECONDS
                stop = min(start + STRETCH_SECONDS + WINDOW_SECONDS, float(self._clip.duration))
                blocks = self._clip.sound_blocks(start, stop)
                empty = np.zeros(0, dtype=np.float32)
                self._stretches[number] = np.concatenate([empty, *blocks])
            self._stretches.move_to_end(number)
            if len(self._stretches) > _STRETCHES:
                self._stretches.popitem(last=False)
            return self._stretches[number]


def is_silent(clip: Clip, cancel: CancelToken | None = None) -> bool:
    """Tell whether nothing can be heard in a clip, reading no more than it takes to know.

    Parameters
    ----------
    clip : Clip
        The clip.
    cancel : CancelToken, optional
        Looked at every few seconds of sound.
    """
    for block in clip.sound_blocks():
        if cancel is not None:
            cancel.check()
        if float(np.abs(block).max(initial=0.0)) >= SILENCE:
            return False
    return True
