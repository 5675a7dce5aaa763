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
