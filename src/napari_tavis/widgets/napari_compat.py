"""What the plugin needs of napari and napari does not promise: all of it, and nowhere else.

Each function says why napari's public door does not do. When a new napari breaks one of them,
a test of `tests/unit/widgets/test_napari_compat.py` fails, and this is the file to mend.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from app_model.types import KeyBinding
from napari import layers
from napari._app_model import get_app_model
from napari.components import LayerList, ViewerModel
from napari.layers import Labels, Points
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import coerce_keybinding
from napari.viewer import Viewer
from qtpy.QtWidgets import QMainWindow, QWidget

# -- the window --------------------------------------------------------------------------------


def unwrapped(viewer: Viewer) -> Viewer:
    """Give the viewer itself.

    napari hands plugins a proxy whose layers are proxies, too: never the same object twice, so
    that nothing could be recognised by identity.
    """
    return getattr(viewer, "__wrapped__", viewer)


def main_window(viewer: Viewer) -> QMainWindow:
    """Give Qt's main window, to be the parent of a dialog, and to find our dock in it.

    napari's own `Window` is no widget and has no way to reach the docks that are in it.
    """
    return viewer.window._qt_window


def canvas_of(viewer: Viewer) -> QWidget:
    """Give the widget that draws the picture, to which the mouse and the keys are sent."""
    return viewer.window._qt_viewer.canvas.native


def is_closed_by_program(window: QWidget) -> bool:
    """Whether ``viewer.close()`` closes a main window, and not its user.

    napari emits nothing before it closes; but a program closes the canvas first, then the window.
    """
    qt_viewer = getattr(window, "_qt_viewer", None)
    return qt_viewer is not None and not qt_viewer.isVisible()


def open_preferences(viewer: Viewer) -> None:
    """Open napari's preferences, where keys are changed; napari only has a menu entry for it."""
    viewer.window._open_preferences_dialog()


# -- layers ------------------------------------------------------------------------------------


@contextmanager
def without_selecting(layers: LayerList) -> Iterator[None]:
    """Add layers that are not selected one after the other, for which napari has no argument.

    For each it would lay out and paint that layer's controls.
    """
    layers._activate_on_insert = False
    try:
        yield
    finally:
        layers._activate_on_insert = True


def take_over_undo(
    layer: Labels, undo: Callable[[], object], redo: Callable[[], object]
) -> Callable[[], None]:
    """Put another undo and redo in place of a layer's own; give what empties the layer's memory.

    napari remembers strokes layer by layer, and its key calls these two methods. It has no
    setting that turns its memory off, which would only grow.
    """
    layer.undo = undo
    layer.redo = redo
    return layer._reset_history


def take_clicks(layer: Points, on_press: Callable[..., object]) -> None:
    """Put another answer to the mouse in place of the point that napari's tool would add.

    napari sets the callbacks anew with each tool, so this is called whenever the tool changes.
    """
    callbacks = layer.mouse_drag_callbacks
    if layer.mode == "add":
        callbacks[:] = [on_press]
    elif on_press in callbacks:
        callbacks.remove(on_press)


# -- keys --------------------------------------------------------------------------------------
# napari has no public way to bind a viewer's keys so that its preferences list them and users
# can change them; its action manager, which does all of that, is to become app-model's.

_PREFIX = "napari-tavis:"
_LAYERS = (
    layers.Image,
    layers.Labels,
    layers.Points,
    layers.Shapes,
    layers.Surface,
    layers.Tracks,
    layers.Vectors,
)


def register_action(name: str, title: str, run: Callable[[ViewerModel], None]) -> None:
    """Make an action of the plugin; it is listed in napari's preferences, under viewer keys."""

    def act(viewer: ViewerModel) -> None:  # napari gives the viewer by this type
        run(viewer)

    action_manager.register_action(_PREFIX + name, act, f"TAViS: {title}", ViewerModel)


def bind_action(name: str, key: KeyBinding) -> None:
    """Give an action of the plugin a key."""
    action_manager.bind_shortcut(_PREFIX + name, key)


def unbind_action(name: str) -> None:
    """Take an action of the plugin its keys."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an action that never had a key
        action_manager.unbind_shortcut(_PREFIX + name)


def chosen_keys(name: str) -> list[KeyBinding] | None:
    """Give the keys that the user chose for an action in the preferences; None for no choice."""
    chosen = get_settings().shortcuts.shortcuts.get(_PREFIX + name)
    return None if chosen is None else list(chosen)


def keys_of(name: str) -> list[str]:
    """Give the keys that an action of the plugin has now, as they are written here."""
    return keys_of_napari_action(_PREFIX + name)


def keys_of_napari_action(name: str) -> list[str]:
    """Give the keys of one of napari's own actions, as they are written here."""
    return [key.to_text(use_symbols=False) for key in _bound(name)]


def keys_of_napari() -> set[KeyBinding]:
    """Give all keys that napari itself uses: in the viewer, in any kind of layer, in its menus."""
    names = list(action_manager._shortcuts)
    ours = {key for name in names if name.startswith(_PREFIX) for key in _bound(name)}
    found = {key for name in names if not name.startswith(_PREFIX) for key in _bound(name)}
    for provider in (ViewerModel, *_LAYERS):
        keymap: Iterable[object] = provider.class_keymap
        found |= {key for key in keymap if isinstance(key, KeyBinding) and key not in ours}
    return found | {coerce_keybinding(rule.keybinding) for rule in get_app_model().keybindings}


def key(text: str) -> KeyBinding:
    """Read a key, such as ``Ctrl+Shift+Z``."""
    return coerce_keybinding(text)


def _bound(name: str) -> list[KeyBinding]:
    return [coerce_keybinding(one) for one in action_manager._shortcuts.get(name, [])]
