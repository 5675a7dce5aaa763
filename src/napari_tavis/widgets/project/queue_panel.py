"""The set of videos one works through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_tavis.widgets.controller import AnnotationController

COMMANDS: tuple[object, ...] = ()


class QueuePanel(QWidget):
    """The set of videos one works through."""

    def __init__(self, controller: AnnotationController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
