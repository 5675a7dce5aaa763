"""The dock widget "TAViS annotation": its pages, the lines around them, and the sound's dock."""

from __future__ import annotations

import napari.viewer
import numpy as np
from magicgui.widgets import Label, PushButton
from napari.layers import Image
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QProgressBar,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_tavis.widgets.annotate_page import AnnotatePage
from napari_tavis.widgets.closing import CloseWatcher
from napari_tavis.widgets.enabling import CommandButtons
from napari_tavis.widgets.export.panel import ExportPanel
from napari_tavis.widgets.jobs import TimeLeft, describe_progress
from napari_tavis.widgets.keys import KeyHelp, take_keys
from napari_tavis.widgets.models.dialog import ModelsDialog
from napari_tavis.widgets.napari_compat import open_preferences, unwrapped
from napari_tavis.widgets.project.queue_panel import QueuePanel
from napari_tavis.widgets.project.statistics_page import StatisticsPage
from napari_tavis.widgets.reader import DOCK
from napari_tavis.widgets.soundtrack.panel import SoundtrackPanel
from napari_tavis.widgets.workbench import Workbench

_WIDTH = 345  # least width of the dock, in pixels
_CAUTION, _ALARM = "#8a5a00", "#a02020"  # under a notice: something to know; nothing is saved
_PAGES = {
    "Annotate": "The open video: segment it, and correct its objects.",
    "Queue": "A folder or list of videos to work through.",
    "Export": "Write what was accepted as a dataset.",
    "Statistics": "How far the set of videos is, and how much was corrected.",
}


class AnnotationDock(QWidget):
    """Segments what sounds in a video, shows it as layers, and exports what was corrected.

    Attributes
    ----------
    workbench : Workbench
        Does what the buttons say.
    controller : AnnotationController
        The workbench's: the open video and its session.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.setObjectName(DOCK)
        self._viewer = unwrapped(viewer)
        self.workbench = Workbench(self._viewer)
        self.controller = self.workbench.controller
        take_keys(self.workbench)
        self._buttons = CommandButtons(self.workbench)
        self._models_dialog: ModelsDialog | None = None
        self.annotate = AnnotatePage(self.workbench)
        self.queue = QueuePanel(self.workbench)
        self.export = ExportPanel(self.workbench)
        self.statistics = StatisticsPage(self.workbench)
        self.footer = Footer(self.workbench)
        self._sound = SoundDock(self._viewer, self.workbench)
        self._arrange()
        self._connect()
        self.workbench.opener.adopt_shown()
        QTimer.singleShot(0, _make_first_layer)

    # -- building --------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        pages = (self.annotate, self.queue, self.export, self.statistics)
        for page, (title, tip) in zip(pages, _PAGES.items(), strict=True):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
        self.keys = QToolButton()
        self.keys.setText("Keys")
        self.keys.setAutoRaise(True)
        self.keys.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setCornerWidget(self.keys)
        self.notice = QLabel()
        self.notice.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notice)
        layout.addWidget(self.tabs, stretch=1)
        layout.addWidget(self.footer)
        self.setMinimumWidth(_WIDTH)

    def _connect(self) -> None:
        self.controller.asked.connect(self._on_asked)
        self.workbench.display.follow(
            lambda shown: (shown.notice, shown.saves), lambda said: self._show_notice(*said)
        )
        self._buttons.bind(self.keys, "show_keys")
        settings, models = self.annotate.settings, self.workbench.models
        models.models_changed.connect(settings.refresh_models)
        models.chosen.connect(settings.choose_model)
        models.jobs.progressed.connect(settings.show_download)
        models.jobs.busy_changed.connect(lambda busy: settings.show_download())
        self._close_watcher = CloseWatcher(self, self.workbench)

    def close_session(self) -> None:
        """Cancel running work, save, and let go of the viewer; as when the dock is closed."""
        self._close_watcher.close()

    # -- what is shown ---------------------------------------------------------------------

    def show_keys(self) -> KeyHelp:
        """Show the help panel with all keys."""
        help_panel = KeyHelp(lambda: open_preferences(self._viewer), self)
        help_panel.show()
        return help_panel

    def show_models(self) -> ModelsDialog:
        """Show the dialog with the models."""
        if self._models_dialog is None:
            self._models_dialog = ModelsDialog(self.workbench, self)
        self.annotate.settings.refresh_models()  # some may have been installed elsewhere
        self._models_dialog.show()
        self._models_dialog.raise_()
        self._models_dialog.activateWindow()
        return self._models_dialog

    def _on_asked(self, what: str) -> None:
        if what == "show_keys":
            self.show_keys()
        elif what == "show_models":
            self.show_models()
        elif what == "improve_model":
            self.show_models().show_improve()
        elif what in {"add_object", "rename", "merge"}:
            self.tabs.setCurrentWidget(self.annotate)

    def _show_notice(self, notice: str | None, saves: bool) -> None:
        """Show above all pages what the user must know of the session, for as long as it is so."""
        self.notice.setVisible(notice is not None)
        self.notice.setText(notice or "")
        ground = _CAUTION if saves else _ALARM
        self.notice.setStyleSheet(f"background: {ground}; color: white; padding: 4px;")


class Footer(QWidget):
    """Shows what was done or is being done, how long it takes, and *Cancel*."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        controller = workbench.controller
        self._buttons = CommandButtons(workbench)
        self._time_left = TimeLeft()
        self.message = Label(value="")
        self.message.native.setWordWrap(True)
        self.message.native.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred
        )
        self.cancel = PushButton(text="Cancel", visible=False)
        self.cancel.native.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setVisible(False)
        line = QHBoxLayout()
        line.addWidget(self.message.native, stretch=1)
        line.addWidget(self.cancel.native)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.setSpacing(3)
        layout.addWidget(self.progress)
        layout.addLayout(line)
        self._buttons.bind(self.cancel.native, "cancel")
        controller.said.connect(self._say)
        controller.jobs.progressed.connect(self._on_progress)
        workbench.display.follow(lambda shown: shown.busy, self._show_busy)

    def _show_busy(self, busy: bool) -> None:
        self._time_left = TimeLeft()
        self.progress.setRange(0, 0)
        self.progress.setVisible(busy)
        self.cancel.visible = busy

    def _say(self, sentence: str) -> None:
        self.message.value = sentence

    def _on_progress(self, done: int, total: int, what: str) -> None:
        self.progress.setRange(0, max(total, 0))
        self.progress.setValue(done)
        left = self._time_left.update(done, total, what)
        self._say(describe_progress(done, total, what, left))


class SoundDock:
    """Puts the soundtrack panel below the picture, and takes it away with the workbench."""

    def __init__(self, viewer: napari.viewer.Viewer, workbench: Workbench) -> None:
        self.panel = SoundtrackPanel(workbench)
        self._dock: QDockWidget | None = viewer.window.add_dock_widget(
            self.panel, name="Soundtrack", area="bottom", add_vertical_stretch=False
        )
        self._window = viewer.window
        main = self._dock.parent()
        if isinstance(main, QMainWindow):
            # The side docks keep the window's whole height; the sound lies below the picture.
            main.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
            main.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        workbench.controller.closing.connect(self._on_closing)

    def _on_closing(self, window_stays: bool) -> None:
        dock, self._dock = self._dock, None
        if window_stays and dock is not None and dock.widget() is not None:
            self._window.remove_dock_widget(dock)


def _make_first_layer() -> None:
    """Make a layer that nobody sees.

    With its first layer napari reads a table of units, which takes half a second: not when a
    video is dropped, then.
    """
    Image(np.zeros((1, 1)))
