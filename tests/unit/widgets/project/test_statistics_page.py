"""The numbers in a real viewer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from napari.viewer import Viewer

from napari_tavis.annotation import AnnotationSession
from napari_tavis.project import VideoQueue
from napari_tavis.widgets.project.queue_panel import QueuePanel
from napari_tavis.widgets.project.statistics_page import StatisticsPage
from napari_tavis.widgets.workbench import Workbench

pytestmark = pytest.mark.gui


@pytest.fixture
def page(viewer: Viewer, workbench: Workbench) -> StatisticsPage:
    page = StatisticsPage(workbench)
    viewer.window.add_dock_widget(page, name="Statistics", area="right")
    return page


def correct(video: Path) -> None:
    session = AnnotationSession.open(video)
    session.accept(1)
    session.add_work(60)
    session.save()
    session.close()


def test_it_counts_the_folder_it_is_given(
    qtbot, page: StatisticsPage, annotated_video: Path
) -> None:
    assert not page.count.isEnabled()
    assert "Choose a folder" in page.count.toolTip()
    correct(annotated_video)
    page.show_source(annotated_video.parent)
    qtbot.waitUntil(lambda: page.statistics is not None, timeout=60_000)
    assert page.clips.text() == "1 clip"
    assert "1&nbsp;in&nbsp;work" in page.clip_bar.legend.text()
    assert "1.0 minutes per clip" in page.time.text()
    assert "5 checked masks" in page.change.text()
    assert [page.classes.item(row, 0).text() for row in range(2)] == ["dog", "drum"]
    assert page.classes.item(0, 4).text() == "1.000"
    assert "two sessions" in page.agreement.text()
    assert page.pairs.isHidden()


def test_it_counts_what_is_in_the_queue(
    qtbot, panel: QueuePanel, page: StatisticsPage, folder: Path, settle
) -> None:
    queue = VideoQueue.open(folder)
    queue.ahead = 0
    queue.save()
    panel.work.open(folder)
    settle()
    qtbot.waitUntil(lambda: page.statistics is not None, timeout=60_000)
    assert page.clips.text() == "3 clips"
    assert page.sources == [folder]


def test_a_second_persons_folder_is_compared(
    qtbot, page: StatisticsPage, annotated_video: Path, tmp_path: Path
) -> None:
    correct(annotated_video)
    second = tmp_path / "ben"
    second.mkdir()
    shutil.copy(annotated_video, second)
    shutil.copy(f"{annotated_video}.tavis", second)
    page.show_source(annotated_video.parent / "clip.mp4.tavis")
    qtbot.waitUntil(lambda: page.statistics is not None, timeout=60_000)
    page.add_source(second)
    qtbot.waitUntil(lambda: len(page.statistics.clips) == 2, timeout=60_000)
    assert page.pairs.item(0, 0).text() == "clip.mp4"
    assert page.pairs.item(0, 3).text() == "1.000"
    file = tmp_path / "numbers.json"
    page.write(file)
    assert json.loads(file.read_text())["agreement"]["pairs"][0]["object_iou"] == 1.0
