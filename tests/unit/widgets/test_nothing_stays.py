"""After the window is closed, no file, thread or process of its videos is left."""

from __future__ import annotations

import gc
import os
import sys
import threading
from pathlib import Path

import pytest
from napari.viewer import Viewer
from qtpy.QtCore import Qt

from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.napari_compat import main_window

pytestmark = [
    pytest.mark.gui,
    pytest.mark.own_window,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts by /proc"),
]


def open_files(folder: Path) -> list[str]:
    """The files in a folder that this process has open."""
    links = Path("/proc/self/fd").iterdir()
    paths = [os.readlink(link) for link in links if link.is_symlink()]
    return [path for path in paths if path.startswith(str(folder))]


def children() -> set[str]:
    """The processes that this one has started and that run still."""
    lists = Path("/proc/self/task").glob("*/children")
    found = {number for one in lists for number in one.read_text().split()}
    return {one for one in found if Path(f"/proc/{one}/cmdline").read_bytes()}


@pytest.mark.slow
def test_several_videos_were_open(
    qtbot,
    viewer: Viewer,
    dock: AnnotationDock,
    annotated_video: Path,
    other_video: Path,
    tmp_path: Path,
) -> None:
    controller = dock.controller
    threads, before = set(threading.enumerate()), children()
    for path in (annotated_video, other_video, annotated_video, other_video):
        dock.workbench.opener.open(path)
        qtbot.waitUntil(
            lambda path=path: controller.video == path and not controller.jobs.busy, timeout=60_000
        )
        controller.navigation.go_to(98)
        controller.choose(1)
        dock.annotate.correction.corrector.prompts.start()
        dock.workbench.player.play()
        qtbot.wait(50)
    window = main_window(viewer)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # the fixture closes it, too
    window.close()

    def nothing_is_left() -> bool:
        gc.collect()
        new = [one for one in threading.enumerate() if one not in threads and one.is_alive()]
        return not (open_files(tmp_path) or new or children() - before)

    qtbot.waitUntil(nothing_is_left, timeout=60_000)
