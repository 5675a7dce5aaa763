from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.widgets.reader import CLIP_KEY
from napari_tavis.widgets.sample_data import open_toy_clip


def test_the_toy_clip_is_a_video_with_sound_drawn_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_TAVIS_SAMPLES", str(tmp_path))
    ((frames, options, _),) = open_toy_clip()
    clip = options["metadata"][CLIP_KEY]
    assert clip.path.parent == tmp_path
    assert clip.has_soundtrack
    assert len(frames) == 125
    written = clip.path.stat().st_mtime_ns
    open_toy_clip()
    assert clip.path.stat().st_mtime_ns == written
