"""The overlay video: its pictures, its sound, its memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.avsbench import ClipExistsError
from napari_tavis.formats.exporting import export
from napari_tavis.formats.overlay import nearest_annotated
from napari_tavis.formats.request import ExportRequest
from napari_tavis.media import open_clip

from .conftest import MakeSession, square


def test_annotated_frames_are_filled_and_the_sound_is_kept(
    make_session: MakeSession, tmp_path: Path, video: Path
) -> None:
    result = export(make_session(), ExportRequest(tmp_path / "out", "overlay"))
    assert result.violations == ()
    with open_clip(result.place) as made, open_clip(video) as source:
        assert len(made.times) == len(source.times)
        heard, told = made.soundtrack()[8000:72_000], source.soundtrack()[8000:72_000]
        assert np.corrcoef(heard, told)[0, 1] > 0.95
        inside, edge = square(29, 2), square(29, 2)
        inside[5:11, 32:42] = False
        changed = np.abs(made.frames[29].astype(int) - source.frames[29]).max(axis=2)
        assert changed[5:11, 34:40].min() > 15, "filled where it was annotated"
        near = np.abs(made.frames[31].astype(int) - source.frames[31]).max(axis=2)
        assert near[6:10, 34:40].max() < 15, "an outline alone in the frames between"
        assert near[edge].max() > 40
        rejected = np.abs(made.frames[29].astype(int) - source.frames[29]).max(axis=2)
        assert rejected[36:, :].max() < 15, "nothing of rejected objects and the background"


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
