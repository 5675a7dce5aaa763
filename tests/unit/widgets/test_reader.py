from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_tavis.media import Clip
from napari_tavis.widgets.reader import CLIP_KEY, get_reader, read_videos


def test_a_video_becomes_an_image_layer_of_lazy_frames(toy_video: Path) -> None:
    reader = get_reader(str(toy_video))
    assert reader is not None
    ((frames, options, kind),) = reader(str(toy_video))
    assert kind == "image"
    assert options["rgb"] is True
    assert options["name"] == "toy"
    assert frames.shape == (125, 224, 224, 3)
    assert not isinstance(frames, np.ndarray)
    clip = options["metadata"][CLIP_KEY]
    assert isinstance(clip, Clip)
    np.testing.assert_array_equal(frames[7], clip.frames[7])


@pytest.mark.parametrize("name", ["notes.txt", "picture.png", "no_suffix"])
def test_other_files_are_left_to_others(name: str) -> None:
    assert get_reader(name) is None


def test_suffixes_may_be_in_capitals() -> None:
    assert get_reader("HOLIDAY.MOV") is not None


def test_what_cannot_be_read_is_said_and_the_rest_is_read(toy_video: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    layers = read_videos([str(broken), str(toy_video)])
    assert [options["name"] for _, options, _ in layers] == ["toy"]
    assert "broken.mp4" in notification_manager.records[-1].message


def test_nothing_readable_gives_no_layer(tmp_path: Path) -> None:
    assert read_videos(str(tmp_path / "missing.mp4")) == [(None,)]
    assert "missing.mp4" in notification_manager.records[-1].message


def test_what_is_unusual_is_said(silent_video: Path) -> None:
    read_videos(str(silent_video))
    assert "no soundtrack" in notification_manager.records[-1].message
