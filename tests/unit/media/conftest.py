"""Videos that several media tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.media import write_video

from .samples import H264, click_waveform, encode, numbered_frames, write_wav

CLICKS = (0.25, 1.0, 2.0)


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def plain_video(media_folder: Path) -> Path:
    """72 numbered frames at 30 a second with clicks, as the package writes them."""
    path = media_folder / "plain.mp4"
    return write_video(path, numbered_frames(72), 30, click_waveform(CLICKS, 2.4))


@pytest.fixture(scope="session")
def silent_video(media_folder: Path) -> Path:
    """72 numbered frames with B-frames and several key frames, without a soundtrack."""
    return encode(media_folder / "silent.mp4", *H264)


@pytest.fixture(scope="session")
def long_video(media_folder: Path) -> Path:
    """300 numbered frames with a key frame every 12."""
    return encode(media_folder / "long.mkv", *H264, count=300)


@pytest.fixture(scope="session")
def click_sound(media_folder: Path) -> Path:
    """2.4 seconds of clicks at 44.1 kHz."""
    path = media_folder / "clicks.wav"
    write_wav(path, click_waveform(CLICKS, 2.4, 44_100), 44_100)
    return path
