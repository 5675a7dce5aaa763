"""The workflow of who has a checkpoint of the authors: import it in the dock, and segment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from napari.viewer import Viewer

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.lab.benchmark.counters import peak_host_bytes
from napari_tavis.model import load_model
from napari_tavis.model.weight_names import official_name
from napari_tavis.weights.store import Store
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock
from napari_tavis.widgets.models.consent import ConsentDialog

pytestmark = pytest.mark.gui
PATIENCE = 590_000


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Store()


@pytest.fixture
def dock(make_napari_viewer: Callable[..., Viewer], store: Store) -> Iterator[AnnotationDock]:
    dock = add_dock(make_napari_viewer(show=True))
    yield dock
    dock.close_session()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The bundled toy's weights as the authors save theirs."""
    state = load_model("toy").state_dict()
    path = tmp_path / "S4.pth"
    torch.save({official_name(name): value for name, value in state.items()}, path)
    return path


@pytest.mark.slow
def test_a_checkpoint_is_imported_and_segments(
    qtbot, dock: AnnotationDock, store: Store, checkpoint: Path, toy_video: Path
) -> None:
    import_in_dialog(qtbot, dock, checkpoint)
    assert store.card("S4").licence == "TAViS MIT; ImageBind CC BY-NC-SA 4.0; SAM 2 Apache 2.0"
    session = segment(qtbot, dock, toy_video)
    assert session.model_name == "S4"
    classes = {item.class_name for item in session.objects if item.kind == "object"}
    assert classes
    dock.annotate.settings.model.value = "toy"
    session = segment(qtbot, dock, toy_video)
    assert {item.class_name for item in session.objects if item.kind == "object"} == classes


@pytest.mark.slow
def test_the_release_is_imported_and_segments(
    qtbot, dock: AnnotationDock, store: Store, release: Path, toy_video: Path
) -> None:
    begin = time.monotonic()
    import_in_dialog(qtbot, dock, release)
    imported = time.monotonic()
    session = segment(qtbot, dock, toy_video)
    ended = time.monotonic()
    print(
        f"\nimported in {imported - begin:.0f} s, segmented in {ended - imported:.0f} s, "
        f"{(peak_host_bytes() or 0) / 1e9:.2f} GB of memory at most"
    )
    assert session.model_name == "release"
    assert store.card("release").preset == "large"
    assert any(item.kind == "scene" for item in session.objects)
    store.remove("release")
    dock.annotate.settings.model.value = "toy"
    segment(qtbot, dock, toy_video)  # another model lets go of this one's gigabytes


def import_in_dialog(qtbot, dock: AnnotationDock, file: Path) -> None:
    """Import a file as a person does who does it the first time, and choose the model."""
    dock.annotate.settings.models.native.click()
    dialog = dock.show_models()
    dialog.show_import([file])
    dialog.importing.start.click()
    (consent,) = dialog.findChildren(ConsentDialog)
    consent.agree.click()
    qtbot.waitUntil(lambda: not dock.workbench.models.jobs.busy, timeout=PATIENCE)
    assert dialog.installed.list.selected == file.stem
    dialog.installed.use.click()
    dialog.close()


def segment(qtbot, dock: AnnotationDock, video: Path) -> AnnotationSession:
    """Open a video and segment it."""
    controller = dock.controller
    if controller.video != video:
        dock.workbench.opener.open(video)
        qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=PATIENCE)
    dock.annotate.segment.native.click()
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=PATIENCE)
    assert controller.session is not None
    return controller.session
