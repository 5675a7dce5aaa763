"""Shows the objects of a session as napari Labels layers, each bound to its object."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

import numpy as np
from napari.components import LayerList
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.objects import SessionObject
from napari_tavis.widgets.napari_compat import take_over_undo, without_selecting
from napari_tavis.widgets.session_labels import OBJECT_LABEL, SessionLabels

_OUTLINE = 2  # width of the scene mask's outline, in pixels


def object_colormap(color: tuple[int, int, int]) -> DirectLabelColormap:
    """Show every label but the background in one colour, given as 0 to 255."""
    opaque = np.array([*color, 255], dtype=float) / 255
    return DirectLabelColormap(color_dict={None: opaque, 0: np.zeros(4), OBJECT_LABEL: opaque})


class ObjectLayers:
    """The Labels layers of a session's objects.

    A layer belongs to its object by reference: it may be renamed, moved or deleted, and
    deleting it leaves the object's masks in the session. Rejected objects and background
    queries have a layer only while they are asked for with `show`.

    Attributes
    ----------
    painted : Signal
        Emitted after each write into a layer, before the session knows of it; call `flush`.
    stroke_ended : Signal
        Emitted with the object's number when a stroke, a fill or a polygon is complete.
    undo_asked, redo_asked : Signal
        Emitted when napari's own undo or redo of a layer is asked for: the session has one for
        all layers.
    hidden : Signal
        Emitted with the object's number when its layer was deleted by the user.
    selected : Signal
        Emitted with the object's number when its layer became the active one.
    visibility_changed : Signal
        Emitted with the object's number when its layer was shown or hidden.
    """

    painted = Signal()
    stroke_ended = Signal(int)
    undo_asked = Signal()
    redo_asked = Signal()
    hidden = Signal(int)
    selected = Signal(int)
    visibility_changed = Signal(int)

    def __init__(self, layers: LayerList) -> None:
        self._layers = layers
        self._bound: dict[int, Labels] = {}
        self._deleted: set[int] = set()
        self._in_stroke: set[int] = set()
        self._connections: list[tuple[Any, Callable[..., None]]] = [
            (layers.events.removed, self._on_removed),
            (layers.selection.events.active, self._on_active),
        ]
        for emitter, callback in self._connections:
            emitter.connect(callback)

    # -- layers and objects ----------------------------------------------------------------

    def show(self, session: AnnotationSession, object_id: int) -> Labels:
        """Show an object, in a new layer unless it has one."""
        if object_id in self._bound:
            return self._bound[object_id]
        self._deleted.discard(object_id)
        item = session.object(object_id)
        scene = item.kind == "scene"
        layer = Labels(
            SessionLabels(session, object_id, self.painted.emit),
            name=layer_name(item),
            colormap=object_colormap(item.color),
            opacity=0.9 if scene else 0.6,
            visible=not scene,
        )
        layer.contour = _OUTLINE if scene else 0
        layer.selected_label = OBJECT_LABEL
        layer.brush_size = max(3, min(session.frame_size) // 20)
        self._bound[object_id] = layer
        self._layers.append(layer)
        layer.editable = not session.read_only
        self._take_over(object_id, layer)
        return layer

    def show_all(self, session: AnnotationSession) -> None:
        """Show every object that takes part, the best on top and the scene mask below all."""
        shown = None
        with without_selecting(self._layers):
            for item in sorted(session.objects, key=lambda one: (one.kind != "scene", one.score)):
                if item.takes_part:
                    shown = self.show(session, item.object_id)
        if shown is not None:
            self._layers.selection.active = shown

    def refresh(
        self,
        session: AnnotationSession,
        object_ids: Iterable[int] | None = None,
        *,
        also: int | None = None,
    ) -> None:
        """Draw objects again, by default all; new ones get a layer, those gone lose theirs.

        One that takes no part keeps its layer only if it is `also` to be shown.
        """
        items = {item.object_id: item for item in session.objects}
        wanted = {key for key, item in items.items() if item.takes_part or key == also}
        for object_id in set(self._bound) - wanted:
            self._take_away(object_id)
        for object_id in items if object_ids is None else object_ids:
            if object_id in wanted and object_id not in self._deleted:
                self._draw(self.show(session, object_id), items[object_id])

    def layer(self, object_id: int) -> Labels | None:
        """Give the layer of an object, or None where it has none."""
        return self._bound.get(object_id)

    def object_of(self, layer: Any) -> int | None:
        """Give the number of the object that a layer shows, or None."""
        return next((key for key, bound in self._bound.items() if bound is layer), None)

    def is_visible(self, object_id: int) -> bool:
        """Whether an object is shown on the canvas."""
        layer = self._bound.get(object_id)
        return layer is not None and layer.visible

    # -- painting --------------------------------------------------------------------------

    def flush(self, *, finished_only: bool = False) -> dict[int, list[int]]:
        """Hand what was painted to the session; give the changed frames by object.

        With `finished_only` a layer in the middle of a stroke is left out, so that a stroke stays
        one step.
        """
        ids = [key for key in self._bound if not (finished_only and key in self._in_stroke)]
        changed = {key: self._data(self._bound[key]).flush() for key in ids}
        return {key: frames for key, frames in changed.items() if frames}

    def clear(self) -> None:
        """Take all layers out of the viewer; the session is not touched."""
        # Nobody is bound any more when napari, at each removal, makes another layer the active
        # one: else an object of a session that is gone would be chosen.
        bound, self._bound = self._bound, {}
        self._in_stroke.clear()
        self._deleted.clear()
        if not bound:
            return
        with self._layers.batched_update():  # else napari collects all garbage at each of them
            for layer in bound.values():
                self._data(layer).detach()
                if layer in self._layers:
                    self._layers.remove(layer)

    def close(self) -> None:
        """Let go of the viewer, leaving the layers as they are."""
        for emitter, callback in self._connections:
            emitter.disconnect(callback)
        self._connections.clear()
        for signal in (self.undo_asked, self.redo_asked, self.stroke_ended, self.painted):
            signal.disconnect()
        self._bound.clear()

    def _take_over(self, object_id: int, layer: Labels) -> None:
        """Learn of the layer's strokes, and put the session's undo in place of napari's."""
        forget = take_over_undo(layer, self.undo_asked.emit, self.redo_asked.emit)

        def stroke(layer: Labels, event: Any) -> Generator[None]:
            self._in_stroke.add(object_id)
            try:
                yield
                while event.type == "mouse_move":
                    yield
            finally:
                self._in_stroke.discard(object_id)
            self.stroke_ended.emit(object_id)

        def painted(event: Any) -> None:
            # The session remembers the step; napari's own memory of it would only grow.
            forget()
            if object_id not in self._in_stroke:
                self.stroke_ended.emit(object_id)

        layer.mouse_drag_callbacks.append(stroke)
        layer.events.paint.connect(painted)
        layer.events.visible.connect(lambda event: self.visibility_changed.emit(object_id))

    def _take_away(self, object_id: int) -> None:
        layer = self._bound.pop(object_id)
        self._in_stroke.discard(object_id)
        if layer in self._layers:
            self._layers.remove(layer)

    @staticmethod
    def _draw(layer: Labels, item: SessionObject) -> None:
        if layer.name != layer_name(item):
            layer.name = layer_name(item)
            layer.colormap = object_colormap(item.color)
        layer.refresh(extent=False, thumbnail=False)

    @staticmethod
    def _data(layer: Labels) -> SessionLabels:
        data = layer.data
        assert isinstance(data, SessionLabels)
        return data

    def _on_removed(self, event: Any) -> None:
        object_id = self.object_of(event.value)
        if object_id is not None:
            self._data(self._bound[object_id]).flush()
            del self._bound[object_id]
            self._in_stroke.discard(object_id)
            self._deleted.add(object_id)
            self.hidden.emit(object_id)

    def _on_active(self, event: Any) -> None:
        object_id = self.object_of(event.value)
        if object_id is not None:
            self.selected.emit(object_id)


def layer_name(item: SessionObject) -> str:
    """Name the layer of an object by its class; the scene mask says what it is."""
    return "scene: all that sounds" if item.kind == "scene" else item.class_name
