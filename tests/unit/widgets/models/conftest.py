"""The dialog *Models* in a real viewer, a real server of files, and an empty store."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.weights.licences import LICENCES, note_shown
from napari_tavis.weights.sources import SOURCES, Source
from napari_tavis.weights.store import Store
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.models.dialog import ModelsDialog
from napari_tavis.widgets.models.model_controller import ModelController
from napari_tavis.widgets.workbench import Workbench


def _fixtures_of_weights() -> ModuleType:
    path = Path(__file__).parents[2] / "weights" / "conftest.py"
    spec = importlib.util.spec_from_file_location("weights_fixtures", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_WEIGHTS = _fixtures_of_weights()
site, toy_model, official = _WEIGHTS.site, _WEIGHTS.toy_model, _WEIGHTS.official
_official = _WEIGHTS._official  # which `official` copies
sam2, imagebind, save = _WEIGHTS.sam2, _WEIGHTS.imagebind, _WEIGHTS.save


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; nothing of the user's own is looked at."""
    monkeypatch.setattr(
        "napari_tavis.core.home.user_config_path", lambda *_, **__: tmp_path / "config"
    )
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Store()


@pytest.fixture
def agreed(store: Store) -> None:
    """The user has agreed to all licences before."""
    note_shown(store.home, LICENCES.values())


@pytest.fixture
def checkpoint(official, tmp_path: Path) -> Path:
    """A small file as the authors of TAViS would save it."""
    return save(official, tmp_path / "S4.pth")


@pytest.fixture
def source(site, checkpoint: Path) -> Source:
    """The same file on a server."""
    site.files["/S4.pth"] = checkpoint.read_bytes()
    return Source("tavis_s4", "TAViS in small", "tavis", f"{site.url}/S4.pth", site.url)


@pytest.fixture
def work(workbench: Workbench, source: Source) -> ModelController:
    """What the dialog has done, with one source that can be reached."""
    work = workbench.models
    work.sources = _reachable(source)
    return work


@pytest.fixture
def dialog(qtbot, workbench: Workbench, work: ModelController) -> ModelsDialog:
    """The open dialog."""
    dialog = ModelsDialog(workbench)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


@pytest.fixture
def dock_dialog(dock: AnnotationDock, source: Source) -> ModelsDialog:
    """The dialog as the button in the dock opens it."""
    dock.workbench.models.sources = _reachable(source)
    dock.annotate.settings.models.native.click()
    dialog = dock._models_dialog
    assert dialog is not None
    return dialog


def _reachable(source: Source) -> dict[str, Source]:
    return {source.name: source, "tavis_ms3": SOURCES["tavis_ms3"]}


@pytest.fixture
def ended(qtbot) -> Callable[[ModelController], None]:
    """Wait for the end of what was begun."""

    def wait(work: ModelController) -> None:
        qtbot.waitUntil(lambda: not work.jobs.busy, timeout=60_000)
        qtbot.wait(1)

    return wait
