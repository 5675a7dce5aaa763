"""The page *Improve* in the real dock: it learns in the background and offers the new model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from corrected_videos import write_corrected_videos

from napari_tavis.model import load_model
from napari_tavis.weights.store import Store
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.models.improve_page import ImprovePage

pytestmark = pytest.mark.gui

QUICK = (
    "epochs=2",
    "model.image_size=64",
    "optimizer.learning_rate=1e-3",
    "optimizer.warm_up=0",
    "loss.i2t=false",
    "device=cpu",
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corrected")
    write_corrected_videos(folder, 5, seed=5, camera="thermal", size=64)
    return folder


@pytest.fixture
def page(dock: AnnotationDock, videos: Path, open_in, tmp_path: Path) -> ImprovePage:
    """The page with corrected videos, one of them open."""
    folder = Path(shutil.copytree(videos, tmp_path / "videos"))
    open_in(dock, folder / "thermal5-0000.mp4")
    dock.export.improve.click()
    dialog = dock._models_dialog
    assert dialog is not None
    assert dialog.tabs.currentWidget() is dialog.improving
    dialog.improving.settings = QUICK
    return dialog.improving


@pytest.mark.slow
def test_the_new_model_is_offered_with_before_and_after(
    page: ImprovePage, dock: AnnotationDock, store: Store, qtbot
) -> None:
    assert page.source.text() == str(dock.controller.video.parent)
    assert page.name.text() == "toy_improved"
    page.start.click()
    work = dock.workbench.models
    assert work.jobs.busy
    assert not page.start.isEnabled()
    assert not dock.controller.jobs.busy, "the dock can be worked with meanwhile"
    navigation = dock.controller.navigation
    for frame in navigation.sampled:
        navigation.go_to(frame)
        assert navigation.frame == frame
    qtbot.waitUntil(lambda: not work.jobs.busy, timeout=240_000)
    assert "toy_improved is installed: M_J" in page.result.text()
    assert "instead of" in page.result.text()
    assert "on 1 held-out clip, after learning from 4." in page.result.text()
    assert page.pictures.text().count("<img") == 2
    (card,) = store.cards()
    assert load_model("toy_improved", device="cpu").image_size == 64
    assert card.sources[0] == "toy, fine-tuned on clips of 5 corrected videos"

    assert page.use.isVisible()
    page.use.click()
    assert dock.annotate.settings.model.value == "toy_improved"
    assert page.name.text() == "toy_improved_2", "the next one is another model"


def test_it_can_be_cancelled_and_leaves_nothing(
    page: ImprovePage, dock: AnnotationDock, store: Store, qtbot
) -> None:
    said: list[str] = []
    dock.workbench.models.jobs.progressed.connect(lambda done, total, what: said.append(what))
    page.start.click()
    qtbot.waitUntil(lambda: any("reading" in what for what in said), timeout=120_000)
    dock._models_dialog.progress.cancel.click()
    qtbot.waitUntil(lambda: not dock.workbench.models.jobs.busy, timeout=120_000)
    assert not store.cards()
    assert not list(store.home.glob(".improving-*"))
    assert page.start.isEnabled()


def test_too_few_clips_are_told(
    page: ImprovePage, dock: AnnotationDock, store: Store, qtbot
) -> None:
    folder = dock.controller.video.parent
    for place in sorted(folder.glob("*.tavis"))[1:]:
        place.unlink()
    page.start.click()
    qtbot.waitUntil(lambda: not dock.workbench.models.jobs.busy, timeout=120_000)
    message = dock._models_dialog.progress.message.text()
    assert "1 clips of five seconds are accepted" in message
    assert not store.cards()
