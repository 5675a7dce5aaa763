"""Downloads from a real server, begun, cancelled and gone on with in the dialog *Models*."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from napari.utils.notifications import notification_manager

from napari_tavis.engine import EngineOptions
from napari_tavis.weights.downloading import Unfinished, unfinished
from napari_tavis.weights.sources import Source
from napari_tavis.weights.store import Store
from napari_tavis.widgets.dock import AnnotationDock
from napari_tavis.widgets.models.dialog import ModelsDialog
from napari_tavis.widgets.models.model_controller import ModelController

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("agreed")]


def has_begun(target: Path) -> bool:
    """Whether all of a file is there that the server gives before it cuts the first time."""
    left = unfinished(target)
    return left is not None and left.done == 3_000_000


def test_a_download_is_installed_and_offered_at_once(
    dock_dialog: ModelsDialog,
    dock: AnnotationDock,
    store: Store,
    ended: Callable[[ModelController], None],
) -> None:
    dialog = dock_dialog
    settings = dock.annotate.settings
    told: list[str] = []
    dock.workbench.models.jobs.progressed.connect(
        lambda *_: told.append(dialog.progress.message.text())
    )
    before = settings.read()
    dialog.download.download.click()
    assert not dialog.download.download.isEnabled()
    assert "Wait for this to finish" in dialog.download.download.toolTip()
    ended(dock.workbench.models)
    assert store.holds("tavis_s4")
    assert any(line.startswith("Downloading tavis_s4 · ") and " MB" in line for line in told)
    assert dialog.progress.message.text() == (
        "tavis_s4 is installed. It can be chosen as the model now."
    )
    assert "tavis_s4" in settings.model.choices
    assert settings.read() == before  # what was chosen stays chosen
    dialog.installed.use.click()
    assert settings.read().model == "tavis_s4"
    assert dock.controller.options.model == "tavis_s4"
    dock.controller.engine.load(EngineOptions(model="tavis_s4", device="cpu"))
    dock.workbench.models.remove("tavis_s4")
    ended(dock.workbench.models)
    assert settings.read().model == "toy"


def test_a_cancelled_download_keeps_what_came_and_goes_on(
    qtbot,
    dock_dialog: ModelsDialog,
    dock: AnnotationDock,
    site,
    store: Store,
    source: Source,
    ended,
) -> None:
    dialog = dock_dialog
    site.cuts = [3_000_000, *[0] * 50]  # the server says nothing more, and is asked again and again
    dialog.download.download.click()
    target = store.downloads / source.file_name
    total = len(site.files["/S4.pth"])
    qtbot.waitUntil(lambda: unfinished(target) == Unfinished(3_000_000, total), timeout=60_000)
    qtbot.waitUntil(lambda: "%" in dock.annotate.settings.models.text, timeout=60_000)
    dialog.progress.cancel.click()
    ended(dock.workbench.models)
    assert dock.annotate.settings.models.text == "Models …"
    assert "The part already downloaded is kept" in dialog.progress.message.text()
    assert dialog.download.download.text() == "Resume"
    assert dialog.download.list.topLevelItem(0).text(1).startswith("3.0 MB of ")
    site.cuts.clear()
    site.asked.clear()
    dialog.download.download.click()
    ended(dock.workbench.models)
    assert site.asked == [("/S4.pth", "bytes=3000000-")]
    assert store.verify(store.card("tavis_s4")) == ""


def test_what_came_can_be_discarded(
    qtbot, dialog: ModelsDialog, work: ModelController, site, store: Store, source: Source, ended
) -> None:
    site.cuts = [3_000_000, *[0] * 50]
    dialog.download.download.click()
    target = store.downloads / source.file_name
    qtbot.waitUntil(lambda: has_begun(target), timeout=60_000)
    dialog.progress.cancel.click()
    ended(work)
    dialog.download.discard.click()
    ended(work)
    assert unfinished(target) is None
    assert dialog.download.download.text() == "Download"
    assert not dialog.download.discard.isVisible()


def test_a_closed_dialog_leaves_the_download_running(
    qtbot, dock_dialog: ModelsDialog, dock: AnnotationDock, store: Store, ended
) -> None:
    dialog = dock_dialog
    dialog.download.download.click()
    dialog.close()
    assert dock.workbench.models.jobs.busy
    ended(dock.workbench.models)
    assert store.holds("tavis_s4")
    assert "tavis_s4 is installed." in [one.message for one in notification_manager.records]
    assert dock.show_models() is dialog
    assert dialog.installed.list.selected == "tavis_s4"


def test_closing_the_dock_ends_the_download_and_keeps_what_came(
    qtbot, dock_dialog: ModelsDialog, dock: AnnotationDock, site, store: Store, source: Source
) -> None:
    dialog = dock_dialog
    site.cuts = [3_000_000, *[0] * 50]
    dialog.download.download.click()
    target = store.downloads / source.file_name
    qtbot.waitUntil(lambda: has_begun(target), timeout=60_000)
    said = ["downloading tavis_s4"]
    qtbot.waitUntil(lambda: dock.controller.work_in_progress() == said, timeout=20_000)
    dock.close_session()
    came = unfinished(target)
    assert came is not None
    assert came.done > 0
    qtbot.wait(300)
    assert unfinished(target) == came
    assert store.cards() == []


def test_another_file_than_expected_is_taken_only_when_asked_for(
    dialog: ModelsDialog, work: ModelController, site, store: Store, source: Source, ended
) -> None:
    work.sources = {source.name: replace(source, sha256="0" * 64)}
    dialog.refresh()
    notification_manager.records.clear()
    dialog.download.download.click()
    ended(work)
    sha256 = hashlib.sha256(site.files["/S4.pth"]).hexdigest()
    (error,) = [one.message for one in notification_manager.records]
    assert sha256 in error
    assert store.cards() == []
    assert dialog.download.download.text() == "Download, and accept it as it is"
    dialog.download.download.click()
    ended(work)
    assert store.holds("tavis_s4")


def test_an_address_without_a_file_says_how_to_go_on(
    dialog: ModelsDialog, work: ModelController, site, store: Store, ended
) -> None:
    site.files.clear()
    notification_manager.records.clear()
    dialog.download.download.click()
    ended(work)
    (error,) = [one.message for one in notification_manager.records]
    assert "answers 404" in error
    assert "then import it: Models … in napari" in error
    assert dialog.download.download.isEnabled()
