from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor

from napari_tavis.annotation import FrameStatus
from napari_tavis.widgets.frame_strip import STATUS_COLORS, FrameStrip

pytestmark = pytest.mark.gui


@pytest.fixture
def strip(qtbot) -> FrameStrip:
    strip = FrameStrip()
    qtbot.addWidget(strip)
    strip.resize(216, 26)
    strip.show_frames(101, 0, [10, 50, 90], {50: FrameStatus.ACCEPTED})
    strip.show()
    return strip


def test_a_click_asks_for_the_frame_there(qtbot, strip: FrameStrip) -> None:
    asked: list[int] = []
    strip.clicked.connect(asked.append)
    for x in (8, 60, 208):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(x, 15))
    assert asked == [0, 26, 100]


def test_near_a_mark_the_marked_frame_is_meant(strip: FrameStrip) -> None:
    assert strip.frame_at(8 + 2 * 50 + 4) == 50
    assert strip.frame_at(8 + 2 * 50 + 20) == 60


def test_marks_have_the_colour_of_their_status(strip: FrameStrip) -> None:
    picture = strip.grab().toImage()
    accepted = QColor(STATUS_COLORS[FrameStatus.ACCEPTED])
    none = QColor(STATUS_COLORS[None])
    assert picture.pixelColor(8 + 2 * 50, 16) == accepted
    assert picture.pixelColor(8 + 2 * 10, 16) == none


def test_without_a_video_nothing_is_asked_for(qtbot, strip: FrameStrip) -> None:
    strip.show_frames(0, 0, [], {})
    with qtbot.assertNotEmitted(strip.clicked):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(60, 15))
