"""The encoder of the open video's frames for the chosen model, made when first needed. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_tavis.core.tasks import Cancelled, CancelToken, Progress
from napari_tavis.media import Clip, open_clip
from napari_tavis.widgets.torch_import import import_torch
from napari_tavis.widgets.work import LoadedModel, SegmentOptions

if TYPE_CHECKING:
    from napari_tavis.engine.interactive import FrameEncoder


class FrameEncoders:
    """Gives the one `FrameEncoder` that clicks, encoding ahead and propagation share.

    The video is opened once more for it, so that the viewer's own decoding is not disturbed.
    Methods may be called from any thread.

    Parameters
    ----------
    loaded : LoadedModel
        Keeps the model in memory, and the encoded frames.
    sampled : callable
        Gives the sampled frames of the open video, if it has any yet: a frame is then encoded
        with the sound that it was segmented with, and need not be encoded again.
    """

    def __init__(self, loaded: LoadedModel, sampled: Callable[[], Sequence[int]]) -> None:
        self._loaded = loaded
        self._sampled = sampled
        self._lock = threading.Lock()
        self._clip: Clip | None = None
        self._released = False
        self._made_for: object = None

    def get(
        self, video: Path, options: SegmentOptions, progress: Progress, cancel: CancelToken
    ) -> FrameEncoder:
        """Give the encoder of a video's frames; made anew when it is for other frames or sounds.

        Parameters
        ----------
        video : Path
            The open video.
        options : SegmentOptions
            Names the model and the device.
        progress, cancel
            Of the job.
        """
        with self._lock:
            cancel.check()
            self._released = False
            if self._loaded.encoder is None:
                progress(0, 0, "loading the model")
            import_torch()
            from napari_tavis.engine import choose_device, sample_frames
            from napari_tavis.engine.interactive import FrameEncoder
            from napari_tavis.engine.sampling import samples_at

            device = choose_device(options.device)
            model = self._loaded.get(options.model, device)
            cancel.check()
            if self._clip is None or self._clip.path != video:
                self._put_away()
                self._clip = open_clip(video, task=cancel.part())
            sampled = tuple(self._sampled())
            wanted = (sampled, 0.0 if sampled else options.fps)
            encoder = self._loaded.encoder
            clip = self._clip
            fits = encoder is not None and encoder.model is model and encoder.clip is clip
            if encoder is None or not fits or wanted != self._made_for:
                samples = samples_at(clip, sampled)
                if not len(samples):
                    samples = sample_frames(clip, options.fps)
                encoder = FrameEncoder(clip, model, samples, self._loaded.features())
                self._loaded.encoder, self._made_for = encoder, wanted
            if self._released:  # meanwhile; nobody could put away what was being made
                self._put_away()
                raise Cancelled
            return encoder

    def release(self) -> None:
        """Let go of the video without waiting: it is not open any more."""
        self._released = True
        if self._lock.acquire(blocking=False):
            try:
                self._put_away()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the decoding and let go of the model."""
        with self._lock:
            self._put_away()

    def _put_away(self) -> None:
        if self._clip is not None:
            self._clip.close()
        self._clip = self._loaded.encoder = None


def frames_to_encode(frame: int, sampled: Sequence[int], count: int) -> list[int]:
    """Give the frame shown and those a person is likely to look at next, in this order.

    Parameters
    ----------
    frame : int
        The frame shown.
    sampled : sequence of int
        The sampled frames, ascending.
    count : int
        Frames of the video.
    """
    after = [one for one in sampled if one > frame][:1]
    before = [one for one in sampled if one < frame][-1:]
    beside = [one for one in (frame + 1, frame - 1) if 0 <= one < count]
    return list(dict.fromkeys([frame, *after, *before, *beside]))
