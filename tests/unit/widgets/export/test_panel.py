"""The export page, in a real viewer's controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from napari.viewer import Viewer
from qtpy.QtWidgets import QDialog

from napari_tavis.annotation import AnnotationSession
from napari_tavis.datasets.avsbench import open_dataset, validate
from napari_tavis.widgets.export.mapping_dialog import MappingDialog
from napari_tavis.widgets.export.panel import ExportPanel
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(qtbot, viewer: Viewer, annotated_video: Path) -> Iterator[ExportPanel]:
    """The page, shown beside a viewer that has the annotated video open."""
    workbench = Workbench(viewer)
    controller = workbench.controller
    panel = ExportPanel(workbench)
    qtbot.addWidget(panel)
    panel.resize(340, 620)
    panel.show()
    workbench.opener.open(annotated_video)
    qtbot.waitUntil(lambda: controller.session is not None, timeout=60_000)
    controller.do(lambda session: session.accept())
    yield panel
    workbench.close()


@pytest.fixture
def settle(qtbot) -> Callable[[ExportPanel], None]:
    """Wait until jobs and previews are done."""

    def wait(panel: ExportPanel) -> None:
        jobs = panel._workbench.controller.jobs
        qtbot.waitUntil(lambda: not jobs.busy, timeout=60_000)
        exporter = panel._workbench.exporter
        qtbot.waitUntil(lambda: not exporter.previewing, timeout=60_000)

    return wait


def choose(panel: ExportPanel, field: str, value: str) -> None:
    box = getattr(panel.form, field)
    box.setCurrentIndex(box.findData(value))


def test_what_will_be_written_is_shown_before_it_is(
    panel: ExportPanel, tmp_path: Path, settle: Callable[[ExportPanel], None]
) -> None:
    settle(panel)
    assert not panel.export.isEnabled()
    assert "folder" in panel.export.toolTip()
    panel.form.folder.setText(str(tmp_path / "data"))
    settle(panel)
    assert panel.export.isEnabled()
    assert "clip_0_5000" in panel.preview.heading.text()
    assert "dog" in panel.preview.objects.text()
    assert "New in the dataset" in panel.preview.note.text()
    assert not (tmp_path / "data").exists()
    choose(panel, "format", "davis")
    settle(panel)
    assert "indexed png" in panel.preview.files.text()
    assert not panel.form.subset.isVisible()


def test_export_check_and_export_again(
    panel: ExportPanel, tmp_path: Path, settle: Callable[[ExportPanel], None]
) -> None:
    root, controller = tmp_path / "data", panel._workbench.controller
    panel.form.folder.setText(str(root))
    panel.form.licence.setText("CC BY 4.0")
    panel.export.click()
    settle(panel)
    assert "valid" in panel.report.result.text()
    assert validate(root) == []
    assert "CC BY 4.0" in (root / "sources.csv").read_text()
    assert "Replaces what was exported" in panel.preview.note.text()
    assert not panel.report.again.isEnabled()
    assert "Nothing has changed" in panel.report.again.toolTip()
    painted = np.zeros((224, 224), dtype=bool)
    painted[:20] = True
    controller.do(lambda session: session.set_mask(1, 23, painted))
    settle(panel)
    assert panel.report.again.isEnabled()
    panel.report.again.click()
    settle(panel)
    clip = open_dataset(root, "v1m", "train")[0]
    assert clip.class_map is not None
    np.testing.assert_array_equal(clip.class_map[0] == 17, painted)
    assert validate(root) == []
    (note,) = controller.session.exports
    assert not note.stale


def test_one_dialog_asks_for_classes_that_avsbench_lacks(
    panel: ExportPanel,
    tmp_path: Path,
    settle: Callable[[ExportPanel], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, controller = tmp_path / "data", panel._workbench.controller
    controller.do(lambda session: session.rename(1, "church bell"))
    controller.do(lambda session: session.rename(2, "kazoo"))
    panel.form.folder.setText(str(root))
    asked: list[MappingDialog] = []

    def answer(dialog: MappingDialog, code: QDialog.DialogCode, kazoo: str | None) -> int:
        asked.append(dialog)
        assert not root.exists(), "asked before anything is written"
        assert dialog.boxes["church bell"].currentData() == "bell"
        if kazoo is not None:
            assert not dialog.use.isEnabled(), "nothing is guessed for a kazoo"
            dialog.boxes["kazoo"].setCurrentIndex(dialog.boxes["kazoo"].findData(kazoo))
            assert dialog.use.isEnabled()
        return code.value

    refuse, accept = QDialog.DialogCode.Rejected, QDialog.DialogCode.Accepted
    monkeypatch.setattr(MappingDialog, "exec", lambda dialog: answer(dialog, refuse, None))
    panel.export.click()
    settle(panel)
    assert len(asked) == 1
    assert not root.exists()
    monkeypatch.setattr(MappingDialog, "exec", lambda dialog: answer(dialog, accept, ""))
    panel.export.click()
    settle(panel)
    assert len(asked) == 2, "one dialog for all classes"
    assert open_dataset(root, "v1m", "train")[0].class_names == ("bell",)
    panel.export.click()
    settle(panel)
    assert len(asked) == 2, "and not again"


def test_a_problem_is_said_in_the_preview(
    panel: ExportPanel, tmp_path: Path, settle: Callable[[ExportPanel], None]
) -> None:
    panel.form.folder.setText(str(tmp_path / "data"))
    panel.form.start.setValue(3)
    settle(panel)
    assert "choose an earlier start" in panel.preview.heading.text()
    panel.form.start.setValue(0)
    panel.form.clip_name.setText("a/b")
    settle(panel)
    assert "contains '/'" in panel.preview.heading.text()
    panel.form.clip_name.clear()
    panel._workbench.controller.do(lambda session: session.undo())
    choose(panel, "masks", "accepted")
    settle(panel)
    assert "accept what is right" in panel.preview.heading.text()


def test_what_nobody_checked_is_counted_and_refused_until_the_box_is_ticked(
    panel: ExportPanel, tmp_path: Path, settle: Callable[[ExportPanel], None]
) -> None:
    root = tmp_path / "data"
    panel._workbench.controller.do(lambda session: session.undo())
    panel.form.folder.setText(str(root))
    settle(panel)
    assert "5 of the 5 annotated frames" in panel.preview.note.text()
    assert "tick" in panel.preview.note.text()
    panel.export.click()
    settle(panel)
    assert not root.exists()
    panel.form.proposals.setChecked(True)
    settle(panel)
    assert "written as truth" in panel.preview.note.text()
    panel.export.click()
    settle(panel)
    assert "valid" in panel.report.result.text()
    assert "written as truth" in panel.report.result.text()
    assert validate(root) == []
    choose(panel, "format", "overlay")
    settle(panel)
    assert not panel.form.proposals.isVisible()
    assert "picture of the work" in panel.preview.note.text()


def test_rejected_objects_are_not_written(
    panel: ExportPanel, tmp_path: Path, settle: Callable[[ExportPanel], None]
) -> None:
    panel._workbench.controller.do(lambda session: session.reject(2))
    panel.form.folder.setText(str(tmp_path / "data"))
    choose(panel, "format", "coco")
    panel.export.click()
    settle(panel)
    assert "valid" in panel.report.result.text()
    text = (tmp_path / "data/annotations/train.json").read_text()
    assert '"dog"' in text
    assert '"drum"' not in text


def test_the_clip_starts_at_the_frame_shown(
    panel: ExportPanel, settle: Callable[[ExportPanel], None]
) -> None:
    settle(panel)
    panel._workbench.controller.navigation.go_to(73)
    panel.form.here.click()
    assert panel.form.start.value() == 2


def test_every_control_has_a_tooltip_and_the_page_is_narrow(panel: ExportPanel) -> None:
    form, report = panel.form, panel.report
    for control in (
        *(form.format, form.folder, form.browse, form.subset, form.split, form.start, form.here),
        *(
            form.clip_name,
            form.masks,
            form.category,
            form.licence,
            form.classes,
            form.replace,
            form.proposals,
        ),
        *(panel.export, report.folder, report.check, report.again),
    ):
        assert control.toolTip(), control
    assert panel.minimumSizeHint().width() <= 320
    assert form.minimumSizeHint().width() <= 310


def test_session_of_another_process_is_exported_and_not_noted(
    qtbot, viewer: Viewer, annotated_video: Path, tmp_path: Path, settle
) -> None:
    owner = AnnotationSession.open(annotated_video)
    workbench = Workbench(viewer)
    controller = workbench.controller
    panel = ExportPanel(workbench)
    qtbot.addWidget(panel)
    panel.show()
    workbench.opener.open(annotated_video)
    settle(panel)
    assert controller.session.read_only
    panel.form.folder.setText(str(tmp_path / "data"))
    panel.form.proposals.setChecked(True)
    panel.export.click()
    settle(panel)
    assert "valid" in panel.report.result.text()
    assert controller.session.exports == ()
    workbench.close()
    owner.close()
