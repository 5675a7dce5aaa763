"""The layers of the prompt mode: a preview of the mask, a box, and the clicked points."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Layer, Points, Shapes
from psygnal import Signal

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.widgets.correction.preview import PREVIEW_COLOR, preview_layer
from napari_tavis.widgets.napari_compat import take_clicks

POSITIVE_COLOR, NEGATIVE_COLOR = "#35d07f", "#ff4d5e"
# Held with a click, it says that this place is not the object. napari's points tool has no use
# for it.
NEGATIVE_KEY = "Shift"

_LEFT, _RIGHT = 1, 2
_DRAG = 6  # canvas pixels: a press that moves further draws a box


class PromptLayers:
    """Shows prompts and their mask, and reports what the user does on the canvas.

    A click is a positive point, a click with Shift or the right button a negative one, and a drag
    a box. napari's own tools for points work as well: select, move or delete them.
    """

    # Places are (x, y), column before row, in video pixels.
    clicked = Signal(float, float, bool)  # x, y, positive
    boxed = Signal(tuple, tuple)  # two opposite corners
    deleted = Signal(set)  # indices of points that napari's tool deleted
    moved = Signal(tuple)  # all points, after napari's tool moved some
    removed = Signal()  # the user deleted one of the layers

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shape = (0, 0, 0)  # frames, height, width
        self._preview: Labels | None = None
        self._box: Shapes | None = None
        self._points: Points | None = None
        self._writing = False  # the points are changed from here, not by the user
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def are_open(self) -> bool:
        return self._points is not None

    @property
    def are_complete(self) -> bool:
        """Whether all of them are still in the viewer: the user may delete any."""
        return all(layer in self._viewer.layers for layer in self._all())

    @property
    def reach(self) -> float:
        """How near a click must be to an earlier point to mean that point, in video pixels."""
        return 7 / max(self._viewer.scene.camera.zoom, 1e-6)

    def own(self, layer: Layer | None) -> bool:
        return layer is not None and any(layer is one for one in self._all())

    def open(
        self,
        shape: tuple[int, int, int],
        mask_of: Callable[[int], Mask | None],
        keys: dict[str, Callable[[], object]],
    ) -> None:
        """Add the layers to the viewer, ready for clicks.

        `shape` is (frames, height, width); `mask_of` gives the mask found in a frame, or None;
        `keys` work while the points layer is the active one.
        """
        self.close()
        self._shape = shape
        self._preview = preview_layer(shape, mask_of)
        self._box = Shapes(ndim=3, name="box", face_color="transparent", edge_color=PREVIEW_COLOR)
        self._points = _points_layer(min(shape[1:]))
        self._points.events.mode.connect(self._on_mode)
        self._points.events.data.connect(self._on_data)
        for key, action in keys.items():
            self._points.bind_key(key, _ignoring_layer(action))
        for layer in self._all():
            self._viewer.layers.append(layer)
        self.activate()

    def activate(self) -> None:
        if self._points is not None:
            self._viewer.layers.selection.active = self._points
            self._points.mode = "add"

    def rename(self, name: str) -> None:
        """Name the layers after the object whose prompts they show."""
        titles = ("preview", "box", "clicks")
        for layer, title in zip(self._all(), titles, strict=True):
            layer.name = f"{title}: {name}"

    def remove_selected(self) -> bool:
        """Delete the points that are selected with napari's tool; return whether there were any."""
        if self._points is None or not self._points.selected_data:
            return False
        self._points.remove_selected()
        return True

    def show(self, frame: int, prompts: Prompts) -> None:
        assert self._points is not None
        assert self._box is not None
        self._writing = True
        try:
            points = [(frame, y, x) for x, y in prompts.points]
            self._points.data = np.array(points, dtype=float).reshape(-1, 3)
            if points:
                colors = [POSITIVE_COLOR if one else NEGATIVE_COLOR for one in prompts.labels]
                self._points.face_color = self._points.border_color = colors
                self._points.symbol = ["disc" if one else "diamond" for one in prompts.labels]
            self._show_box(frame, prompts.box)
        finally:
            self._writing = False
        self.refresh()

    def refresh(self) -> None:
        """Draw the mask again, whose pixels may have changed."""
        if self._preview is not None:
            self._preview.refresh()

    def close(self) -> None:
        # Forgotten before they are removed, so that `removed` is not emitted for our own doing.
        layers = self._all()
        self._preview = self._box = self._points = None
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def disconnect(self) -> None:
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _all(self) -> list[Layer]:
        """Give the layers from bottom to top."""
        return [one for one in (self._preview, self._box, self._points) if one is not None]

    def _show_box(self, frame: int, box: tuple[float, float, float, float] | None) -> None:
        assert self._box is not None
        self._box.data = []
        if box is not None:
            x0, y0, x1, y1 = box
            corners = [(frame, y0, x0), (frame, y0, x1), (frame, y1, x1), (frame, y1, x0)]
            width = max(1.0, min(self._shape[1:]) / 250)
            self._box.add_rectangles(np.array(corners), edge_width=width)

    # -- the mouse and napari's tools --------------------------------------------------------

    def _on_mode(self, event: Any = None) -> None:
        """Let clicks prompt while napari's tool for adding points is active, in place of it."""
        if self._points is not None:
            take_clicks(self._points, self._on_press)

    def _on_press(self, layer: Points, event: Any) -> Generator[None, None, None]:
        """Follow the mouse from press to release; napari resumes this at each event."""
        start, button = np.array(event.pos), event.button
        origin = self._place(layer, event)
        frame = int(self._viewer.dims.current_step[-3])
        negative = NEGATIVE_KEY in event.modifiers or button == _RIGHT
        dragged = False
        yield
        while event.type == "mouse_move":
            if not self.own(layer):  # the mode ended while the button was down
                return
            dragged = dragged or float(np.linalg.norm(event.pos - start)) >= _DRAG
            if button == _LEFT and dragged:
                corner = self._clipped(self._place(layer, event))
                self._show_box(frame, (*self._clipped(origin), *corner))
            if button == _LEFT:
                event.handled = True  # the drag draws the box, and nothing else
            yield
        if not self.own(layer):
            return
        if dragged and button == _LEFT:
            self.boxed.emit(self._clipped(origin), self._clipped(self._place(layer, event)))
        elif not dragged and button in (_LEFT, _RIGHT) and self._inside(origin):
            self.clicked.emit(*origin, not negative)

    @staticmethod
    def _place(layer: Points, event: Any) -> tuple[float, float]:
        *_, row, column = layer.world_to_data(event.position)
        return float(column), float(row)

    def _inside(self, place: tuple[float, float]) -> bool:
        _, height, width = self._shape
        return -0.5 <= place[0] < width - 0.5 and -0.5 <= place[1] < height - 0.5

    def _clipped(self, place: tuple[float, float]) -> tuple[float, float]:
        _, height, width = self._shape
        return min(max(place[0], 0.0), width - 1.0), min(max(place[1], 0.0), height - 1.0)

    def _on_data(self, event: Any) -> None:
        """Report what napari's own tool did to the points."""
        if self._writing or self._points is None:
            return
        if event.action == "removed":
            self.deleted.emit({int(index) for index in event.data_indices})
        elif event.action == "changed":
            self.moved.emit(tuple((float(x), float(y)) for _, y, x in self._points.data))

    def _on_removed(self, event: Any) -> None:
        if self.own(event.value):
            self.removed.emit()


def _points_layer(side: int) -> Points:
    """Make the layer of the clicks, whose points keep their size on the screen at any zoom."""
    return Points(
        ndim=3,
        name="clicks",
        size=side / 30,
        canvas_size_limits=(13, 15),
        border_width=0,
        face_color=POSITIVE_COLOR,
    )


def _ignoring_layer(action: Callable[[], object]) -> Callable[[Layer], None]:
    def run(layer: Layer) -> None:
        action()

    return run
