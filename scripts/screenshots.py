"""Take the pictures of the README and of the documents in a real napari window.

    python scripts/screenshots.py [--output DIRECTORY] [--theme dark|light] [--only NAME ...]

Where there is no screen: ``xvfb-run -a -s "-screen 0 1366x768x24" python scripts/screenshots.py``.
Each picture of the tutorial is a step of it, done as a person would on a toy clip.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from napari.settings import get_settings
from napari.utils.notifications import notification_manager
from napari.viewer import Viewer
from PIL import Image
from qtpy.QtWidgets import QApplication, QDialog

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.lab.demo import DEMO_SEED
from napari_tavis.lab.toyworld import sample_scene, write_scene_video
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock

OUTPUT = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1366, 768)
VIDEO_SIZE = 448
PATIENCE = 600.0


class Tour:
    """A person's way through the tutorial, with a camera.

    Parameters
    ----------
    folder : Path
        Where the toy clips are written.
    output : Path
        Where the pictures go.
    theme : str
        napari's theme.
    """

    def __init__(self, folder: Path, output: Path, theme: str) -> None:
        self.folder, self.output = folder, output
        self.viewer = Viewer(title="napari-tavis", show_welcome_screen=False)
        self.viewer.theme = theme
        self.viewer.window.resize(*SIZE)
        self.dock: AnnotationDock = add_dock(self.viewer)
        self.controller = self.dock.controller
        self.dialog: QDialog | None = None

    @property
    def session(self) -> AnnotationSession:
        """The open session."""
        session = self.controller.session
        if session is None:
            raise SystemExit("no session is open")
        return session

    def open(self) -> None:
        """Open the first of three toy clips."""
        for number, seed in enumerate((DEMO_SEED, DEMO_SEED + 7, DEMO_SEED + 8)):
            scene = sample_scene(seed, count=3, sounding=2)
            write_scene_video(scene, self.folder / f"toy-clip-{number + 1}.mp4", size=VIDEO_SIZE)
        self.dock.workbench.opener.open(self.folder / "toy-clip-1.mp4")
        self.wait()
        self.viewer.reset_view(margin=0)

    def segment(self) -> None:
        """Run the model."""
        self.dock.annotate.segment.native.click()
        self.wait()
        self.choose(0)

    def choose(self, place: int) -> int:
        """Choose an object by its place in the list; give its number."""
        objects = [item for item in self.session.objects if item.kind == "object"]
        if len(objects) <= place:
            raise SystemExit("too little was found in this scene: take another seed")
        self.controller.choose(objects[place].object_id)
        return objects[place].object_id

    def click_at_object(self) -> None:
        """Point at the chosen object in the second sampled frame, and wait for its outline."""
        chosen = self.controller.chosen
        assert chosen is not None
        frame = int(self.session.frame_indices[1])
        self.controller.navigation.go_to(frame)
        rows, columns = np.nonzero(self.session.mask(chosen, frame))
        prompts = self.dock.workbench.correction.prompts
        self.dock.annotate.correction.buttons["prompt"].click()
        prompts.add_point(float(np.median(columns)), float(np.median(rows)), True)
        settle(0.5)
        spot = prompts.spot
        wait(lambda: prompts.book.is_answered(spot))

    def keep_and_propagate(self) -> None:
        """Keep the outline, and follow the object through every frame."""
        buttons = self.dock.annotate.correction.buttons
        buttons["prompt_keep"].click()
        settle(0.5)
        buttons["prompt"].click()
        self.dock.annotate.correction.frames.setCurrentIndex(1)
        buttons["propagate_both"].click()
        self.wait()
        self.controller.navigation.go_to(int(self.session.frame_indices[2]))

    def accept(self) -> None:
        """Accept the object in all its frames, and paint in another one."""
        self.dock.annotate.objects.accept_object.click()
        self.choose(1)
        self.controller.navigation.go_to(int(self.session.frame_indices[1]))
        self.dock.annotate.objects.accept_frame.click()
        layer = self.viewer.layers.selection.active
        layer.mode = "paint"

    def queue(self) -> None:
        """Show the folder as a queue."""
        self.dock.tabs.setCurrentWidget(self.dock.queue)
        self.dock.queue.work.open(self.folder)
        settle(3)

    def export(self) -> None:
        """Accept what is left, and export the clip."""
        for item in self.session.objects:
            self.controller.choose(item.object_id)
            self.dock.annotate.objects.accept_object.click()
        self.dock.tabs.setCurrentWidget(self.dock.export)
        self.dock.export.form.folder.setText(str(self.folder / "dataset"))
        settle(2)
        self.dock.export.export.click()
        self.wait()

    def statistics(self) -> None:
        """Let the page count what was done."""
        self.dock.tabs.setCurrentWidget(self.dock.statistics)
        wait(lambda: self.dock.statistics.statistics is not None)

    def models(self) -> None:
        """Open the dialog with the models, where none is installed."""
        self.dialog = self.dock.show_models()

    def take(self, name: str) -> None:
        """Save a picture of the window, or of the dialog before it."""
        settle()
        path = self.output / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.dialog is None:
            self.dock.annotate.settings.video.line_edit.native.end(False)
            picture = self.viewer.window.screenshot(flash=False, canvas_only=False)
            image = Image.fromarray(picture).convert("RGB")
        else:
            self.dialog.grab().save(str(path))
            image = Image.open(path).convert("RGB")
        image.save(path, optimize=True)
        print(f"{path}: {image.width} x {image.height}")

    def wait(self) -> None:
        """Wait for the end of the long work."""
        settle(0.2)
        wait(lambda: not self.controller.jobs.busy)


STEPS: dict[str, tuple[str, ...]] = {
    "tutorial-1-open": ("open",),
    "tutorial-2-segment": ("segment",),
    "tutorial-3-click": ("click_at_object",),
    "tutorial-4-propagate": ("keep_and_propagate",),
    "napari-tavis": ("accept",),
    "tutorial-5-export": ("export",),
    "tutorial-6-queue": ("queue",),
    "tutorial-7-statistics": ("statistics",),
    "models": ("models",),
}
"""What is done before each picture."""


def main() -> None:
    """Go the whole way, taking the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--only", nargs="*", choices=list(STEPS), help="all by default")
    options = parser.parse_args()
    # The user's own window size, theme and so on are neither used nor changed.
    get_settings().reset()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[HOME_VARIABLE] = str(Path(folder) / "models of this tour")
        tour = Tour(Path(folder), options.output, options.theme)
        for name, steps in STEPS.items():
            for step in steps:
                getattr(tour, step)()
            if options.only is None or name in options.only:
                tour.take(name)
        tour.dock.close_session()
        tour.viewer.close()
    errors = [r.message for r in notification_manager.records if r.severity.value == "error"]
    if errors:
        raise SystemExit(f"napari showed an error while the pictures were taken: {errors[0]}")


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
