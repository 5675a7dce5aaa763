"""How long soundtracks take to decode, beside the ffmpeg program, and how much memory they cost.

python benchmarks/sound.py            # ten minutes of sound, in several codings
python benchmarks/sound.py --hours 2  # memory of two hours, beside that of ten minutes
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

import numpy as np

from napari_tavis.engine.sampling import SoundWindows, is_silent
from napari_tavis.media import Clip, ffmpeg, open_clip
from napari_tavis.media.overview import scan_soundtrack

CODINGS = {
    "aac.mp4": ("-c:a", "aac"),
    "aac.ts": ("-c:a", "aac"),
    "opus.mkv": ("-c:a", "libopus"),
    "ac3.mkv": ("-c:a", "ac3", "-ac", "6"),
    "pcm.mov": ("-c:a", "pcm_s16le"),
}


def make(path: Path, minutes: float, coding: tuple[str, ...]) -> Path:
    """Write a small picture of one frame a second with loud stereo noise and tones."""
    seconds = round(minutes * 60)
    sound = (
        f"aevalsrc=0.3*sin(880*t)+0.1*random(0)|0.3*sin(990*t)+0.1*random(1):s=48000:d={seconds}"
    )
    command = [
        *(ffmpeg.executable(), "-y", "-v", "error"),
        *("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=5:d={seconds}", "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "50", *coding, str(path)),
    ]
    subprocess.run(command, check=True)
    return path


def by_program(path: Path) -> float:
    """Let the ffmpeg program decode, mix and resample, and take its output: CPU seconds."""
    command = [ffmpeg.executable(), "-v", "error", "-i", str(path), "-map", "0:a"]
    command += ["-af", "aresample=16000:async=1", "-ac", "1", "-f", "f32le", "pipe:1"]
    begin = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime


def by_clip(clip: Clip, start: float, stop: float) -> float:
    """Decode a stretch of an open clip: CPU seconds."""
    begin = time.process_time()
    deque(clip.sound_blocks(start, stop), maxlen=0)
    return time.process_time() - begin


def speed(folder: Path, minutes: float) -> None:
    """Print a table of CPU seconds, which other work on the machine does not change."""
    print(f"{minutes:g} minutes of sound, CPU seconds")
    print(f"{'':10}{'program':>9}{'whole':>9}{'2 s':>9}")
    for name, coding in CODINGS.items():
        path = make(folder / name, minutes, coding)
        with open_clip(path) as clip:
            program = min(by_program(path) for _ in range(3))
            whole = min(by_clip(clip, 0.0, clip.duration) for _ in range(3))
            starts = np.linspace(0.0, clip.duration - 3.0, 10).tolist()
            places = [by_clip(clip, start, start + 2.0) for start in starts]
        print(f"{name:10}{program:9.2f}{whole:9.2f}{np.median(places):9.3f}", flush=True)


def memory(path: Path) -> None:
    """Print how much the peak memory grew by reading all of a long clip's sound."""
    with open_clip(path) as clip:
        print(f"{clip.duration / 60:.0f} minutes:", end="")
        for name, read in (
            ("is_silent", lambda: is_silent(clip)),
            ("peaks", lambda: deque(scan_soundtrack(clip), maxlen=0)),
            ("windows", lambda: hear_windows(clip)),
            (
                "playback",
                lambda: deque(
                    clip.sound_blocks(sample_rate=48_000, channels=2, block_seconds=0.1), maxlen=0
                ),
            ),
        ):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begin = time.perf_counter()
            read()
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(
                f"  {name} +{grown:.0f} MB {time.perf_counter() - begin:.1f} s", end="", flush=True
            )
    print()


def hear_windows(clip: Clip) -> None:
    """Read the windows of sound of one frame a second, as segmenting does."""
    windows = SoundWindows(clip)
    for start in range(0, int(clip.duration) - 2, 10):
        windows.mel([start + offset for offset in range(10)])


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--file", type=Path, help="measure the memory of this file alone")
    options = parser.parse_args()
    if options.file is not None:
        memory(options.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.hours is None:
            speed(Path(folder), options.minutes)
            return
        for minutes in (10.0, options.hours * 60):
            path = make(Path(folder) / f"{minutes:g}.mp4", minutes, CODINGS["aac.mp4"])
            # in a process of its own, whose peak nothing else has raised
            subprocess.run([sys.executable, __file__, "--file", str(path)], check=True)


if __name__ == "__main__":
    main()
