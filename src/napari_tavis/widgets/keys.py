"""Gives commands their keys.

The keys are listed in napari's preferences under "Viewer key bindings", and can be changed
there. A key that napari uses itself is never taken: the command then has none until the user
gives it one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

from app_model.types import KeyBinding
from napari.components import ViewerModel

from napari_tavis.widgets import napari_compat as compat
from napari_tavis.widgets.commands import Command
from napari_tavis.widgets.controller import AnnotationController

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
    taken = compat.keys_of_napari()
    for command in commands:
        compat.register_action(command.id, command.title, _runner(command))
        for key in _wanted_keys(command):
            if command.id in _SHARED or key not in taken:
                compat.bind_action(command.id, key)


def release_commands(commands: Iterable[Command], controller: AnnotationController) -> None:
    """Take the keys away again, if no other viewer has the dock."""
    _controllers.discard(controller)
    if not _controllers:
        for command in commands:
            compat.unbind_action(command.id)


def _wanted_keys(command: Command) -> list[KeyBinding]:
    """Give the keys that the user chose in napari's preferences; else the command's own."""
    chosen = compat.chosen_keys(command.id)
    if chosen is not None:
        return chosen
    return [compat.key(command.key)] if command.key else []


def _runner(command: Command) -> Callable[[ViewerModel], None]:
    def run(viewer: ViewerModel) -> None:
        for controller in list(_controllers):
            if controller.viewer is viewer:
                command.run(controller)

    return run
