"""Opens napari with the dock widget, for the command line."""

from __future__ import annotations

from pathlib import Path

import napari
from napari.viewer import Viewer

from napari_tavis.annotation import AnnotationSession
from napari_tavis.widgets.dock import AnnotationDock

DOCK_NAME = "TAViS annotation"


def add_dock(viewer: Viewer) -> AnnotationDock:
    """Add the dock widget to a viewer."""
    dock = AnnotationDock(viewer)
    viewer.window.add_dock_widget(dock, name=DOCK_NAME, area="right")
    return dock


def open_session(session_path: Path) -> None:
    """Show a saved session in a napari window, and wait until it is closed.

    Raises
    ------
    SessionError
        If the session cannot be read.
    """
    video = AnnotationSession.open(session_path, read_only=True).video
    viewer = Viewer(title="napari-tavis")
    dock = add_dock(viewer)
    dock.workbench.opener.open(video, session_path=session_path)
    napari.run()
