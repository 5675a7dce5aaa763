"""The demo: one command from a synthetic clip to a valid AVSBench folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.datasets.avsbench import validate
from napari_tavis.lab.demo import DemoResult, run_demo
from napari_tavis.media import open_clip


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return run_demo(tmp_path_factory.mktemp("demo"), device="cpu")


def test_clip_is_a_video_with_sound(result: DemoResult) -> None:
    with open_clip(result.video) as clip:
        assert clip.has_soundtrack
        assert clip.duration == pytest.approx(5, abs=0.1)


def test_what_sounds_is_found(result: DemoResult) -> None:
    session = AnnotationSession.open(result.video)
    found = {item.class_name for item in session.objects if item.kind == "object"}
    assert set(result.truth) <= found


def test_pictures_show_the_masks_on_the_frames(result: DemoResult) -> None:
    session = result.annotation.session
    assert len(result.annotation.pictures) == len(session.frame_indices) == 5
    painted = 0
    with open_clip(result.video) as clip:
        for path, index in zip(result.annotation.pictures, session.frame_indices, strict=True):
            frame = clip.frames[int(index)].astype(int)
            with Image.open(path) as picture:
                assert picture.size == frame.shape[1::-1]
                changed = np.abs(np.asarray(picture.convert("RGB")).astype(int) - frame).sum(-1) > 0
            masks = [session.mask(item.object_id, int(index)) for item in session.objects]
            painted += changed[np.any(masks, axis=0)].sum()
    assert painted > 0


def test_dataset_is_valid(result: DemoResult) -> None:
    assert result.violations == ()
    assert validate(result.dataset) == []
    assert "valid" in result.summary()


def test_running_it_again_keeps_what_a_person_did(result: DemoResult) -> None:
    session = AnnotationSession.open(result.video)
    item = next(item for item in session.objects if item.kind == "object")
    frame = int(session.frame_indices[0])
    painted = np.zeros(session.frame_size, dtype=bool)
    painted[10:40, 10:40] = True
    session.set_mask(item.object_id, frame, painted)
    session.save()
    session.close()
    again = run_demo(result.video.parent, device="cpu")
    kept = again.annotation.session
    assert kept.status(item.object_id, frame) is FrameStatus.EDITED
    np.testing.assert_array_equal(kept.mask(item.object_id, frame), painted)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the command writes; the second time, the clip is segmented already."""
    return tmp_path_factory.mktemp("command")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_it_says_so_and_ends_well(folder: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    command = [sys.executable, "-m", "napari_tavis", "demo", "--output", folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "napari was not opened: there is no display." in done.stderr
    assert "valid" in done.stdout


@pytest.mark.slow
@pytest.mark.gui
def test_with_a_display_napari_opens_on_the_result(folder: Path) -> None:
    code = """
import sys
from napari import current_viewer
from napari.qt import get_qapp
from qtpy.QtCore import QTimer
from napari_tavis.cli import main

def look() -> None:
    viewer = current_viewer()
    if viewer is not None and len(viewer.layers) >= 3:
        print("layers:", sorted(type(layer).__name__ for layer in viewer.layers))
        viewer.close()
    else:
        QTimer.singleShot(200, look)

application = get_qapp()
QTimer.singleShot(200, look)
main(["demo", "--output", sys.argv[1]])
"""
    command = [sys.executable, "-c", code, folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    layers = next(line for line in done.stdout.splitlines() if line.startswith("layers:"))
    assert "Image" in layers
    assert "Labels" in layers
