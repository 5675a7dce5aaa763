"""Whether a napari window can be opened here: asked before the demo and the GUI tests try."""

from __future__ import annotations

import os
import subprocess
import sys

_PROBE = """
from qtpy.QtGui import QGuiApplication, QOpenGLContext
application = QGuiApplication([])
raise SystemExit(0 if QOpenGLContext().create() else "OpenGL is missing")
"""


def display_problem() -> str | None:
    """Give the reason why no napari window can be opened, as part of a sentence; None if one can.

    Qt ends the whole process where it finds no usable display, so a process of its own tries.
    """
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "there is no display"
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=120
        )
    except subprocess.TimeoutExpired:
        return "the display does not answer"
    if probe.returncode == 0:
        return None
    lines = probe.stderr.strip().splitlines() or ["it ended without a word"]
    why = lines[-1] if probe.returncode == 1 else lines[0]  # Python's error; Qt's first complaint
    return f"Qt cannot open a window ({why})"
