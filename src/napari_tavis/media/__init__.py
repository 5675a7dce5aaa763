"""Video files in, frames and sound on one time base out; and back into files."""

from napari_tavis.core.errors import MediaError
from napari_tavis.media.clip import Clip, open_clip
from napari_tavis.media.frames import Frames
from napari_tavis.media.spectrogram import log_mel, log_mel_by_second
from napari_tavis.media.timebase import SAMPLE_RATE, frame_at, frames_at, sample_at, window_starts
from napari_tavis.media.writer import extract_segment, write_video

__all__ = [
    "SAMPLE_RATE",
    "Clip",
    "Frames",
    "MediaError",
    "extract_segment",
    "frame_at",
    "frames_at",
    "log_mel",
    "log_mel_by_second",
    "open_clip",
    "sample_at",
    "window_starts",
    "write_video",
]
