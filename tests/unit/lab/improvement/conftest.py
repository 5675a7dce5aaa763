"""Corrected toy videos, and a place for models that is not the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from corrected_videos import write_corrected_videos

from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.weights.store import Store

CLIPS = 5


@pytest.fixture(scope="session")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five small videos of which every mask is accepted."""
    folder = tmp_path_factory.mktemp("corrected")
    write_corrected_videos(folder, CLIPS, seed=5, camera="thermal", size=64)
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, also for other processes."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Store()
