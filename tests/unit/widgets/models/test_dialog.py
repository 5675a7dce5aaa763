"""The dialog *Models* as a user sees it: what it shows, and what it asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QMessageBox

from napari_tavis.core.home import HOME_VARIABLE, home
from napari_tavis.model import TAViS, save_checkpoint
from napari_tavis.weights.installing import import_files
from napari_tavis.weights.store import Store
from napari_tavis.widgets.models.consent import ConsentDialog
from napari_tavis.widgets.models.dialog import ModelsDialog
from napari_tavis.widgets.models.model_controller import ModelController

from .conftest import save

pytestmark = pytest.mark.gui


def rows(dialog_list) -> list[list[str]]:
    columns = range(dialog_list.columnCount())
    items = [dialog_list.topLevelItem(place) for place in range(dialog_list.topLevelItemCount())]
    return [[item.text(column) for column in columns] for item in items]


def text(browser) -> str:
    return browser.toPlainText()


def test_without_models_the_dialog_shows_what_can_be_downloaded(dialog: ModelsDialog) -> None:
    assert dialog.isVisible()
    assert dialog.tabs.currentWidget() is dialog.download
    assert rows(dialog.download.list) == [
        ["tavis_s4", "", "TAViS in small"],
        ["tavis_ms3", "by hand", "TAViS for MS3 (several sounding sources)"],
    ]
    assert "CC BY-NC-SA 4.0" in text(dialog.download.facts)
    assert dialog.download.download.isEnabled()


def test_ms3_says_where_its_file_is_and_takes_it(dialog: ModelsDialog, checkpoint: Path) -> None:
    dialog.download.list.select("tavis_ms3")
    assert not dialog.download.download.isVisible()
    assert dialog.download.get_file.isVisible()
    said = text(dialog.download.facts)
    assert "https://pan.baidu.com/s/1pBNo0RSaO0ufu86fA9w1UQ, code dm2u" in said
    assert (
        'href="https://pan.baidu.com/s/1pBNo0RSaO0ufu86fA9w1UQ"' in dialog.download.facts.toHtml()
    )
    dialog.show_import([checkpoint], "tavis_ms3")
    assert dialog.tabs.currentWidget() is dialog.importing
    assert dialog.importing.name.text() == "tavis_ms3"
    assert dialog.importing.start.isEnabled()


def test_sizes_are_unknown_until_asked(
    dialog: ModelsDialog,
    checkpoint: Path,
    work: ModelController,
    ended: Callable[[ModelController], None],
) -> None:
    dialog.download.sizes.click()
    ended(work)
    size = f"{checkpoint.stat().st_size / 1e6:.1f} MB"
    assert rows(dialog.download.list)[0][1] == size


def test_an_installed_model_is_shown_with_all_that_is_known(
    dialog: ModelsDialog, checkpoint: Path, store: Store
) -> None:
    card = import_files(store, [checkpoint], "mine")
    dialog.refresh()
    size = f"{card.bytes / 1e6:.1f} MB"
    assert rows(dialog.installed.list) == [
        ["mine", "whole model", size, "toy, 224 pixels, float16"]
    ]
    for fact in (card.sha256, card.licence, *card.sources, str(store.path("mine"))):
        assert fact in text(dialog.installed.facts)


def test_a_damaged_model_is_marked(
    dialog: ModelsDialog,
    checkpoint: Path,
    store: Store,
    work: ModelController,
    ended: Callable[[ModelController], None],
) -> None:
    import_files(store, [checkpoint], "mine")
    data = bytearray(store.path("mine").read_bytes())
    data[-1] ^= 1
    store.path("mine").write_bytes(data)
    dialog.refresh()
    dialog.installed.check.click()
    ended(work)
    assert rows(dialog.installed.list)[0][1] == "⚠ damaged"
    assert "its checksum has changed" in text(dialog.installed.facts)
    assert "its checksum has changed" in dialog.progress.message.text()
    assert not dialog.installed.use.isEnabled()
    store.path("mine").unlink()
    dialog.refresh()
    assert "its file is missing" in text(dialog.installed.facts)


def test_removing_asks_first(
    dialog: ModelsDialog,
    work: ModelController,
    checkpoint: Path,
    store: Store,
    ended: Callable[[ModelController], None],
) -> None:
    import_files(store, [checkpoint], "mine")
    dialog.refresh()

    def answer(label: str) -> str:
        dialog.installed.remove.click()
        (question,) = dialog.findChildren(QMessageBox)
        (button,) = [one for one in question.buttons() if label in one.text()]
        button.click()
        ended(work)
        asked = question.text()
        question.setParent(None)
        return asked

    assert answer("Cancel").startswith("Remove mine (")
    assert store.holds("mine")
    answer("Remove")
    assert not store.holds("mine")
    assert rows(dialog.installed.list) == []
    assert "mine was removed" in dialog.progress.message.text()


def test_the_name_is_suggested_until_the_user_gives_one(
    dialog: ModelsDialog, checkpoint: Path, store: Store
) -> None:
    page = dialog.importing
    assert not page.start.isEnabled()
    assert "Choose a file first." in page.start.toolTip()
    page.files[0].setEditText(str(checkpoint))
    assert page.name.text() == "S4"
    assert page.start.isEnabled()
    page.name.setText("")
    page.name.textEdited.emit("")
    assert "Give the model a name." in page.start.toolTip()
    page.name.setText("no/name")
    assert "is not a name for a model" in page.start.toolTip()
    page.name.setText("mine")
    page.name.textEdited.emit("mine")
    page.files[0].setEditText("other.pth")
    assert page.name.text() == "mine"
    import_files(store, [checkpoint], "mine")
    dialog.refresh()
    assert "choose another name, or replace it" in page.start.toolTip()
    dialog.tabs.setCurrentWidget(page)
    page.replace.setChecked(True)
    assert page.start.isEnabled()


def test_dropped_files_are_imported(dialog: ModelsDialog, checkpoint: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(checkpoint))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dialog.dropEvent(event)
    assert dialog.tabs.currentWidget() is dialog.importing
    assert dialog.importing.files[0].currentText() == str(checkpoint)


def test_licences_are_shown_once_before_anything_is_installed(
    dialog: ModelsDialog,
    checkpoint: Path,
    store: Store,
    work: ModelController,
    ended: Callable[[ModelController], None],
) -> None:
    def ask() -> ConsentDialog | None:
        dialog.show_import([checkpoint])
        dialog.importing.start.click()
        shown = [one for one in dialog.findChildren(ConsentDialog) if one.isVisible()]
        return shown[0] if shown else None

    consent = ask()
    assert consent is not None
    consent.reject()
    assert store.cards() == []
    consent = ask()
    assert consent is not None
    consent.agree.click()
    ended(work)
    assert [card.name for card in store.cards()] == ["S4"]
    assert ask() is None
    ended(work)
    assert [card.name for card in store.cards()] == ["S4", "S4_2"]


def test_the_place_of_models_can_be_moved(
    dialog: ModelsDialog, work: ModelController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = dialog.place
    assert not place.move_button.isEnabled()
    assert HOME_VARIABLE in place.move_button.toolTip()
    monkeypatch.delenv(HOME_VARIABLE)
    work.move(tmp_path / "large disk")
    assert home() == tmp_path / "large disk"
    assert str(tmp_path / "large disk" / "models") in place.where.toolTip()
    assert " free)" in place.where.text()
    assert place.reset.isVisible()
    place.reset.click()
    assert home() != tmp_path / "large disk"
    assert not place.reset.isVisible()


@pytest.mark.usefixtures("agreed")
def test_a_file_of_something_else_is_refused_with_the_reason(
    dialog: ModelsDialog,
    tmp_path: Path,
    store: Store,
    work: ModelController,
    ended: Callable[[ModelController], None],
) -> None:
    page = tmp_path / "page.pth"
    page.write_text("<!DOCTYPE html><title>Sign in</title>")
    notification_manager.records.clear()
    dialog.show_import([page])
    dialog.importing.start.click()
    ended(work)
    told = [record.message for record in notification_manager.records]
    assert len(told) == 1
    assert "it is a web page, so the download has failed" in told[0]
    assert store.cards() == []
    assert dialog.importing.name.text() == "page"  # to be tried again


@pytest.mark.usefixtures("agreed")
def test_installed_parts_are_joined(
    dialog: ModelsDialog,
    work: ModelController,
    sam2,
    imagebind,
    tmp_path: Path,
    store: Store,
    ended: Callable[[ModelController], None],
) -> None:
    import_files(store, [save(sam2, tmp_path / "sam2.1_toy.pt")], "sam2.1_toy")
    import_files(store, [save(imagebind, tmp_path / "imagebind.pth")], "imagebind_toy")
    dialog.refresh()
    assert not dialog.installed.use.isEnabled()
    assert "import it together with the other part first" in dialog.installed.use.toolTip()
    page = dialog.importing
    for box, part in zip(page.files, ("sam2.1_toy", "imagebind_toy"), strict=True):
        box.setCurrentIndex(box.findText(part))
    assert page.name.text() == "sam2.1_toy+imagebind_toy"
    page.start.click()
    ended(work)
    assert store.card("sam2.1_toy+imagebind_toy").kind == "start"
    assert rows(dialog.installed.list)[1][:2] == ["sam2.1_toy", "part of a model"]
    assert rows(dialog.installed.list)[2][:2] == ["sam2.1_toy+imagebind_toy", "to be trained"]


@pytest.mark.usefixtures("agreed")
def test_a_model_keeps_its_own_image_size_unless_another_is_chosen(
    dialog: ModelsDialog,
    work: ModelController,
    toy_model: TAViS,
    tmp_path: Path,
    store: Store,
    ended: Callable[[ModelController], None],
) -> None:
    file = save_checkpoint(toy_model, tmp_path / "mine.safetensors")
    dialog.show_import([file])
    dialog.importing.start.click()
    ended(work)
    assert store.card("mine").image_size == toy_model.image_size
    dialog.show_import([file], "larger")
    dialog.importing.options.image_size.setCurrentIndex(2)
    dialog.importing.start.click()
    ended(work)
    assert store.card("larger").image_size == 1024
