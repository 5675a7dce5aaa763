"""A person at the workbench in a process of its own, so that the process can be killed.

    python annotator_process.py VIDEO

Opens the video in napari, segments it, clicks at an object, paints, propagates and accepts; then
waits until all of that is on the disk, prints what the session holds as one line of JSON, and
paints on until it is killed, with a line for each time that strokes were saved.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_tavis.annotation import AnnotationSession
from napari_tavis.widgets.launch import add_dock
from napari_tavis.widgets.napari_compat import canvas_of

PATIENCE = 120.0


class Person:
    """Uses the dock and the mouse.

    Parameters
    ----------
    video : Path
        What to annotate.
    """

    def __init__(self, video: Path) -> None:
        torch.set_num_threads(1)
        self.viewer = Viewer(title="a person at work")
        self.viewer.window.resize(1366, 768)
        self.dock = add_dock(self.viewer)
        self.controller = self.dock.controller
        self.dock.workbench.opener.open(video)
        self.wait_for_work()

    @property
    def session(self) -> AnnotationSession:
        session = self.controller.session
        assert session is not None
        return session

    def segment(self) -> None:
        self.dock.annotate.settings.device.value = "cpu"
        self.dock.annotate.segment.native.click()
        self.wait_for_work()
        chosen = next(item for item in self.session.objects if item.kind == "object")
        self.controller.choose(chosen.object_id)

    def click_at(self, object_id: int, frame: int) -> None:
        """Prompt SAM 2 with a click in the middle of an object, and keep what it finds."""
        rows, columns = np.nonzero(self.session.mask(object_id, frame))
        self.controller.navigation.go_to(frame)
        prompts = self.dock.workbench.correction.prompts
        self.dock.annotate.correction.buttons["prompt"].click()
        self.settle()
        self.mouse([(float(np.median(columns)), float(np.median(rows)))])
        self.wait(lambda: prompts.spot is not None and prompts.book.is_answered(prompts.spot))
        self.dock.annotate.correction.buttons["prompt_keep"].click()
        self.settle()
        self.dock.annotate.correction.buttons["prompt"].click()
        self.settle()

    def paint(self, object_id: int, frame: int, row: float) -> None:
        """Drag the brush from left to right."""
        self.controller.choose(object_id)
        self.controller.navigation.go_to(frame)
        layer = self.controller.layers.layer(object_id)
        assert layer is not None
        layer.mode, layer.brush_size = "paint", 12
        self.settle()
        self.mouse([(column, row) for column in np.linspace(20.0, 200.0, 12)])
        self.settle()

    def propagate(self) -> None:
        self.dock.annotate.correction.buttons["propagate_forwards"].click()
        self.wait_for_work()

    def accept_frame(self) -> None:
        self.dock.annotate.objects.accept_frame.click()

    def mouse(self, way: list[tuple[float, float]]) -> None:
        """Press at the first place (column and row of the video), drag, and release at the last."""
        left, none, key = (
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        )
        self.send(QEvent.Type.MouseButtonPress, way[0], left, left, key)
        for place in way[1:]:
            self.send(QEvent.Type.MouseMove, place, none, left, key)
        self.send(QEvent.Type.MouseButtonRelease, way[-1], left, none, key)

    def send(self, kind, place, button, buttons, key) -> None:
        canvas = canvas_of(self.viewer)
        camera = self.viewer.camera
        point = QPointF(
            (place[0] - camera.center[-1]) * camera.zoom + canvas.width() / 2,
            (place[1] - camera.center[-2]) * camera.zoom + canvas.height() / 2,
        )
        event = QMouseEvent(kind, point, canvas.mapToGlobal(point), button, buttons, key)
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()

    def wait_for_work(self) -> None:
        self.settle()
        self.wait(lambda: not self.controller.jobs.busy)

    def wait_until_saved(self) -> None:
        """Let the window save by itself: nothing here asks for it."""
        self.settle()
        self.wait(lambda: not self.session.dirty)

    def settle(self, seconds: float = 0.3) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < until, "the window did not finish in time"
            QApplication.processEvents()
            time.sleep(0.01)


def content(session: AnnotationSession) -> dict[str, object]:
    """Give what a session holds, by object and frame, as JSON can say it."""
    objects = {}
    for item in session.objects:
        frames = {
            str(frame): [str(status), digest(session.mask(item.object_id, frame))]
            for frame, status in sorted(session.statuses(item.object_id).items())
        }
        objects[str(item.object_id)] = [item.class_name, str(item.state), frames]
    return objects


def digest(mask: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:16]


def main() -> None:
    person = Person(Path(sys.argv[1]))
    person.segment()
    chosen = person.controller.chosen
    assert chosen is not None
    first, second = person.controller.navigation.sampled[:2]
    person.click_at(chosen, first)
    person.paint(chosen, second, row=30.0)
    person.controller.navigation.go_to(first)
    person.propagate()
    person.accept_frame()
    person.wait_until_saved()
    print(json.dumps({"chosen": chosen, "content": content(person.session)}), flush=True)
    person.controller.saved.connect(lambda: print("saved", flush=True))
    for number in range(10_000):  # until it is killed
        person.paint(chosen, second, row=40.0 + number % 150)


if __name__ == "__main__":
    main()
