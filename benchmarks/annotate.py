"""Measure what `annotate` costs per clip, beside opening and decoding each clip twice.

    python benchmarks/annotate.py [--clips 8] [--model toy] [--device cpu] [--threads 1]

Toy clips are annotated in turn in two ways, alternately, in one process: as `annotate_video` does
it, and as it did before, when the overlay pictures were drawn from the file opened anew. Prints
the median seconds per clip, and of how they are made up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from napari_tavis.annotation import AnnotationSession
from napari_tavis.engine.segmenting import segment_clip
from napari_tavis.lab.toyworld import sample_scene, write_scene_video
from napari_tavis.media import open_clip
from napari_tavis.model import TAViS, load_model
from napari_tavis.project.annotating import SeenFrames, annotate_video, draw_overlays


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=8, help="How many clips.")
    parser.add_argument("--model", default="toy", help="The model.")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu.")
    parser.add_argument("--threads", type=int, default=1, help="Threads of the network.")
    options = parser.parse_args()
    model = load_model(options.model)
    torch.set_num_threads(options.threads)
    taken: dict[str, list[tuple[float, float]]] = {
        "opened once": [],
        "opened twice": [],
        "opening": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        videos = [
            write_scene_video(sample_scene(seed), Path(folder) / f"{seed}.mp4")
            for seed in range(options.clips + 1)
        ]
        for number, video in enumerate(videos):
            once, twice = (Path(folder) / f"{number}-{name}.tavis" for name in ("once", "twice"))
            seconds = {
                "opening": timed(partial(open_and_close, video)),
                "opened twice": timed(partial(annotate_twice, video, model, twice, options.device)),
                "opened once": timed(
                    partial(annotate_video, video, model, once, device=options.device)
                ),
            }
            if number:  # the first one warms the model up
                for name, value in seconds.items():
                    taken[name].append(value)
    for name, values in taken.items():
        wall, processor = (statistics.median(one) for one in zip(*values, strict=True))
        print(f"{name:14s} {wall:.3f} s, {processor:.3f} s of the processor")


def open_and_close(video: Path) -> None:
    """Open a clip for nothing."""
    open_clip(video).close()


def annotate_twice(video: Path, model: TAViS, place: Path, device: str) -> None:
    """Annotate a clip with two openings and two decodings."""
    with open_clip(video) as clip:
        proposals = segment_clip(clip, model, device=device)
    session = AnnotationSession.create(video, proposals, path=place)
    session.save()
    session.close()
    with open_clip(video) as clip:
        draw_overlays(session, SeenFrames(clip))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Give the seconds of a call, and those of the processor, child processes included."""
    began, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - began, sum(after[:4]) - sum(before[:4])


if __name__ == "__main__":
    main()
