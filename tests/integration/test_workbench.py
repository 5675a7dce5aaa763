"""Open, segment, click, paint, propagate, accept, be killed, resume, export, validate."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.viewer import Viewer

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.datasets.avsbench import open_dataset, validate
from napari_tavis.lab.demo import DEMO_SEED
from napari_tavis.lab.toyworld import sample_scene, write_scene_video
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock

pytestmark = pytest.mark.gui

SCRIPT = Path(__file__).with_name("annotator_process.py")
SPEC = importlib.util.spec_from_file_location("annotator_process", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
annotator = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(annotator)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A video that somebody worked on until the process was killed, and what was saved last."""
    folder = tmp_path_factory.mktemp("killed")
    scene = sample_scene(DEMO_SEED, count=3, sounding=2)
    video = write_scene_video(scene, folder / "demo.mp4")
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(video)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = next((text for text in process.stdout if text.startswith("{")), None)
    if line is None:
        _, errors = process.communicate(timeout=60)
        pytest.fail(f"nobody could work:\n{errors}")
    for _ in range(3):  # strokes are saved, and others under way
        assert process.stdout.readline() == "saved\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return video, json.loads(line)


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer: Viewer) -> Iterator[AnnotationDock]:
    dock = add_dock(viewer)
    yield dock
    dock.close_session()


@pytest.mark.slow
def test_nothing_that_was_saved_is_lost(killed: tuple[Path, dict[str, Any]]) -> None:
    video, before = killed
    session = AnnotationSession.open(video, read_only=True)
    assert not session.warnings
    found = json.loads(json.dumps(annotator.content(session)))
    chosen = str(before["chosen"])
    painted = str(session.frame_indices[1])
    for number, (class_name, state, frames) in before["content"].items():
        assert found[number][:2] == [class_name, state]
        for frame, record in frames.items():
            if (number, frame) != (chosen, painted):  # there, strokes went on until the end
                assert found[number][2][frame] == record
    assert found[chosen][2][painted][0] == str(FrameStatus.EDITED)
    assert found[chosen][2][painted][1] != before["content"][chosen][2][painted][1]


def test_what_was_done_has_the_status_it_should(killed: tuple[Path, dict[str, Any]]) -> None:
    video, before = killed
    session = AnnotationSession.open(video, read_only=True)
    chosen = int(before["chosen"])
    first, second, *others = session.frame_indices.tolist()
    assert session.status(chosen, first) is FrameStatus.ACCEPTED
    assert session.status(chosen, second) is FrameStatus.EDITED
    assert session.mask(chosen, second)[30, 60:160].all()
    propagated = [session.status(chosen, frame) for frame in others]
    assert FrameStatus.PROPOSED in propagated


def test_work_goes_on_where_it_was_killed(
    killed: tuple[Path, dict[str, Any]], dock: AnnotationDock, tmp_path: Path, qtbot
) -> None:
    video, before = killed
    again = Path(shutil.copy(video, tmp_path / video.name))
    shutil.copy(f"{video}.tavis", f"{again}.tavis")
    controller = dock.controller
    dock.workbench.opener.open(again)
    qtbot.waitUntil(lambda: controller.session is not None, timeout=60_000)
    session = controller.session
    assert session is not None
    assert not session.read_only
    controller.choose(int(before["chosen"]))
    dock.annotate.objects.accept_object.click()
    root = tmp_path / "dataset"
    export(dock, root)
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=120_000)
    assert validate(root) == []
    (clip,) = open_dataset(root, "v1m", "train")
    accepted = session.mask(int(before["chosen"]), int(session.frame_indices[1]))
    assert clip.class_map is not None
    assert (clip.class_map[1] > 0)[accepted].mean() > 0.95


def export(dock: AnnotationDock, root: Path) -> None:
    """Export the open clip on the page *Export*."""
    dock.tabs.setCurrentWidget(dock.export)
    form = dock.export.form
    form.folder.setText(str(root))
    form.subset.setCurrentIndex(form.subset.findData("v1m"))
    form.split.setCurrentIndex(form.split.findData("train"))
    form.proposals.setChecked(True)
    dock.export.export.click()
