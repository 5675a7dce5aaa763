from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.engine import EngineOptions, LocalEngine
from napari_tavis.model import TAViS, save_checkpoint
from napari_tavis.weights.installing import import_files
from napari_tavis.weights.store import Store
from napari_tavis.widgets.forms import SettingsForm

pytestmark = pytest.mark.gui


def test_installed_models_can_be_chosen(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    engine = LocalEngine()
    form = SettingsForm(engine.models)
    assert form.read().model == "toy"
    file = save_checkpoint(TAViS.from_preset("toy"), tmp_path / "mine.safetensors")
    import_files(Store(), [file], "mine")
    form.model.reset_choices()
    assert set(form.model.choices) == {"toy", "mine", "file"}
    assert form.read().model == "toy"
    form.model.value = "mine"
    assert form.read().model == "mine"
    assert form.summary().startswith("mine · ")
    assert engine.models() == ["toy", "mine"]
    engine.load(EngineOptions(model="mine", device="cpu"))
