"""The exporter, over a workbench that has neither window nor page."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.datasets.avsbench import open_dataset
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.widgets.commands import COMMANDS
from napari_tavis.widgets.export.exporter import Report
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui


def test_classes_are_asked_for_and_the_export_goes_on_with_the_answer(
    qtbot, annotated: Workbench, tmp_path: Path
) -> None:
    export, exporter, root = COMMANDS["export_video"], annotated.exporter, tmp_path / "data"
    annotated.controller.do(lambda session: (session.accept(), session.rename(2, "kazoo")))
    assert export.why_not(annotated) == "Choose a folder under Export first."
    exporter.choose(ExportRequest(root))
    assert export.why_not(annotated) is None
    asked: list[tuple[str, ...]] = []
    reports: list[Report] = []
    exporter.classes_asked.connect(lambda names: asked.append(names))
    exporter.reported.connect(lambda report: reports.append(report))
    export.run(annotated)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=60_000)
    assert asked == [("kazoo",)]
    exporter.answer(None)
    assert not root.exists()
    export.run(annotated)
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=60_000)
    exporter.answer({"kazoo": None})
    qtbot.waitUntil(lambda: len(reports) == 1, timeout=60_000)
    assert reports[0].violations == ()
    assert open_dataset(root, "v1m", "train")[0].class_names == ("dog",)
    assert COMMANDS["export_again"].why_not(annotated) == "Nothing has changed since."
    assert COMMANDS["check_dataset"].why_not(annotated) is None


def test_the_answer_exports_no_other_video_that_was_opened_meanwhile(
    qtbot, annotated: Workbench, other_video: Path, tmp_path: Path
) -> None:
    exporter, controller, root = annotated.exporter, annotated.controller, tmp_path / "data"
    controller.do(lambda session: (session.accept(), session.rename(2, "kazoo")))
    exporter.choose(ExportRequest(root))
    asked: list[tuple[str, ...]] = []
    said: list[str] = []
    exporter.classes_asked.connect(lambda names: asked.append(names))
    exporter.export()
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=60_000)
    annotated.opener.open(other_video)
    qtbot.waitUntil(lambda: annotated.video == other_video, timeout=60_000)
    controller.said.connect(said.append)
    exporter.answer({"kazoo": None})
    assert said == ["Nothing was exported: open clip.mp4 again, and export it then."]
    assert not controller.jobs.busy
    assert not root.exists()


def test_an_export_that_was_painted_over_is_noted_as_changed(
    qtbot, annotated: Workbench, tmp_path: Path
) -> None:
    exporter, controller = annotated.exporter, annotated.controller
    controller.do(lambda session: session.accept())
    exporter.choose(ExportRequest(tmp_path / "data"))
    reports: list[Report] = []
    exporter.reported.connect(lambda report: reports.append(report))
    exporter.export()
    controller.do(lambda session: session.rename(1, "cat"))
    qtbot.waitUntil(lambda: len(reports) == 1, timeout=60_000)
    assert "export again for that" in reports[0].text
    (note,) = annotated.session.exports
    assert note.stale
    assert COMMANDS["export_again"].why_not(annotated) is None
