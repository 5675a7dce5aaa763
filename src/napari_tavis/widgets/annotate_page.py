"""The dock's page *Annotate*: the video, its objects, its frames, and their correction."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import PushButton
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_tavis.core.errors import TavisError
from napari_tavis.core.home import home
from napari_tavis.weights.licences import licences_of_file
from napari_tavis.widgets.correction.panel import CorrectionPanel
from napari_tavis.widgets.enabling import CommandButtons
from napari_tavis.widgets.forms import SettingsForm, path_of
from napari_tavis.widgets.frame_strip import FrameStrip
from napari_tavis.widgets.jobs import report_error
from napari_tavis.widgets.models.consent import with_consent
from napari_tavis.widgets.object_panel import ObjectPanel
from napari_tavis.widgets.shown import Frames
from napari_tavis.widgets.workbench import Workbench


class AnnotatePage(QScrollArea):
    """Everything that concerns the open video."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench, self._controller = workbench, workbench.controller
        self._buttons = CommandButtons(workbench)
        self.settings = SettingsForm(self._controller.engine.models)
        self.segment = PushButton(text="Segment")
        self.objects = ObjectPanel(workbench)
        self.where = QLabel()
        self.strip = FrameStrip()
        self.previous = PushButton(text="◀")
        self.next = PushButton(text="▶")
        self.correction = CorrectionPanel(workbench)
        self._arrange()
        self._connect()
        self._on_settings()

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.details = QCollapsible("", collapsedIcon="▸", expandedIcon="▾")
        self.details.setDuration(0)
        self.details.addWidget(self.settings.details.native)
        self.details.setToolTip("Model, device, frames per second and classes.")
        toggle = self.details.toggleButton()
        toggle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        toggle.setFlat(True)
        toggle.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.details.setContentsMargins(0, 0, 0, 0)
        self.where.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(5)
        layout.addWidget(self.settings.video_row.native)
        layout.addWidget(self.details)
        layout.addWidget(self.segment.native)
        layout.addWidget(_line())
        layout.addWidget(self.objects, stretch=1)
        layout.addWidget(_line())
        walk = QHBoxLayout()
        walk.addWidget(self.where, stretch=1)
        for button in (self.previous, self.next):
            button.native.setFixedWidth(36)
            walk.addWidget(button.native)
        layout.addLayout(walk)
        layout.addWidget(self.strip)
        layout.addWidget(_line())
        layout.addWidget(self.correction)
        for button in (self.settings.models, self.segment, self.previous, self.next):
            button.native.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys stay with the picture
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def _connect(self) -> None:
        self.settings.video.changed.connect(self._on_video_chosen)
        self.settings.details.changed.connect(self._on_settings)
        self._buttons.bind(self.settings.models.native, "show_models")
        self._buttons.bind(self.segment.native, "segment")
        self._buttons.bind(self.previous.native, "previous_sampled")
        self._buttons.bind(self.next.native, "next_sampled")
        self.strip.clicked.connect(self._controller.navigation.go_to)
        self._controller.asked.connect(self._on_asked)
        display = self._workbench.display
        display.follow(lambda shown: shown.video, self._show_video)
        display.follow(lambda shown: shown.frames, self._show_frames)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Leave the arrow keys to the viewer, too."""
        event.ignore()

    # -- what the user does ----------------------------------------------------------------

    def _on_video_chosen(self) -> None:
        path = path_of(self.settings.video)
        if path is not None and path.is_file() and path != self._workbench.display.shown.video:
            self._workbench.opener.open(path)

    def _on_settings(self) -> None:
        """Keep the controller's options as the form says; what is missing is reported later."""
        self.details.setText(self.settings.summary())
        try:
            self._controller.options = self.settings.read()
        except TavisError:
            return

    def _on_asked(self, what: str) -> None:
        if what == "segment":
            self._on_segment()

    def _on_segment(self) -> None:
        try:
            self._controller.options = self.settings.read()
        except TavisError as error:
            report_error(error)
        else:
            licences = licences_of_file(self._controller.options.model)
            with_consent(licences, home(), self._workbench.objects.segment, self)

    # -- what is shown ---------------------------------------------------------------------

    def _show_video(self, video: Path | None) -> None:
        if video is not None and self.settings.video.value != video:
            self.settings.video.value = video

    def _show_frames(self, frames: Frames) -> None:
        short = frames.place.partition(" · ")[2] or "No video"  # the time is on the picture
        self.where.setText(short if frames.here is None else f"{short} · {frames.here}")
        self.where.setToolTip(frames.place)
        self.strip.show_frames(frames.count, frames.current, frames.sampled, frames.statuses)


def _line() -> QFrame:
    """Draw a thin line between two parts."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setFixedHeight(1)
    line.setStyleSheet("background: palette(mid); border: none;")
    return line
