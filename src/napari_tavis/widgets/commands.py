"""What can be done by key: each panel's commands, in one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController


@dataclass(frozen=True)
class Command:
    """Something that can be done by key.

    Parameters
    ----------
    id : str
        Its name within the plugin, such as ``accept_frame``.
    title : str
        What it does, in a few words; shown in the help panel and in napari's preferences.
    key : str or None
        The key it has unless the user gives it another one, such as ``Ctrl+Shift+Z``.
    run : callable
        Called with the controller.
    tooltip : str
        What it does, in a sentence.
    """

    id: str
    title: str
    key: str | None
    run: Callable[[AnnotationController], None]
    tooltip: str = ""


def gather_commands() -> dict[str, tuple[Command, ...]]:
    """Give all commands by the part of the dock they belong to, in the order they are shown."""
    from napari_tavis.widgets import correction, dock_commands, export, object_actions, project
    from napari_tavis.widgets.soundtrack import panel as soundtrack

    groups = {
        "Objects": (*object_actions.COMMANDS, *dock_commands.COMMANDS),
        "Correct": _of(correction.panel),
        "Sound": _of(soundtrack),
        "Queue": (*_of(project.queue_panel), *_of(project.statistics_page)),
        "Export": _of(export.panel),
    }
    return {title: commands for title, commands in groups.items() if commands}


def _of(module: object) -> tuple[Command, ...]:
    return tuple(getattr(module, "COMMANDS", ()))
