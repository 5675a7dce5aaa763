"""Shows the objects of a session as napari Labels layers, each bound to its object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from napari.components import LayerList
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_tavis.session import AnnotationSession
from napari_tavis.session.objects import SessionObject
from napari_tavis.widgets.session_labels import OBJECT_LABEL, SessionLabels

_OUTLINE = 2
"""Width of the scene mask's outline, in pixels."""


def object_colormap(color: tuple[int, int, int]) -> DirectLabelColormap:
    """Give a colormap that shows every label but the background in one colour.

    Parameters
    ----------
    color : tuple of int
        Red, green and blue, 0 to 255.
    """
    opaque = np.array([*color, 255], dtype=float) / 255
    return DirectLabelColormap(color_dict={None: opaque, 0: np.zeros(4), OBJECT_LABEL: opaque})


class ObjectLayers:
    """The Labels layers of a session's objects.

    A layer belongs to its object by reference: it may be renamed, moved or deleted, and
    deleting it leaves the object's masks in the session.

    Parameters
    ----------
    layers : LayerList
        The viewer's layers.

    Attributes
    ----------
    painted : Signal
        Emitted after each write into a layer, before the session knows of it; call `flush`.
    hidden : Signal
        Emitted with the object's number when its layer was deleted by the user.
    selected : Signal
        Emitted with the object's number when its layer became the active one.
    """

    painted = Signal()
    hidden = Signal(int)
    selected = Signal(int)

    def __init__(self, layers: LayerList) -> None:
        self._layers = layers
        self._bound: dict[int, Labels] = {}
        self._connections: list[tuple[Any, Callable[..., None]]] = [
            (layers.events.removed, self._on_removed),
            (layers.selection.events.active, self._on_active),
        ]
        for emitter, callback in self._connections:
            emitter.connect(callback)

    def show(self, session: AnnotationSession, object_id: int) -> Labels:
        """Show an object, in a new layer unless it has one.

        Parameters
        ----------
        session : AnnotationSession
            Owner of the object.
        object_id : int
            Its number.
        """
        if object_id in self._bound:
            return self._bound[object_id]
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
        return layer

    def show_all(self, session: AnnotationSession) -> None:
        """Show every object, the best on top and the scene mask below all."""
        ordered = sorted(session.objects, key=lambda item: (item.kind != "scene", item.score))
        for item in ordered:
            self.show(session, item.object_id)

    def refresh(self, session: AnnotationSession, object_ids: Iterable[int] | None = None) -> None:
        """Draw objects again: masks, names and colours; those gone lose their layer.

        Parameters
        ----------
        session : AnnotationSession
            Owner of the objects.
        object_ids : iterable of int, optional
            The objects; by default all, and those without a layer get one.
        """
        items = {item.object_id: item for item in session.objects}
        for gone in [key for key in self._bound if key not in items]:
            layer = self._bound.pop(gone)
            if layer in self._layers:
                self._layers.remove(layer)
        for object_id in items if object_ids is None else object_ids:
            if object_id in items:
                self._refresh_one(session, items[object_id])

    def _refresh_one(self, session: AnnotationSession, item: SessionObject) -> None:
        layer = self._bound.get(item.object_id)
        if layer is None:
            self.show(session, item.object_id)
            return
        if layer.name != layer_name(item):
            layer.name = layer_name(item)
            layer.colormap = object_colormap(item.color)
        layer.refresh(extent=False, thumbnail=False)

    def layer(self, object_id: int) -> Labels | None:
        """Give the layer of an object, or None where it has none."""
        return self._bound.get(object_id)

    def object_of(self, layer: Any) -> int | None:
        """Give the number of the object that a layer shows, or None."""
        return next((key for key, bound in self._bound.items() if bound is layer), None)

    def flush(self) -> dict[int, list[int]]:
        """Hand what was painted to the session.

        Returns
        -------
        dict of int to list of int
            The changed frames, by object.
        """
        changed = {key: self._data(layer).flush() for key, layer in self._bound.items()}
        return {key: frames for key, frames in changed.items() if frames}

    def clear(self) -> None:
        """Take all layers out of the viewer; the session is not touched."""
        bound, self._bound = self._bound, {}
        for layer in bound.values():
            if layer in self._layers:
                self._layers.remove(layer)

    def close(self) -> None:
        """Let go of the viewer, leaving the layers as they are."""
        for emitter, callback in self._connections:
            emitter.disconnect(callback)
        self._connections.clear()
        self._bound.clear()

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
            self.hidden.emit(object_id)

    def _on_active(self, event: Any) -> None:
        object_id = self.object_of(event.value)
        if object_id is not None:
            self.selected.emit(object_id)


def layer_name(item: SessionObject) -> str:
    """Name the layer of an object by its class; the scene mask says what it is."""
    return "scene: all that sounds" if item.kind == "scene" else item.class_name
