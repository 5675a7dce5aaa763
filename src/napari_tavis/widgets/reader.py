"""napari's reader of video files: drag and drop gives an Image layer of lazily decoded frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import napari
from napari.layers import Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QEventLoop, Qt, QThread, QTimer
from qtpy.QtWidgets import QApplication, QMainWindow, QProgressDialog, QWidget

from napari_tavis.media import Clip, open_clip
from napari_tavis.project.listing import VIDEO_SUFFIXES
from napari_tavis.widgets.jobs import JobRunner, report_error
from napari_tavis.widgets.napari_compat import main_window

LayerData: TypeAlias = list[tuple[Any, ...]]

CLIP_KEY = "napari_tavis_clip"  # where the metadata of a video's Image layer keep its `Clip`
DOCK = "napari_tavis_dock"  # Qt's object name of the dock widget
_NOTHING: LayerData = [(None,)]  # napari's mark for "nothing to show"
_PATIENCE_MS = 400  # how long a file is opened before a dialog shows that


def get_reader(path: str | Sequence[str]) -> Callable[[Any], LayerData] | None:
    """Give the reader for what was dropped into napari; None where it is no video by its name."""
    paths = [path] if isinstance(path, str) else list(path)
    if not all(Path(one).suffix.lower() in VIDEO_SUFFIXES for one in paths):
        return None
    return read_videos


def read_videos(path: str | Sequence[str]) -> LayerData:
    """Read videos as Image layers.

    napari wants the layers at once, and a file may take seconds. Where the window has our dock,
    the dock opens the video in the background and adds the layer itself, and napari gets its mark
    for "nothing to show"; else the window waits with a dialog that can be cancelled, and is drawn
    all the time. What cannot be read is reported in a notification; the rest is read.
    """
    paths = [path] if isinstance(path, str) else list(path)
    dock = _dock()
    if dock is not None:
        for one in paths:
            dock.workbench.opener.open(one)  # type: ignore[attr-defined]
        return _NOTHING
    return read_at_once(paths)


def read_at_once(paths: Iterable[str]) -> LayerData:
    """Read videos as Image layers that are there when this returns, as napari's samples must be."""
    layers: LayerData = []
    for one in paths:
        clip = _open_waiting(one) if _has_window() else _open(one)
        if clip is not None:
            for warning in clip.warnings:
                show_warning(warning)
            layers.append(clip_layer_data(clip))
    return layers or _NOTHING


def clip_layer_data(clip: Clip) -> tuple[Any, dict[str, Any], str]:
    """Give the Image layer of an open clip, which it keeps, as napari layer data."""
    options = {"name": Path(clip.path).stem, "rgb": True, "metadata": {CLIP_KEY: clip}}
    return clip.frames, options, "image"


def clip_of(layer: Layer) -> Clip | None:
    """Give the clip that a layer shows, or None if it shows none."""
    return layer.metadata.get(CLIP_KEY)


def video_layers(layers: Iterable[Layer]) -> list[tuple[Layer, Clip]]:
    """Give the layers that show a video, the topmost last, each with its clip."""
    return [(layer, clip) for layer in layers if (clip := clip_of(layer)) is not None]


# -- opening without keeping the window from being drawn ----------------------------------------


def _has_window() -> bool:
    """Whether this is the GUI thread of a program with windows, which must not wait."""
    application = QApplication.instance()
    return isinstance(application, QApplication) and application.thread() is QThread.currentThread()


def _dock() -> QWidget | None:
    """Give our dock in the window where a file is opened, if it is certain which one that is."""
    viewer = napari.current_viewer()
    windows = [one for one in QApplication.topLevelWidgets() if isinstance(one, QMainWindow)]
    if not _has_window() or viewer is None or sum(one.isVisible() for one in windows) > 1:
        return None
    return main_window(viewer).findChild(QWidget, DOCK)


def _open(path: str) -> Clip | None:
    try:
        return open_clip(path)
    except Exception as error:
        report_error(error)
        return None


def _open_waiting(path: str) -> Clip | None:
    """Open a file in another thread; meanwhile the window is drawn, and takes nothing but Cancel.

    Nobody may begin something else in it: napari is in the middle of adding a layer.
    """
    jobs, waiting = JobRunner(), QEventLoop()
    came: list[Clip | None] = []

    def end(clip: Clip | None) -> None:
        came.append(clip)
        waiting.quit()

    def fail(error: BaseException) -> None:
        report_error(error)
        end(None)

    jobs.start(lambda task: open_clip(path, task=task), end, fail)
    QTimer.singleShot(_PATIENCE_MS, waiting, waiting.quit)
    waiting.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    if not came:
        dialog = QProgressDialog(f"Opening {Path(path).name} …", "Cancel", 0, 0, _window())
        dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
        dialog.setAutoClose(False)
        dialog.canceled.connect(jobs.cancel)
        jobs.progressed.connect(lambda done, total, what: _show(dialog, done, total))
        dialog.show()
        waiting.exec()
        dialog.close()
        dialog.deleteLater()
    jobs.close()
    return came[0]


def _show(dialog: QProgressDialog, done: int, total: int) -> None:
    dialog.setMaximum(total)
    dialog.setValue(done)


def _window() -> QWidget | None:
    viewer = napari.current_viewer()
    return None if viewer is None else main_window(viewer)
