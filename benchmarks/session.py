"""Measure what the workbench promises, without its window: prints a table, and JSON if asked.

    python benchmarks/session.py [--masks 10000] [--no-model] [--json FILE]
    python benchmarks/session.py [--minutes 10] [--model toy] [--device cpu] [--json FILE]

A session with so many masks of 1080p is saved, painted in, and opened again. A video of so many
minutes of 1080p at 25 frames per second is opened; objects are prompted by clicks and followed;
ten frames are segmented, and again with what is kept of them. It runs on Linux and macOS. How
the window feels is measured by ``benchmarks/painting.py``.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import PackedMasks, encode_mask
from napari_tavis.annotation.proposals import Proposals
from napari_tavis.media import open_clip
from napari_tavis.media.ffmpeg import executable

SIZE = (1080, 1920)
FPS = 25
OBJECTS = 3
STROKES = 40


def main() -> None:
    """Measure, and print."""
    options = parse()
    results: dict[str, float | str] = {
        "machine": f"{platform.processor() or platform.machine()}, {platform.system()}",
        "video": f"{options.minutes:g} min of {SIZE[1]}x{SIZE[0]} at {FPS} frames per second",
    }
    with tempfile.TemporaryDirectory() as folder:
        results |= big_session(Path(folder), options.masks)
        if not options.no_model:
            video = make_video(Path(folder) / "long.mp4", options.minutes)
            results |= first_picture(video)
            results |= prompts(video, options.model, options.device)
            results |= segmenting(video, options.model, options.device)
    for name, value in results.items():
        print(f"{name:48s} {value if isinstance(value, str) else round(value, 4)}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="Length of the video.")
    parser.add_argument("--masks", type=int, default=10_000, help="Masks in the session.")
    parser.add_argument("--no-model", action="store_true", help="Measure the session only.")
    parser.add_argument("--model", default="toy", help="Model for prompts and following.")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu.")
    parser.add_argument("--json", type=Path, help="Write the numbers here, too.")
    return parser.parse_args()


def make_video(path: Path, minutes: float) -> Path:
    """Let ffmpeg draw a moving test picture with a tone."""
    seconds = minutes * 60
    command = [executable(), "-loglevel", "error", "-f", "lavfi"]
    command += ["-i", f"testsrc2=size={SIZE[1]}x{SIZE[0]}:rate={FPS}:duration={seconds}"]
    command += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-c:a", "aac", "-shortest", str(path)], check=True)
    return path


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Give the median seconds of some calls."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def first_picture(video: Path) -> dict[str, float | str]:
    """Open the video and decode its first frame."""

    def show() -> None:
        with open_clip(video) as clip:
            np.asarray(clip.frames[0])

    return {"first picture, s": timed(show)}


def strokes(seed: int) -> np.ndarray:
    """Draw the mask of a painted object."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    generator = np.random.default_rng(seed)
    y, x = generator.integers(200, 800), generator.integers(300, 1600)
    return (columns - x) ** 2 / 4 + (rows - y) ** 2 < generator.integers(60, 180) ** 2


def packed(frames: range, few: list[bytes], number: int) -> PackedMasks:
    """Give a mask for each frame, no two of which are the same file."""
    masks = PackedMasks(SIZE)
    for frame in frames:
        text = f"Comment\0{number} {frame}".encode()
        mark = len(text).to_bytes(4, "big") + b"tEXt" + text
        mark += zlib.crc32(mark[4:]).to_bytes(4, "big")
        png = few[(frame + number) % len(few)]
        masks.put_encoded(frame, png[:33] + mark + png[33:])  # behind the PNG's head
    return masks


