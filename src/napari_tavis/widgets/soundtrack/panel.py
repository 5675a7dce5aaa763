"""The panel below the canvas: waveform, log-mel picture, and where each object sounds."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_tavis.widgets.controller import AnnotationController


class SoundtrackPanel(QWidget):
    """Shows the soundtrack, and seeks and plays in it.

    Parameters
    ----------
    controller : AnnotationController
        The open video and its annotation.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, controller: AnnotationController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
