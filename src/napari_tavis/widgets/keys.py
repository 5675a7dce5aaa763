"""Gives commands their keys, through napari's own action manager.

So the keys are listed in napari's preferences under "Viewer key bindings", and can be changed
there. A key that napari uses itself is never taken: the command then has none until the user
gives it one.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable

from app_model.types import KeyBinding
from napari import layers
from napari._app_model import get_app_model
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import coerce_keybinding

from napari_tavis.widgets.commands import Command
from napari_tavis.widgets.controller import AnnotationController

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
_SHARED = {"undo", "redo"}
"""Commands that do for all layers what napari's same keys do for one."""

_controllers: weakref.WeakSet[AnnotationController] = weakref.WeakSet()
"""The open docks. napari has one action manager for all viewers, and hands an action its viewer
only; here the viewer's controller is found."""


def register_commands(commands: Iterable[Command], controller: AnnotationController) -> None:
    """Let a viewer's keys do what the commands say.

    Parameters
    ----------
    commands : iterable of Command
        The commands.
    controller : AnnotationController
        What they work on, as long as it is open.
    """
    _controllers.add(controller)
    taken = keys_of_napari()
    for command in commands:
        name = _PREFIX + command.id
        action_manager.register_action(
            name, _runner(command), f"TAViS: {command.title}", ViewerModel
        )
        for key in _wanted_keys(command):
            if command.id in _SHARED or key not in taken:
                action_manager.bind_shortcut(name, key)


def release_commands(commands: Iterable[Command], controller: AnnotationController) -> None:
    """Take the keys away again, if no other viewer has the dock."""
    _controllers.discard(controller)
    if _controllers:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an action that never had a key
        for command in commands:
            action_manager.unbind_shortcut(_PREFIX + command.id)


def keys_of(command: Command) -> list[str]:
    """Give the keys that a command has now, as they are written on this machine."""
    return keys_of_action(_PREFIX + command.id)


def keys_of_action(name: str) -> list[str]:
    """Give the keys of an action of napari's action manager."""
    found = action_manager._shortcuts.get(name, [])
    return [coerce_keybinding(key).to_text(use_symbols=False) for key in found]


def keys_of_napari() -> set[KeyBinding]:
    """Give all keys that napari itself uses: in the viewer, in any kind of layer, in its menus."""
    found: set[KeyBinding] = set()
    for name, keys in action_manager._shortcuts.items():
        if not name.startswith(_PREFIX):
            found |= {coerce_keybinding(key) for key in keys}
    ours = {coerce_keybinding(key) for name in _our_actions() for key in _bound(name)}
    for provider in (ViewerModel, *_LAYERS):
        keymap = provider.class_keymap
        found |= {key for key in keymap if isinstance(key, KeyBinding) and key not in ours}
    for rule in get_app_model().keybindings:
        found.add(coerce_keybinding(rule.keybinding))
    return found


def _our_actions() -> list[str]:
    return [name for name in action_manager._shortcuts if name.startswith(_PREFIX)]


def _bound(name: str) -> list[KeyBinding | str]:
    return list(action_manager._shortcuts.get(name, []))


def _wanted_keys(command: Command) -> list[KeyBinding]:
    """Give the keys that the user chose in napari's preferences; else the command's own."""
    chosen = get_settings().shortcuts.shortcuts.get(_PREFIX + command.id)
    if chosen is not None:
        return list(chosen)
    return [coerce_keybinding(command.key)] if command.key else []


def _runner(command: Command) -> Callable[[ViewerModel], None]:
    def run(viewer: ViewerModel) -> None:
        for controller in list(_controllers):
            if controller.viewer is viewer:
                command.run(controller)

    run.__name__ = f"tavis_{command.id}"
    return run
