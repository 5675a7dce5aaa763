"""The slider that cuts an object's proposed masks anew, out of the kept logits."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from napari_tavis.annotation.objects import DEFAULT_THRESHOLD
from napari_tavis.widgets.enabling import allow
from napari_tavis.widgets.workbench import Workbench

_TIP = (
    "Probability above which a pixel belongs to the object. Lower: larger masks. Cuts all "
    "proposed frames of the object anew, at once; edited and accepted ones stay as they are."
)
_RESET_TIP = "Back to 0.5, where the model itself cuts."


class ThresholdSlider(QWidget):
    """Moves the threshold of the chosen object.

    Parameters
    ----------
    controller : AnnotationController
        The session.
    parent : QWidget, optional
        Qt's parent.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._controller = workbench, workbench.controller
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, 99)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.value = QLabel()
        self.value.setMinimumWidth(28)
        self.reset = QToolButton()
        self.reset.setText("↺")
        self.reset.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(QLabel("Threshold"))
        layout.addWidget(self.slider, stretch=1)
        layout.addWidget(self.value)
        layout.addWidget(self.reset)
        self.slider.valueChanged.connect(self._on_moved)
        self.reset.clicked.connect(lambda: self.slider.setValue(round(DEFAULT_THRESHOLD * 100)))

    def refresh(self) -> None:
        """Show the chosen object's threshold, and whether it can be moved."""
        session, chosen = self._controller.session, self._controller.chosen
        threshold, reason = DEFAULT_THRESHOLD, self._controller.obstacle
        if session is not None and chosen is not None:
            threshold = session.threshold(chosen)
            if reason is None and not session.has_logits(chosen):
                reason = (
                    "This object has no proposed frame to cut anew: all are edited or accepted, "
                    "or were made without the model."
                )
        elif reason is None:
            reason = "Select an object first."
        allow(self.slider, _TIP, reason)
        at_default = "It is there." if threshold == DEFAULT_THRESHOLD else None
        allow(self.reset, _RESET_TIP, reason or at_default)
        self.slider.blockSignals(True)
        self.slider.setValue(round(threshold * 100))
        self.slider.blockSignals(False)
        self.value.setText(f"{threshold:.2f}")

    def _on_moved(self, value: int) -> None:
        self._workbench.objects.set_threshold(value / 100)
