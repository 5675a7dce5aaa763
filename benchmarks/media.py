"""How quickly videos open and give their frames, beside the simplest correct loop of PyAV.

Makes videos with ffmpeg (360p, 1080p with a key frame every 50 and every 250 frames, 4K), and
measures in turns, so that what else the machine does disturbs both alike:

    python benchmarks/media.py [--folder KEPT] [--rounds 5] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from napari_tavis.media import Frames, open_clip
from napari_tavis.media.frames import CACHE_BYTES

RATE = 25
VIDEOS = {
    "360p, key frame every 50": ("640x360", 50, 1500),
    "1080p, key frame every 50": ("1920x1080", 50, 750),
    "1080p, key frame every 250": ("1920x1080", 250, 750),
    "4K, key frame every 50": ("3840x2160", 50, 250),
}
"""Size, distance of key frames, and number of frames."""


class PlainLoop:
    """The simplest correct reader: seek to the key frame before, and decode on."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        packets = [packet.pts for packet in self._container.demux(self._stream)]
        self._stamps = sorted(stamp for stamp in packets if stamp is not None)
        self._next = -1
        self._decoded: Iterator[av.VideoFrame]

    @property
    def frames(self) -> PlainLoop:
        """The frames, to be asked for as those of a clip are."""
        return self

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        if index != self._next:
            self._container.seek(self._stamps[index], stream=self._stream)
            self._decoded = self._container.decode(self._stream)
        self._next = index + 1
        for frame in self._decoded:
            if frame.pts == self._stamps[index]:
                return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        raise IndexError(index)

    def close(self) -> None:
        """Free the decoder."""
        self._container.close()


def main() -> None:
    """Measure, print and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where the videos are kept for another run")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each kind")
    parser.add_argument("--output", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        for name, (size, distance, count) in VIDEOS.items():
            path = make_video(folder / f"{size}-{distance}.mp4", size, distance, count)
            numbers = compare(path, options.rounds)
            numbers["memory besides the cache, MB"] = memory(path)
            results[name] = numbers
            print(name)
            for what, value in numbers.items():
                plain = numbers.get(f"{what}, plain")
                beside = f" beside {plain:.2f}, {value / plain:.2f} times" if plain else ""
                if not what.endswith(", plain"):
                    print(f"  {what}: {value:.2f}{beside}", flush=True)
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n")


def make_video(path: Path, size: str, distance: int, count: int) -> Path:
    """Write a moving test picture with some noise, as a camera gives, and sound."""
    if not path.exists():
        source = f"testsrc2=size={size}:rate={RATE}:duration={count / RATE},noise=alls=6:allf=t"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        command += ["-f", "lavfi", "-i", source]
        command += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={count / RATE}"]
        command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-g", str(distance)]
        command += ["-x264-params", "scenecut=0", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        command += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
        subprocess.run([*command, str(path)], check=True)
    return path


def compare(path: Path, rounds: int) -> dict[str, float]:
    """Measure both readers in turns; medians, in milliseconds a frame or an opening.

    The time of the CPU (of all threads) tells more where the machine has other work.
    """
    numbers: dict[str, list[float]] = {}

    def note(what: str, task: Callable[[], object], times: int = 1) -> None:
        clocks = {"": time.perf_counter, "CPU, ": time.process_time}
        begin = {clock: read() for clock, read in clocks.items()}
        task()
        for clock, read in clocks.items():
            passed = (read() - begin[clock]) * 1000 / times
            numbers.setdefault(f"{clock}{what}", []).append(passed)

    random = np.random.default_rng(0)
    with open_clip(path) as clip:
        count = len(clip.frames)
    for number in range(rounds):
        note("opening, plain", lambda: PlainLoop(path).close())
        note("opening", lambda: open_clip(path).close())
        begin = int(random.integers(0, count - 100))
        ways: dict[str, list[int]] = {
            "in order": list(range(begin, begin + 81)),
            "at random": random.integers(0, count, 9).tolist(),
            "a step of one second": list(range(number, count, RATE)[:9]),
        }
        for way, indices in ways.items():
            for reader in random.permutation([", plain", ""]):
                with closing(PlainLoop(path) if reader else open_clip(path)) as video:
                    frames = video.frames
                    frames[indices[0]]
                    rest = partial(look_at, frames, indices[1:])
                    note(f"{way}{reader}", rest, len(indices) - 1)
    with open_clip(path) as clip:
        middle = count // 2
        for index in range(middle + 20, middle + 8, -1):
            note("one frame back", partial(look_at, clip.frames, [index]))
        for index in range(0, 8 * RATE, RATE):
            note("the next sampled frame, a second later", partial(look_at, clip.frames, [index]))
            time.sleep(1.0)
    return {what: statistics.median(values) for what, values in numbers.items()}


def look_at(frames: PlainLoop | Frames, indices: list[int]) -> None:
    """Look at one frame after another."""
    for index in indices:
        frames[index]


def memory(path: Path) -> float:
    """Read a video in every way in a process of its own; the most memory besides the cache, MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_memory, (path,))


def _memory(path: Path) -> float:
    before = _kilobytes("VmRSS")
    with open_clip(path) as clip:
        count = len(clip.frames)
        for index in (*range(100), *range(0, count, RATE), *range(count - 1, count - 70, -1)):
            clip.frames[index]
        cached = min(CACHE_BYTES, clip.frames.nbytes)
    return (_kilobytes("VmHWM") - before) * 1024 / 1e6 - cached / 1e6


def _kilobytes(what: str) -> int:
    """Read a figure of this process's memory (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


if __name__ == "__main__":
    main()
