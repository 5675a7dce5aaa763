"""The *Export* page: what is written where, and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_tavis.widgets.commands import Command
    from napari_tavis.widgets.controller import AnnotationController

COMMANDS: tuple[Command, ...] = ()


class ExportPanel(QWidget):
    """Writes the open session as a dataset.

    Parameters
    ----------
    controller : AnnotationController
        The video and its session.
    parent : QWidget, optional
        As Qt has it.
    """

    def __init__(self, controller: AnnotationController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
