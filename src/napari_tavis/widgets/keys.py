"""Gives the commands their keys.

The keys are listed in napari's preferences under "Viewer key bindings", and can be changed
there. A key that napari uses itself is never taken: the command then has none until the user
gives it one.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

from app_model.types import KeyBinding
from napari.components import ViewerModel

from napari_tavis.widgets import napari_compat as compat
from napari_tavis.widgets.commands import COMMANDS, Command
from napari_tavis.widgets.workbench import Workbench

_SHARED = {"undo", "redo"}
"""Commands that do for all layers what napari's same keys do for one."""

_open: weakref.WeakSet[Workbench] = weakref.WeakSet()
"""The open workbenches. napari has one action manager for all viewers, and hands an action its
viewer only; here the viewer's workbench is found."""


def take_keys(workbench: Workbench) -> None:
    """Let a viewer's keys do what the commands say, until its workbench closes."""
    _open.add(workbench)
    taken = compat.keys_of_napari()
    for command in COMMANDS.values():
        compat.register_action(command.id, command.title, _runner(command))
        for key in _wanted_keys(command):
            if command.id in _SHARED or key not in taken:
                compat.bind_action(command.id, key)
    workbench.controller.closing.connect(lambda window_stays: _give_back(workbench))
    workbench.changed.emit()  # tooltips name the keys


def _give_back(workbench: Workbench) -> None:
    """Take the keys away again, if no other viewer has a workbench."""
    _open.discard(workbench)
    if not _open:
        for name in COMMANDS:
            compat.unbind_action(name)


def _wanted_keys(command: Command) -> list[KeyBinding]:
    """Give the keys that the user chose in napari's preferences; else the command's own."""
    chosen = compat.chosen_keys(command.id)
    if chosen is not None:
        return chosen
    return [compat.key(command.key)] if command.key else []


def _runner(command: Command) -> Callable[[ViewerModel], None]:
    def run(viewer: ViewerModel) -> None:
        for workbench in list(_open):
            if workbench.viewer is viewer:
                command.run(workbench)

    return run
