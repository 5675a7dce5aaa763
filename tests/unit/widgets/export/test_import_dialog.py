"""What the import dialog asks for."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from napari_tavis.widgets.export.import_dialog import ImportDialog


def test_every_choice_of_an_import_can_be_made(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ImportDialog()
    qtbot.addWidget(dialog)
    assert not dialog.start.isEnabled()
    dialog.dataset.setText(str(tmp_path / "train.json"))
    dialog.output.setText(f" {tmp_path / 'work'} ")
    assert dialog.start.isEnabled()
    asked = dialog.asked
    assert (asked.dataset, asked.output) == (tmp_path / "train.json", tmp_path / "work")
    assert (asked.videos, asked.first_frame, asked.partial) == (None, None, False)
    dialog.videos.setText(str(tmp_path))
    dialog.first_frame.setCurrentIndex(2)
    dialog.partial.setChecked(True)
    asked = dialog.asked
    assert (asked.videos, asked.first_frame, asked.partial) == (tmp_path, 1, True)
