from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import napari_tavis.widgets.reader, napari_tavis.widgets.sample_data
assert "pyqtgraph" not in sys.modules, "pyqtgraph is imported when the plugin is discovered"
from napari import Viewer
from qtpy.QtWidgets import QApplication
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock
viewer = Viewer(show=True)
add_dock(viewer)
for _ in range(50):
    QApplication.processEvents()
assert "torch" not in sys.modules, "torch is imported before it is needed"
from napari_tavis.engine.local import import_torch
import_torch()
from napari_tavis.model import TAViS
TAViS.from_preset("toy")
viewer.close()
print("imported")
"""


@pytest.mark.gui
def test_pyqtgraph_and_torch_are_imported_late_and_torch_beside_a_window_that_draws() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300
    )
    assert "imported" in done.stdout, done.stderr