def big_session(folder: Path, masks: int) -> dict[str, float | str]:
    """Fill many frames of some objects, then paint, save, and open again."""
    video = folder / "stands for a video.mp4"
    video.write_bytes(bytes(range(256)) * 10_000)
    count = -(-masks // OBJECTS)
    sampled = np.arange(0, count, FPS)
    session = AnnotationSession.create(
        video, Proposals(sampled, sampled / FPS, SIZE, [], frame_count=count)
    )
    few = [strokes(seed) for seed in range(20)]
    files = [encode_mask(mask) for mask in few]
    for number in range(OBJECTS):
        item = session.add_object(("dog", "guitar", "bell")[number])
        session.propose_masks(item.object_id, packed(range(count), files, number))
    fill = timed(session.save)
    target = session.objects[0].object_id
    edits, saves = [], []
    for number in range(STROKES):
        mask = few[number % len(few)] ^ few[(number + 1) % len(few)]
        frame = (number * 371) % count
        edits.append(timed(lambda m=mask, f=frame: session.set_mask(target, f, m)))
        saves.append(timed(session.save))
    undo = timed(session.undo)
    session.save()
    session.close()
    looked = timed(lambda: AnnotationSession.open(video, read_only=True), 5)
    place = video.with_name(f"{video.name}.tavis")
    size = sum(path.stat().st_size for path in (place, *place.rglob("*")) if path.is_file())

    def open_and_close() -> None:
        AnnotationSession.open(video).close()

    return {
        "masks in the session": float(OBJECTS * count),
        "first save of all of them, s": fill,
        "taking a stroke, s (median)": statistics.median(edits),
        "taking a stroke, s (worst)": max(edits),
        "saving a stroke, s (median)": statistics.median(saves),
        "saving a stroke, s (worst)": max(saves),
        "undoing, s": undo,
        "opening the session to look, s (median)": looked,
        "opening it to write, and closing it, s (median)": timed(open_and_close, 5),
        "session on disk, MB": size / 1e6,
        "peak memory so far, MB": peak_memory(),
    }


def prompts(video: Path, name: str, device: str) -> dict[str, float | str]:
    """Encode frames, click in them, and follow an object."""
    from napari_tavis.annotation.prompts import Prompts
    from napari_tavis.engine.device import choose_device
    from napari_tavis.engine.encoding import FrameEncoder
    from napari_tavis.engine.following import propagate
    from napari_tavis.engine.prompting import segment_prompts
    from napari_tavis.model import load_model

    device = choose_device(device)
    with open_clip(video) as clip:
        encoder = FrameEncoder(clip, load_model(name, device=device))
        encoder.encode(0)
        encode = timed(lambda: [encoder.encode(frame) for frame in range(1, 11)]) / 10
        click = Prompts(points=((960.0, 540.0),), labels=(True,))
        clicked = timed(lambda: segment_prompts(encoder, 0, click), 10)
        condition = {0: strokes(1)}
        frames = range(1, 21)
        follow = timed(lambda: list(propagate(encoder, condition, frames))) / len(frames)
    return {
        "model and device": f"{name} on {device}",
        "decoding and encoding a frame, s": encode,
        "click to mask, frame encoded, s": clicked,
        "following an object, s per frame": follow,
        "peak memory, MB": peak_memory(),
    }


def segmenting(video: Path, name: str, device: str) -> dict[str, float | str]:
    """Segment ten frames, then again with what is kept of them, and click in one."""
    from napari_tavis.annotation.prompts import Prompts
    from napari_tavis.engine.device import choose_device
    from napari_tavis.engine.encoding import FeatureCache, FrameEncoder
    from napari_tavis.engine.prompting import segment_prompts
    from napari_tavis.engine.sampling import sample_frames
    from napari_tavis.engine.segmenting import segment_clip
    from napari_tavis.model import load_model

    count, words = 10, ("dog", "bell", "drum")
    device = choose_device(device)
    model, cache = load_model(name, device=device), FeatureCache()
    with open_clip(video) as clip:
        samples = sample_frames(clip, count=count)
        clip.frames[samples.indices.tolist()]  # decoded before the clock runs

        def run(**options: object) -> float:
            settings = {"count": count, "device": device, "vocabulary": words} | options
            return timed(lambda: segment_clip(clip, model, cache=cache, **settings)) / count

        first, again = run(), run()
        other_words, other_protocol = run(vocabulary=("cat", "car")), run(protocol="independent")
        encoder = FrameEncoder(clip, model, samples, cache)
        click = Prompts(points=((960.0, 540.0),), labels=(True,))
        frame = int(samples.indices[-1])
        clicked = timed(lambda: segment_prompts(encoder, frame, click))
    return {
        "segmenting, s per frame": first,
        "segmenting again, s per frame": again,
        "segmenting with other words, s per frame": other_words,
        "segmenting by itself, s per frame": other_protocol,
        "first click in a segmented frame, s": clicked,
        "kept of a frame, MB": cache.nbytes / count / 1e6,
    }


def peak_memory() -> float:
    """Give the largest memory this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
