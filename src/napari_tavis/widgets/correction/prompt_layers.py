"""The layers of the prompt mode: a preview of the mask, a box, and the clicked points."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Layer, Points, Shapes
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.prompts import Prompts
from napari_tavis.widgets.correction.preview import PreviewLabels
from napari_tavis.widgets.napari_compat import take_clicks

PREVIEW_COLOR = "#ffe14d"
POSITIVE_COLOR, NEGATIVE_COLOR = "#35d07f", "#ff4d5e"
NEGATIVE_KEY = "Shift"
"""Held with a click: what is there is not the object. napari's points tool leaves it free."""

_LEFT, _RIGHT = 1, 2
_DRAG = 6
"""Canvas pixels from which a press that moves draws a box."""


class PromptLayers:
    """Shows prompts and their mask, and tells what the user does on the canvas.

    A click is a positive point, with Shift or the right button a negative one, a drag a box.
    napari's own tools for points work, too: select some, move or delete them.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.

    Attributes
    ----------
    clicked : Signal
        ``(x, y, positive)`` in video pixels.
    boxed : Signal
        Two opposite corners ``((x, y), (x, y))`` of a box that was drawn.
    deleted : Signal
        The set of the indices of points that were deleted with napari's tool.
    moved : Signal
        All points ``(x, y)`` after some were moved with napari's tool.
    removed : Signal
        One of the layers was deleted by the user.
    """

    clicked = Signal(float, float, bool)
    boxed = Signal(tuple, tuple)
    deleted = Signal(set)
    moved = Signal(tuple)
    removed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shape = (0, 0, 0)
        self._preview: Labels | None = None
        self._box: Shapes | None = None
        self._points: Points | None = None
        self._writing = False
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def are_open(self) -> bool:
        """Whether the layers are in the viewer."""
        return self._points is not None

    @property
    def are_complete(self) -> bool:
        """Whether the user has deleted none of them."""
        return all(layer in self._viewer.layers for layer in self._all())

    @property
    def reach(self) -> float:
        """Distance in video pixels within which a click means an earlier point."""
        return 7 / max(self._viewer.scene.camera.zoom, 1e-6)

    def own(self, layer: Layer | None) -> bool:
        """Whether a layer is one of these."""
        return layer is not None and any(layer is one for one in self._all())

    def open(
        self,
        shape: tuple[int, int, int],
        mask_of: Callable[[int], Mask | None],
        keys: dict[str, Callable[[], object]],
    ) -> None:
        """Put the layers into the viewer, ready to be clicked in.

        Parameters
        ----------
        shape : tuple of int
            (frames, height, width) of the video.
        mask_of : callable
            Gives the mask found in a frame, or None.
        keys : dict of str to callable
            Keys that mean something while the points' layer is the active one.
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
        """Make the points' layer the active one, its tool ready to click."""
        if self._points is not None:
            self._viewer.layers.selection.active = self._points
            self._points.mode = "add"

    def rename(self, name: str) -> None:
        """Say in the layers' names whose prompts they show."""
        titles = ("preview", "box", "clicks")
        for layer, title in zip(self._all(), titles, strict=True):
            layer.name = f"{title}: {name}"

    def remove_selected(self) -> bool:
        """Delete the points that are selected with napari's tool; tell whether there are any."""
        if self._points is None or not self._points.selected_data:
            return False
        self._points.remove_selected()
        return True

    def show(self, frame: int, prompts: Prompts) -> None:
        """Show the prompts and the mask of a frame."""
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
        """Draw the mask of the frame shown again."""
        if self._preview is not None:
            self._preview.refresh()

    def close(self) -> None:
        """Take the layers out of the viewer."""
        layers = self._all()
        self._preview = self._box = self._points = None
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def disconnect(self) -> None:
        """Let go of the viewer."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _all(self) -> list[Layer]:
        """Give the layers, the topmost last."""
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
        """Let clicks prompt while the tool is the one that adds points; napari's would add."""
        if self._points is not None:
            take_clicks(self._points, self._on_press)

    def _on_press(self, layer: Points, event: Any) -> Generator[None, None, None]:
        """Follow the mouse from press to release: a click, or a box."""
        start, button = np.array(event.pos), event.button
        origin = self._place(layer, event)
        frame = int(self._viewer.dims.current_step[-3])
        negative = NEGATIVE_KEY in event.modifiers or button == _RIGHT
        dragged = False
        yield
        while event.type == "mouse_move":
            if not self.own(layer):  # the mode has ended under the mouse
                return
            dragged = dragged or float(np.linalg.norm(event.pos - start)) >= _DRAG
            if button == _LEFT and dragged:
                corner = self._clipped(self._place(layer, event))
                self._show_box(frame, (*self._clipped(origin), *corner))
            if button == _LEFT:
                event.handled = True
            yield
        if not self.own(layer):
            return
        if dragged and button == _LEFT:
            self.boxed.emit(self._clipped(origin), self._clipped(self._place(layer, event)))
        elif not dragged and button in (_LEFT, _RIGHT) and self._inside(origin):
            self.clicked.emit(*origin, not negative)

    @staticmethod
    def _place(layer: Points, event: Any) -> tuple[float, float]:
        """Give the column and row under the mouse, in video pixels."""
        *_, row, column = layer.world_to_data(event.position)
        return float(column), float(row)

    def _inside(self, place: tuple[float, float]) -> bool:
        _, height, width = self._shape
        return -0.5 <= place[0] < width - 0.5 and -0.5 <= place[1] < height - 0.5

    def _clipped(self, place: tuple[float, float]) -> tuple[float, float]:
        _, height, width = self._shape
        return min(max(place[0], 0.0), width - 1.0), min(max(place[1], 0.0), height - 1.0)

    def _on_data(self, event: Any) -> None:
        """Tell what napari's own tool did to the points."""
        if self._writing or self._points is None:
            return
        if event.action == "removed":
            self.deleted.emit({int(index) for index in event.data_indices})
        elif event.action == "changed":
            self.moved.emit(tuple((float(x), float(y)) for _, y, x in self._points.data))

    def _on_removed(self, event: Any) -> None:
        if self.own(event.value):
            self.removed.emit()


def preview_layer(
    shape: tuple[int, int, int], mask_of: Callable[[int], Mask | None], name: str = "preview"
) -> Labels:
    """Make a Labels layer that outlines masks which are not the session's yet.

    Parameters
    ----------
    shape : tuple of int
        (frames, height, width) of the video.
    mask_of : callable
        Gives the mask of a frame, or None.
    name : str
        The layer's name.
    """
    layer = Labels(
        PreviewLabels(shape, mask_of),
        name=name,
        opacity=0.9,
        colormap=DirectLabelColormap(
            color_dict={None: PREVIEW_COLOR, 0: "transparent", 1: PREVIEW_COLOR}
        ),
    )
    layer.contour = max(2, round(min(shape[1:]) / 250))
    layer.editable = False
    return layer


def _points_layer(side: int) -> Points:
    """Make the layer of the clicks; its points look equally large however far one zooms."""
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
