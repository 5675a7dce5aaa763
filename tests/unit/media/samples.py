"""Small videos whose every frame shows its own number, and sounds of clicks at known times."""

from __future__ import annotations

import os
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.media import ffmpeg

HEIGHT, WIDTH = 48, 64
BLOCK = 16
FPS = 30
ODD_PICTURE = (47, 63)

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "12", "-bf", "2")
H264_OPEN = (*H264, "-x264-params", "open-gop=1:scenecut=0")
H264_REFRESH = (*H264[:4], "-g", "12", "-x264-params", "intra-refresh=1:scenecut=0")
HEVC_10 = ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params")
HEVC_10 += ("log-level=error:open-gop=1:keyint=10:min-keyint=5:bframes=4",)


def numbered_frames(count: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> npt.NDArray[np.uint8]:
    """Draw frames ``[n, H, W, 3]`` that show their numbers as twelve big bright or dark blocks."""
    frames = np.zeros((count, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for number in range(count):
        for bit, row, column in _blocks():
            colour = (210, 190, 220) if number >> bit & 1 else (30, 60, 20)
            frames[number, row : row + BLOCK, column : column + BLOCK] = colour
    return frames[:, : size[0], : size[1]]


def number_shown(frame: npt.NDArray[np.uint8]) -> int:
    """Read the number off a frame."""
    inner = slice(4, BLOCK - 4)
    return sum(
        1 << bit
        for bit, row, column in _blocks()
        if frame[row : row + BLOCK, column : column + BLOCK][inner, inner].mean() > 120
    )


def _blocks() -> list[tuple[int, int, int]]:
    """List (bit, row, column) of the blocks."""
    columns = WIDTH // BLOCK
    return [(bit, bit // columns * BLOCK, bit % columns * BLOCK) for bit in range(12)]


def run_ffmpeg(*arguments: str, data: bytes = b"") -> None:
    """Run ffmpeg to make a file, failing the test if it does not."""
    command = [ffmpeg.executable(), "-y", "-loglevel", "error", *arguments]
    result = subprocess.run(command, input=data, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode(errors="replace")


def encode(
    path: Path,
    *options: str,
    count: int = 72,
    sound: Path | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    before: Sequence[str] = (),
    before_sound: Sequence[str] = (),
) -> Path:
    """Write numbered frames with the bundled ffmpeg, by any encoder and into any container."""
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[1]}x{size[0]}")
    heard = () if sound is None else (*before_sound, "-i", str(sound))
    run_ffmpeg(
        *before,
        *(*raw, "-framerate", str(FPS), "-i", "pipe:0", *heard),
        *("-fps_mode", "passthrough", *options, str(path)),
        data=numbered_frames(count, size).tobytes(),
    )
    return path


def remux(source: Path, target: Path, *options: str, before: Sequence[str] = ()) -> Path:
    """Copy the streams of a file into another one without coding them again."""
    run_ffmpeg(*before, "-i", str(source), "-map", "0", "-c", "copy", *options, str(target))
    return target


def click_waveform(
    times: Sequence[float], seconds: float, sample_rate: int = 16_000
) -> npt.NDArray[np.float32]:
    """Make 20 ms clicks of 1 kHz at known times, in silence."""
    clock = np.arange(round(seconds * sample_rate)) / sample_rate
    sound = np.zeros_like(clock)
    for begin in times:
        heard = (clock >= begin) & (clock < begin + 0.02)
        sound[heard] = 0.6 * np.sin(2 * np.pi * 1000 * (clock[heard] - begin))
    return sound.astype(np.float32)


def clicks_heard(sound: npt.NDArray[np.float32], sample_rate: int = 16_000) -> list[float]:
    """Find when the clicks of a sound begin, in seconds to a millisecond."""
    loud = np.flatnonzero(np.abs(sound) > 0.15)
    first = loud[np.r_[True, np.diff(loud) > sample_rate // 10]] if loud.size else loud
    return [round(float(sample) / sample_rate, 3) for sample in first]


def children() -> set[int]:
    """List this process's running child processes (Linux)."""
    found = set()
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        found |= {int(child) for child in (task / "children").read_text().split()}
    return found


def write_wav(path: Path, sound: npt.NDArray[np.float32], sample_rate: int) -> Path:
    """Write a sound ``[samples]`` or ``[samples, channels]`` as 16-bit wav."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path
