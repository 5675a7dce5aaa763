"""The section "Correct" of the dock: prompts, propagation and repairs of the chosen object."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.media import Clip
from napari_tavis.widgets.correction.propagation import Reach, frames_between
from napari_tavis.widgets.enabling import CommandButtons
from napari_tavis.widgets.shown import Prompting
from napari_tavis.widgets.workbench import Workbench

_BUTTON_TEXTS = {
    "prompt": "Click with SAM 2",
    "prompt_from_mask": "From the mask",
    "prompt_keep": "Keep",
    "prompt_drop": "Drop",
    "prompt_undo": "Undo click",
    "propagate_backwards": "◀ Back",
    "propagate_both": "◀ Both ▶",
    "propagate_forwards": "Forward ▶",
    "copy_to_next": "Copy to next",
    "interpolate": "Interpolate",
    "clear_frame": "Clear frame",
    "fill_holes": "Fill holes",
    "remove_islands": "Drop islands",
    "back_to_proposal": "As proposed",
}
_PROMPTING = ("prompt", "prompt_from_mask")
_CONFIRMING = ("prompt_keep", "prompt_drop", "prompt_undo")
_PROPAGATING = ("propagate_backwards", "propagate_both", "propagate_forwards")
_REPAIRS = tuple(
    name for name in _BUTTON_TEXTS if name not in (*_PROMPTING, *_CONFIRMING, *_PROPAGATING)
)
_FROM = "Start of the range, in seconds: no frame before it is propagated to."
_TO = "End of the range, in seconds: no frame after it is propagated to."
_EXTENT = "How far propagation goes: to the ends of the video, or only over a part of it."
_FRAMES = (
    "Which frames are propagated to, interpolated and copied to: those that the model saw, "
    "or every frame of the video."
)


class CorrectionPanel(QWidget):
    """Buttons and settings for correcting the chosen object."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller, self.corrector = workbench.controller, workbench.correction
        self._display = workbench.display
        self._commands = CommandButtons(workbench)
        self.buttons = {name: self._button(name) for name in _BUTTON_TEXTS}
        self.buttons["prompt"].setCheckable(True)
        self.how = _text()
        self.frames = _choice(_FRAMES, {"sampled frames": False, "every frame": True})
        self.extent = _choice(_EXTENT, {"whole video": False, "from … to …": True})
        self.first = _seconds(_FROM)
        self.last = _seconds(_TO)
        self.first_here = _tool_button("⇤", "Start the range at the frame shown.")
        self.last_here = _tool_button("⇥", "End the range at the frame shown.")
        self._shown_clip: object = None  # whose length the range goes up to
        self._arrange()
        self._connect()

    # -- building --------------------------------------------------------------------------

    def _button(self, name: str) -> QPushButton:
        button = QPushButton(_BUTTON_TEXTS[name])
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays with the picture
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # may be narrow
        self._commands.bind(button, name)
        return button

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._row_of(_PROMPTING))
        layout.addWidget(self.how)
        self._confirming = QWidget()
        confirming = self._row_of(_CONFIRMING)
        confirming.setContentsMargins(0, 0, 0, 0)
        self._confirming.setLayout(confirming)
        layout.addWidget(self._confirming)
        layout.addLayout(self._row_of(_PROPAGATING))
        layout.addLayout(_row(self.frames, self.extent))
        self._range = QWidget()
        ends = _row(self.first, self.first_here, QLabel("to"), self.last, self.last_here)
        ends.setContentsMargins(0, 0, 0, 0)
        self._range.setLayout(ends)
        layout.addWidget(self._range)
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, name in enumerate(_REPAIRS):
            grid.addWidget(self.buttons[name], place // 3, place % 3)
        layout.addLayout(grid)

    def _row_of(self, names: Sequence[str]) -> QHBoxLayout:
        return _row(*(self.buttons[name] for name in names))

    def _connect(self) -> None:
        self.frames.currentIndexChanged.connect(self._on_reach)
        self.extent.currentIndexChanged.connect(self._on_reach)
        self.first.valueChanged.connect(self._on_reach)
        self.last.valueChanged.connect(self._on_reach)
        self.first_here.clicked.connect(lambda: self.first.setValue(self._time_shown()))
        self.last_here.clicked.connect(lambda: self.last.setValue(self._time_shown()))
        self.corrector.prompts.said.connect(self._on_prompt_said)
        self._display.follow(lambda shown: shown.clip, self._show_range)
        self._display.follow(lambda shown: shown.prompting, self._show_prompting)
        # A click toggles the button by itself, also where the mode has not begun.
        self.buttons["prompt"].clicked.connect(
            lambda: self._show_prompting(self._display.shown.prompting)
        )

    # -- what is shown ---------------------------------------------------------------------

    def _on_prompt_said(self, sentence: str) -> None:
        """Show what is being done, or, when nothing is, what a click means."""
        if sentence and not sentence.endswith("."):  # a task's phrase, such as "encoding frame 3"
            sentence = f"{sentence[:1].upper()}{sentence[1:]} …"
        self.how.setText(sentence or self._display.shown.prompting.instruction)

    def _show_prompting(self, prompting: Prompting) -> None:
        self.buttons["prompt"].setChecked(prompting.active)
        self._confirming.setVisible(prompting.active)
        self.how.setText(prompting.instruction)

    # -- the range -------------------------------------------------------------------------

    def _show_range(self, clip: Clip | None) -> None:
        """Reset the range to the whole of a newly opened video."""
        end = 0.0 if clip is None else float(clip.times[-1])
        for box, value in ((self.first, 0.0), (self.last, end)):
            box.setRange(0.0, round(end, 2))
            box.setValue(value)
        self._on_reach()

    def _on_reach(self) -> None:
        """Let the corrector know which frames may be written."""
        clip, every = self.controller.clip, bool(self.frames.currentData())
        limited = bool(self.extent.currentData())
        self._range.setVisible(limited)
        reach = Reach(every)
        if clip is not None and limited:
            ends = frames_between(clip.times, self.first.value(), self.last.value())
            reach = Reach(every, *ends)
        self.corrector.reach = reach

    def _time_shown(self) -> float:
        clip = self.controller.clip
        return 0.0 if clip is None else float(clip.times[self.controller.navigation.frame])


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget)
    return row


def _tool_button(text: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def _choice(tooltip: str, items: dict[str, bool]) -> QComboBox:
    box = QComboBox()
    for text, data in items.items():
        box.addItem(text, data)
    box.setToolTip(tooltip)
    box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return box


def _seconds(tooltip: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setSuffix(" s")
    box.setDecimals(2)
    box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    box.setToolTip(tooltip)
    box.setKeyboardTracking(False)
    return box


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label
