"""How fluid painting is in the dock: first picture, strokes, saving and memory.

Makes two 1080p videos (10 frames, and some minutes at 25 frames per second), opens each in the
real viewer with the dock widget, paints strokes with napari's brush, and prints the numbers:

    xvfb-run -a python benchmarks/painting.py [--minutes 10] [--strokes 20] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import napari
import numpy as np
from napari.viewer import Viewer
from qtpy.QtTest import QTest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.media import open_clip
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock

SIZE = (1080, 1920)
FRAMES_PER_SECOND = 25
POINTS = 30
"""Mouse positions of a stroke."""


def main() -> None:
    """Measure, print and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the long video")
    parser.add_argument("--strokes", type=int, default=20, help="strokes per video")
    parser.add_argument("--output", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    numbers: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, frames in (
            ("10 frames", 10),
            (f"{options.minutes:g} min", round(options.minutes * 60 * FRAMES_PER_SECOND)),
        ):
            video = make_video(Path(folder) / f"{frames}.mp4", frames)
            numbers[name] = measure(video, options.strokes)
            print(f"1080p, {name}:")
            for what, value in numbers[name].items():
                print(f"  {what}: {value:g}")
    if options.output:
        options.output.write_text(json.dumps(numbers, indent=2) + "\n")


def make_video(path: Path, frames: int) -> Path:
    """Write a 1080p test video with sound through ffmpeg; a long one repeats ten seconds."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    seconds = min(frames / FRAMES_PER_SECOND, 10.0)
    repeats = round(frames / FRAMES_PER_SECOND / seconds)
    first = path if repeats == 1 else path.with_suffix(".first.mp4")
    source = f"testsrc=size={SIZE[1]}x{SIZE[0]}:rate={FRAMES_PER_SECOND}:duration={seconds}"
    command = [*ffmpeg, "-f", "lavfi", "-i", source]
    command += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "35", "-g", "50"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-c:a", "aac", str(first)], check=True)
    if first != path:
        again = ["-stream_loop", str(repeats - 1), "-i", str(first), "-c", "copy", str(path)]
        subprocess.run([*ffmpeg, *again], check=True)
    return path


def start_session(video: Path) -> None:
    """Save a session of two objects with a mask in every sampled frame."""
    with open_clip(video) as clip:
        times = clip.times
    step = min(FRAMES_PER_SECOND, max(len(times) // 4, 1))
    sampled = list(range(0, len(times), step))
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    masks = [(rows - 540) ** 2 + (columns - center) ** 2 < 200**2 for center in (600, 1300)]
    objects = [
        Proposal(name, 0.9, dict.fromkeys(sampled, mask), dict.fromkeys(sampled, 0.9))
        for name, mask in zip(("dog", "drum"), masks, strict=True)
    ]
    proposals = Proposals(
        sampled, times[sampled], SIZE, objects, vocabulary=("dog", "drum"), frame_count=len(times)
    )
    session = AnnotationSession.create(video, proposals)
    session.save()
    session.close()


def measure(video: Path, strokes: int) -> dict[str, float]:
    """Open a video in the viewer, paint in it, and give the numbers."""
    start_session(video)
    viewer = napari.Viewer(show=True)
    dock = add_dock(viewer)
    QTest.qWait(200)
    pictures: list[tuple[float, float]] = []
    start = now()
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    canvas.events.draw.connect(lambda event: viewer.layers and pictures.append(since(start)))
    viewer.open(video, plugin="napari-tavis")
    wait(lambda: pictures and dock.controller.session is not None)
    opened = since(start)
    painted = [paint(viewer, dock, index) for index in range(strokes)]
    steps = [one for stroke in painted for one in stroke[:-1]]
    ends = [stroke[-1] for stroke in painted]
    begun = time.perf_counter()
    session = dock.controller.session
    assert session is not None
    wait(lambda: not session.dirty)
    saved = time.perf_counter() - begun
    numbers = {
        "first picture, s": pictures[0][0],
        "first picture, s of processor time": pictures[0][1],
        "session open, s": opened[0],
        "session open, s of processor time": opened[1],
        **describe("brush step", steps),
        **describe("end of stroke", ends),
        "on disk after the last stroke, s": saved,
        "most memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    dock.close_session()
    viewer.close()
    QTest.qWait(100)
    return {name: round(value, 2) for name, value in numbers.items()}


def describe(what: str, events: list[tuple[float, float]]) -> dict[str, float]:
    """Give median and longest duration of events by the clock, and their processor time."""
    clock, processor = ([1000 * one[kind] for one in events] for kind in (0, 1))
    return {
        f"{what}, median ms": statistics.median(clock),
        f"{what}, longest ms": max(clock),
        f"{what}, median ms of processor time": statistics.median(processor),
        f"{what}, longest ms of processor time": max(processor),
    }


def paint(viewer: Viewer, dock: AnnotationDock, index: int) -> list[tuple[float, float]]:
    """Paint a stroke, each in another frame, and time its events.

    What napari's mouse callback of the brush does is done here: the brush moves over the mask and
    the layer shows it; at the end the stroke goes into the session as one step, and the list and
    the strip follow.

    Returns
    -------
    list of tuple of float
        Seconds by the clock and of this thread's processor time, of each step of the brush and,
        last, of the end of the stroke.
    """
    controller = dock.controller
    session = controller.session
    assert session is not None
    item = session.objects[index % 2]
    controller.choose(item.object_id)
    frames = session.annotated_frames(item.object_id)
    controller.navigation.go_to(frames[(7 * index) % len(frames)])
    QTest.qWait(30)
    layer = controller.layers.layer(item.object_id)
    assert layer is not None
    layer.mode = "paint"
    layer.brush_size = 40
    frame = controller.navigation.frame
    path = [(frame, 300 + 10 * point, 200 + 20 * point) for point in range(POINTS)]
    events = []
    with layer.block_history():
        for here, there in zip([path[0], *path], path, strict=False):
            begun = now()
            layer._draw(layer.selected_label, here, there)
            events.append(since(begun))
        begun = now()
    events.append(since(begun))
    QTest.qWait(30)
    return events


def now() -> tuple[float, float]:
    """Give the clock and this thread's processor time, in seconds."""
    return time.perf_counter(), time.thread_time()


def since(begun: tuple[float, float]) -> tuple[float, float]:
    """Give what has passed of both since `now`."""
    clock, processor = now()
    return clock - begun[0], processor - begun[1]


def wait(condition: Callable[[], Any], seconds: float = 600.0) -> None:
    """Let the viewer work until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the viewer did not get ready")
        QTest.qWait(5)


if __name__ == "__main__":
    main()
