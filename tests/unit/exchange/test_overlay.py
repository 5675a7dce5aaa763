"""The overlay video: its pictures, its sound, its memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.datasets.avsbench import ClipExistsError
from napari_tavis.datasets.overlay_video import nearest_annotated
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest
from napari_tavis.media import open_clip

from .conftest import SIZE, MakeSession


def test_annotated_frames_are_filled_and_the_sound_is_kept(
    make_session: MakeSession, tmp_path: Path, video: Path
) -> None:
    session = make_session(("dog",))
    large = np.zeros(SIZE, dtype=bool)
    large[4:34, 20:60] = True
    session.set_mask(1, 29, large)
    result = export(session, ExportRequest(tmp_path / "out", "overlay"))
    assert result.violations == ()
    with open_clip(result.place) as made, open_clip(video) as source:
        assert len(made.times) == len(source.times)
        heard, told = made.soundtrack()[8000:72_000], source.soundtrack()[8000:72_000]
        assert np.corrcoef(heard, told)[0, 1] > 0.95

        def changed(frame: int) -> np.ndarray:
            return np.abs(made.frames[frame].astype(int) - source.frames[frame]).max(axis=2)

        assert changed(29)[22:30, 26:54].min() > 15, "filled where it was annotated"
        assert changed(31)[22:30, 26:54].max() < 15, "not filled in the frames between"
        assert changed(31)[33, 26:54].min() > 25, "outlined there"
        assert changed(29)[37:, :].max() < 15, "nothing of rejected objects and the background"


def test_a_file_that_is_there_is_not_replaced_unasked(
    make_session: MakeSession, tmp_path: Path
) -> None:
    target = tmp_path / "Old-street.mp4"
    target.write_bytes(b"mine")
    request = ExportRequest(tmp_path, "overlay")
    with pytest.raises(ClipExistsError):
        export(make_session(), request)
    assert target.read_bytes() == b"mine"
    export(make_session(name="t"), replace(request, overwrite=True))
    assert target.stat().st_size > 1000


def test_every_frame_has_the_annotated_one_nearest_in_time() -> None:
    times = np.array([0.0, 1.0, 1.5, 4.0, 5.0, 9.0])
    np.testing.assert_array_equal(nearest_annotated([1, 4], times), [1, 1, 1, 4, 4, 4])
    np.testing.assert_array_equal(nearest_annotated([2], times), [2] * 6)
