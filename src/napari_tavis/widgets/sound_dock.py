"""Puts the soundtrack panel below the canvas, in a dock of its own."""

from __future__ import annotations

import napari.viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_tavis.widgets.soundtrack.panel import SoundtrackPanel
from napari_tavis.widgets.workbench import Workbench

_NAME = "Soundtrack"


class SoundDock:
    """Adds the soundtrack panel to a window, and takes it away with the workbench.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer.
    workbench : Workbench
        The open video and its player.
    """

    def __init__(self, viewer: napari.viewer.Viewer, workbench: Workbench) -> None:
        self.panel = SoundtrackPanel(workbench)
        self._dock: QDockWidget | None = viewer.window.add_dock_widget(
            self.panel, name=_NAME, area="bottom", add_vertical_stretch=False
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
