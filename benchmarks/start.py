"""Measure how long it takes from nothing to a model, to an annotated clip, and along a video.

    python benchmarks/start.py [--rounds 5] [--sources SRC ...] [--checkpoint FILE] [--frames 60]

Each round starts new processes: one loads the toy, one the checkpoint if one is given, and one
runs `annotate` on a clip of five seconds. Several source trees (folders that hold `napari_tavis`)
are measured in turns. Then an object is followed over the frames of a video in this process.
Prints median seconds of the clock and of the processor, and the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.engine import EngineOptions, LocalEngine
from napari_tavis.lab.toyworld import sample_scene, write_scene_video
from napari_tavis.media import write_video

SIDE = 224
LOAD = "import sys; from napari_tavis.model import load_model; load_model(sys.argv[1])"


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="Starts of each kind.")
    parser.add_argument(
        "--sources",
        type=Path,
        nargs="+",
        default=[Path(__file__).parents[1] / "src"],
        help="Source trees to compare.",
    )
    parser.add_argument("--checkpoint", type=Path, help="Another model to load, such as large.")
    parser.add_argument("--frames", type=int, default=60, help="Frames to follow an object over.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = write_scene_video(sample_scene(1), Path(folder) / "clip.mp4")
        starts = {"toy ready": ["-c", LOAD, "toy"]}
        if options.checkpoint is not None:
            starts["checkpoint ready"] = ["-c", LOAD, str(options.checkpoint)]
        starts["annotate"] = ["-m", "napari_tavis", "annotate", str(clip), "--device", "cpu"]
        taken: dict[str, list[tuple[float, float]]] = {}
        for number in range(options.rounds + 1):
            for source in options.sources:
                for name, arguments in starts.items():
                    output = ["--output", tempfile.mkdtemp(dir=folder)]
                    seconds = run(source, arguments + output * (name == "annotate"))
                    if number:  # the first round fills the caches of the disk
                        taken.setdefault(f"{name}, {source}", []).append(seconds)
        results = {name: medians(values) for name, values in taken.items()}
        if options.frames:
            results["following"] = follow(Path(folder), options.frames)
    print(json.dumps(results, indent=2))


def medians(values: list[tuple[float, float]]) -> dict[str, float]:
    """Give the median seconds of the clock and of the processor."""
    return {
        "s": statistics.median(clock for clock, _ in values),
        "s of the processor": statistics.median(used for _, used in values),
    }


def run(source: Path, arguments: list[str]) -> tuple[float, float]:
    """Give the seconds of a process, and those of the processor."""
    before, began = os.times(), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    seconds, after = time.perf_counter() - began, os.times()
    return seconds, sum(after[2:4]) - sum(before[2:4])


def follow(folder: Path, count: int) -> dict[str, float]:
    """Follow a disc with the toy over the frames of a video, each once."""
    rows, columns = np.ogrid[:SIDE, :SIDE]

    def disc(frame: int) -> npt.NDArray[np.bool_]:
        centre = SIDE / 2 + SIDE / 4 * np.sin(frame / 30)
        return np.asarray((rows - SIDE / 2) ** 2 + (columns - centre) ** 2 < 30**2)

    noise = np.random.default_rng(0).integers(0, 80, (SIDE, SIDE, 3), dtype=np.uint8)
    pictures = (
        np.where(disc(frame)[..., None], np.uint8(250), noise) for frame in range(count + 5)
    )
    tone = 0.3 * np.sin(3200 * np.arange((count + 5) * 16_000 // 25) / 16_000)
    video = write_video(folder / "disc.mp4", pictures, 25, tone.astype(np.float32))
    engine, options = LocalEngine(), EngineOptions(device="cpu")
    list(engine.follow(video, {0: disc(0)}, range(1, 5), options))  # loads and warms up
    peaks = []
    began, before = time.perf_counter(), os.times()
    for _ in engine.follow(video, {4: disc(4)}, range(5, count + 5), options):
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    seconds, after = time.perf_counter() - began, os.times()
    return {
        "ms a frame": seconds / count * 1000,
        "ms a frame of the processor": (sum(after[:2]) - sum(before[:2])) / count * 1000,
        "peak memory half way, MiB": peaks[count // 2],
        "peak memory at last, MiB": peaks[-1],
    }


if __name__ == "__main__":
    main()
