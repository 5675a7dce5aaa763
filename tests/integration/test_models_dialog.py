"""The workflow of who has a checkpoint of the authors: import it in the dock, and segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from napari.viewer import Viewer

from napari_tavis.home import HOME_VARIABLE
from napari_tavis.model import load_model
from napari_tavis.model.official import official_name
from napari_tavis.weights.store import Store
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.launch import add_dock
from napari_tavis.widgets.models.consent import ConsentDialog

pytestmark = pytest.mark.gui


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


def test_a_checkpoint_is_imported_and_segments(
    qtbot, dock: AnnotationDock, store: Store, checkpoint: Path, toy_video: Path
) -> None:
    def wait_for(runner) -> None:
        qtbot.waitUntil(lambda: not runner.busy, timeout=120_000)

    page, controller = dock.annotate, dock.controller
    page.settings.models.native.click()
    dialog = dock.show_models()
    dialog.show_import([checkpoint])
    dialog.importing.start.click()
    (consent,) = dialog.findChildren(ConsentDialog)
    consent.agree.click()
    wait_for(dock.models.jobs)
    card = store.card("S4")
    assert card.licence == "TAViS MIT; ImageBind CC BY-NC-SA 4.0; SAM 2 Apache 2.0"
    assert dialog.installed.list.selected == "S4"
    dialog.installed.use.click()
    dialog.close()

    controller.open_video(toy_video)
    wait_for(controller.jobs)
    page.segment.native.click()
    wait_for(controller.jobs)
    session = controller.session
    assert session is not None
    assert session.model_name == "S4"
    classes = {item.class_name for item in session.objects if item.kind == "object"}
    assert classes
    page.settings.model.value = "toy"
    page.segment.native.click()
    wait_for(controller.jobs)
    again = {item.class_name for item in session.objects if item.kind == "object"}
    assert again == classes
