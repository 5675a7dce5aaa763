"""Take the README's picture: a toy clip, segmented in a real napari window.

    python scripts/screenshot.py [--output PNG] [--model toy] [--seed N] [--frame K]

Where there is no screen: ``xvfb-run -a -s "-screen 0 1366x768x24" python scripts/screenshot.py``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from napari.settings import get_settings
from napari.utils.notifications import notification_manager
from napari.viewer import Viewer
from PIL import Image
from qtpy.QtWidgets import QApplication

from napari_tavis.demo import DEMO_SEED
from napari_tavis.toyworld import sample_scene, write_scene_video
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock
from napari_tavis.widgets.work import TOY_MODEL

OUTPUT = Path(__file__).parents[1] / "docs" / "images" / "napari-tavis.png"
SIZE = (1366, 768)
PATIENCE = 600.0


def main() -> None:
    """Open, segment, select, and save the picture."""
    options = parse()
    # The user's own window size, theme and so on are neither used nor changed.
    get_settings().reset()
    with tempfile.TemporaryDirectory() as folder:
        scene = sample_scene(options.seed, count=3, sounding=2)
        video = write_scene_video(scene, Path(folder) / "toy-clip.mp4", size=options.video_size)
        viewer = Viewer(title="napari-tavis", show_welcome_screen=False)
        viewer.window.resize(*SIZE)
        dock = add_dock(viewer)
        dock.controller.open_video(video)
        wait(lambda: not dock.controller.jobs.busy)
        if options.model != TOY_MODEL:
            dock.annotate.settings.choose_checkpoint(Path(options.model))
        dock.annotate.segment.native.click()
        wait(lambda: not dock.controller.jobs.busy)
        show_work(dock, options.frame)
        viewer.reset_view(margin=0)
        settle()
        dock.annotate.settings.video.line_edit.native.home(False)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        picture = viewer.window.screenshot(flash=False, canvas_only=False)
        Image.fromarray(picture).convert("RGB").save(options.output, optimize=True)
        found = [item.class_name for item in dock.controller.session.objects]
        print(f"{options.output}: {picture.shape[1]} x {picture.shape[0]}, found {found}")
        viewer.close()
    if any(record.severity.value == "error" for record in notification_manager.records):
        raise SystemExit("napari showed an error while the picture was taken")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--model", default=TOY_MODEL, help="toy, or a checkpoint file")
    parser.add_argument("--seed", type=int, default=DEMO_SEED, help="which scene is drawn")
    parser.add_argument("--frame", type=int, default=1, help="which sampled frame is shown")
    parser.add_argument("--video-size", type=int, default=448, help="its height and width")
    return parser.parse_args()


def show_work(dock: AnnotationDock, sample: int) -> None:
    """Go to a sampled frame with the first object selected and partly accepted."""
    controller = dock.controller
    session = controller.session
    if session is None or not session.objects:
        raise SystemExit("nothing was found in this scene: take another seed or model")
    first = session.objects[0].object_id
    controller.select(first)
    controller.navigation.go_to(int(session.frame_indices[0]))
    controller.accept_frame(first)
    controller.navigation.go_to(int(session.frame_indices[sample]))
    layer = controller.layers.layer(first)
    if layer is not None:
        layer.mode = "paint"


def wait(done: Callable[[], bool]) -> None:
    """Let the window work until something is done."""
    until = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > until:
            raise SystemExit("the window did not finish in time")
        QApplication.processEvents()
        time.sleep(0.02)


def settle(seconds: float = 1.5) -> None:
    """Let what was asked for be drawn."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
