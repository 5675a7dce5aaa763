"""Open a video in napari, segment it, paint a correction, and export it: the whole product."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from napari.viewer import Viewer
from PIL import Image

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.core.vocabulary import class_index
from napari_tavis.datasets.avsbench import open_dataset, validate
from napari_tavis.lab.demo import DEMO_SEED
from napari_tavis.lab.toyworld import heard_classes, sample_scene
from napari_tavis.model import TAViS, save_checkpoint
from napari_tavis.widgets.dock import AnnotationDock

pytestmark = pytest.mark.gui

DOCK = "TAViS annotation"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy model that has learnt nothing: it finds something, somewhere."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    return save_checkpoint(TAViS.from_preset("toy"), path)


@pytest.fixture
def video(toy_video: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(toy_video, tmp_path / "someone plays.mp4"))


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer: Viewer) -> Iterator[AnnotationDock]:
    """The dock widget as the Plugins menu opens it."""
    _, dock = viewer.window.add_plugin_dock_widget("napari-tavis", DOCK)
    yield dock
    dock.close_session()


@pytest.fixture
def finish(qtbot) -> Callable[[AnnotationDock], None]:
    def wait(dock: AnnotationDock) -> None:
        qtbot.waitUntil(lambda: not dock.controller.jobs.busy, timeout=120_000)

    return wait


def test_from_a_video_to_an_avsbench_folder(
    viewer: Viewer,
    dock: AnnotationDock,
    video: Path,
    checkpoint: Path,
    tmp_path: Path,
    finish: Callable[[AnnotationDock], None],
) -> None:
    viewer.open(video, plugin="napari-tavis")
    finish(dock)
    assert dock.annotate.settings.video.value == video
    assert dock.annotate.segment.enabled

    dock.annotate.settings.choose_checkpoint(checkpoint)
    dock.annotate.settings.device.value = "cpu"
    dock.annotate.segment.native.click()
    assert not dock.annotate.segment.enabled
    assert dock.footer.cancel.enabled
    finish(dock)
    session = dock.controller.session
    objects = [item for item in session.objects if item.kind == "object"]
    assert objects, "even an untrained model proposes something"
    names = [layer.name for layer in viewer.layers]
    assert set(names) >= {item.class_name for item in objects}
    assert len(viewer.layers) == 1 + len(session.objects)
    assert len(session.frame_indices) == 5

    first = objects[0]
    frame = int(session.frame_indices[2])
    before = session.mask(first.object_id, frame)
    dock.controller.choose(first.object_id)
    dock.controller.navigation.go_to(frame)
    layer = viewer.layers.selection.active
    layer.brush_size = 20
    layer.paint((frame, 30, 30), 1)
    layer.paint((frame, 30, 40), 0)
    layer.undo()
    dock.annotate.objects.accept_frame.click()
    painted = session.mask(first.object_id, frame)
    assert painted[30, 30]
    assert painted[before].all()
    assert session.status(first.object_id, frame) is FrameStatus.ACCEPTED

    root = tmp_path / "dataset"
    form = dock.export.form
    form.folder.setText(str(root))
    form.subset.setCurrentIndex(form.subset.findData("v1m"))
    form.split.setCurrentIndex(form.split.findData("train"))
    form.proposals.setChecked(True)
    dock.export.export.click()
    finish(dock)
    assert validate(root) == []

    (clip,) = open_dataset(root, "v1m", "train")
    index = known_index(first.class_name)
    exported = clip.class_map[2] == index
    assert exported[30, 30]
    assert exported.mean() == pytest.approx(painted.mean(), abs=0.25)
    folder = next((root / "v1m").iterdir())
    with Image.open(folder / "labels_semantic" / "2.png") as picture:
        assert np.asarray(picture)[30, 30] == index

    reopened = AnnotationSession.open(video)
    np.testing.assert_array_equal(reopened.mask(first.object_id, frame), painted)


@pytest.mark.slow
def test_the_bundled_model_finds_what_sounds_in_the_sample_clip(
    qtbot,
    viewer: Viewer,
    dock: AnnotationDock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    finish: Callable[[AnnotationDock], None],
) -> None:
    monkeypatch.setenv("NAPARI_TAVIS_SAMPLES", str(tmp_path))
    viewer.open_sample("napari-tavis", "toy-clip")
    qtbot.waitUntil(lambda: dock.controller.clip is not None, timeout=60_000)
    finish(dock)
    dock.annotate.segment.native.click()
    finish(dock)
    objects = dock.controller.session.objects
    found = {item.class_name for item in objects if item.kind == "object"}
    scene = sample_scene(DEMO_SEED, count=3, sounding=2)
    assert found == set(heard_classes(scene))


def known_index(class_name: str) -> int:
    index = class_index(class_name)
    assert index is not None
    return index


def last_notification() -> str:
    from napari.utils.notifications import notification_manager

    return notification_manager.records[-1].message


def test_running_again_keeps_what_was_edited(
    viewer: Viewer,
    dock: AnnotationDock,
    video: Path,
    checkpoint: Path,
    finish: Callable[[AnnotationDock], None],
) -> None:
    dock.annotate.settings.video.value = video
    finish(dock)
    dock.annotate.settings.choose_checkpoint(checkpoint)
    dock.annotate.segment.native.click()
    finish(dock)
    session = dock.controller.session
    first = session.objects[0]
    frame = int(session.frame_indices[0])
    dock.controller.layers.layer(first.object_id).paint((frame, 5, 5), 1)
    dock.annotate.segment.native.click()
    finish(dock)
    assert session.mask(first.object_id, frame)[5, 5]
    assert session.status(first.object_id, frame) is FrameStatus.EDITED


def what_is_shown(viewer: Viewer, dock: AnnotationDock) -> dict[str, object]:
    """Everything of the session that the window shows, masks included."""
    controller, table = dock.controller, dock.annotate.objects.table
    session = controller.session
    numbers = [item.object_id for item in session.objects if item.takes_part]
    layers = {number: controller.layers.layer(number) for number in numbers}
    assert all(layer in viewer.layers for layer in layers.values())
    assert len(viewer.layers) == 1 + len(layers)
    listed = [one for one in session.objects if table.row_of(one.object_id) is not None]
    assert table.rowCount() == len(listed)
    masks = {
        (number, frame): session.mask(number, frame).tobytes()
        for number in numbers
        for frame in session.annotated_frames(number)
    }
    for (number, frame), mask in masks.items():
        assert layers[number].data[frame].astype(bool).tobytes() == mask
    return {
        "objects": [one.bare() for one in session.objects],
        "statuses": {number: session.statuses(number) for number in numbers},
        "layers": {number: layer.name for number, layer in layers.items()},
        "list": [one.object_id for one in listed],
        "masks": masks,
        "sampled": controller.navigation.sampled,
        "marks": controller.navigation.describe(),
    }


@pytest.mark.slow
def test_segmenting_again_is_undone_and_done_again_as_a_whole(
    viewer: Viewer,
    dock: AnnotationDock,
    video: Path,
    checkpoint: Path,
    finish: Callable[[AnnotationDock], None],
) -> None:
    controller = dock.controller
    dock.annotate.settings.video.value = video
    finish(dock)
    dock.annotate.settings.choose_checkpoint(checkpoint)
    dock.annotate.segment.native.click()
    finish(dock)
    first = next(one for one in controller.session.objects if one.kind == "object")
    frame = int(controller.session.frame_indices[1])
    controller.choose(first.object_id)
    controller.navigation.go_to(frame)
    proposed = what_is_shown(viewer, dock)
    controller.layers.layer(first.object_id).paint((frame, 5, 5), 1)
    controller.collect_edits()
    painted = what_is_shown(viewer, dock)
    assert painted != proposed

    dock.annotate.settings.fps.value = 2
    dock.annotate.segment.native.click()
    finish(dock)
    controller.navigation.go_to(frame)
    again = what_is_shown(viewer, dock)
    assert len(again["sampled"]) == 2 * len(painted["sampled"])

    controller.undo()
    controller.navigation.go_to(frame)
    assert dock.footer.message.value == "Undone: Segment."
    assert what_is_shown(viewer, dock) == painted
    controller.undo()
    assert what_is_shown(viewer, dock) == proposed
    controller.undo()
    assert dock.footer.message.value == "Nothing to undo."
    controller.redo()
    controller.redo()
    controller.navigation.go_to(frame)
    assert dock.footer.message.value == "Done again: Segment."
    assert what_is_shown(viewer, dock) == again
    controller.redo()
    assert dock.footer.message.value == "Nothing to redo."


def test_cancelling_leaves_everything_as_it_was(
    viewer: Viewer,
    dock: AnnotationDock,
    video: Path,
    checkpoint: Path,
    finish: Callable[[AnnotationDock], None],
) -> None:
    dock.annotate.settings.video.value = video
    finish(dock)
    dock.annotate.settings.choose_checkpoint(checkpoint)
    dock.annotate.segment.native.click()
    dock.footer.cancel.native.click()
    finish(dock)
    assert dock.controller.session is None
    assert len(viewer.layers) == 1
    assert dock.annotate.segment.enabled
    assert dock.footer.message.value == "Cancelled."


def test_closing_the_window_ends_the_work(
    qtbot, viewer: Viewer, dock: AnnotationDock, video: Path, checkpoint: Path, finish
) -> None:
    dock.annotate.settings.video.value = video
    finish(dock)
    dock.annotate.settings.choose_checkpoint(checkpoint)
    dock.annotate.segment.native.click()
    jobs = dock.controller.jobs
    viewer.window.close()
    qtbot.waitUntil(lambda: not jobs.busy, timeout=60_000)
    assert not AnnotationSession.default_path(video).exists()


def test_a_silent_video_says_so_and_can_be_annotated_by_hand(
    viewer: Viewer,
    dock: AnnotationDock,
    silent_video: Path,
    checkpoint: Path,
    tmp_path: Path,
    finish: Callable[[AnnotationDock], None],
) -> None:
    video = Path(shutil.copy(silent_video, tmp_path / "silent.mp4"))
    dock.annotate.settings.video.value = video
    finish(dock)
    dock.annotate.settings.choose_checkpoint(checkpoint)
    dock.annotate.segment.native.click()
    finish(dock)
    assert "soundtrack" in last_notification()
    dock.annotate.objects.new_class.setText("drum")
    dock.annotate.objects.add.click()
    assert [item.class_name for item in dock.controller.session.objects] == ["drum"]


@pytest.mark.parametrize("content", [b"", b"this is no video " * 100])
def test_what_is_not_a_video_is_said_and_nothing_breaks(
    viewer: Viewer, dock: AnnotationDock, tmp_path: Path, content: bytes, finish
) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    viewer.open(path, plugin="napari-tavis")
    finish(dock)
    assert "notes.mp4" in last_notification()
    assert len(viewer.layers) == 0
    dock.annotate.settings.video.value = path
    finish(dock)
    assert "notes.mp4" in last_notification()
    assert not dock.annotate.segment.enabled


def test_an_unknown_checkpoint_is_said(
    viewer: Viewer, dock: AnnotationDock, video: Path, tmp_path: Path, finish
) -> None:
    dock.annotate.settings.video.value = video
    finish(dock)
    dock.annotate.settings.choose_checkpoint(tmp_path / "missing.safetensors")
    dock.annotate.segment.native.click()
    finish(dock)
    assert "missing.safetensors" in last_notification()
    assert dock.annotate.segment.enabled
