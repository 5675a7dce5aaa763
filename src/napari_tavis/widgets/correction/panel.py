"""The section "Correct" of the dock: prompts, propagation, and repairs of the chosen object."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_tavis.widgets.controller import AnnotationController


class CorrectionPanel(QWidget):
    """Corrects the chosen object.

    Parameters
    ----------
    controller : AnnotationController
        Knows the video, the session and the chosen object.
    parent : QWidget, optional
        Its parent.
    """

    def __init__(self, controller: AnnotationController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        QVBoxLayout(self)
