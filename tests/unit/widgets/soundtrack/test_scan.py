"""Reading soundtracks in the background, one clip after another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.media import open_clip, write_video
from napari_tavis.widgets.soundtrack.panel import SoundtrackScan

pytestmark = pytest.mark.gui


def test_the_next_clip_takes_over_at_once(toy_video: Path, tmp_path: Path, qtbot) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000 * 300).astype(np.float32)
    frames = np.zeros((300, 16, 16, 3), dtype=np.uint8)
    long_video = write_video(tmp_path / "long.mp4", frames, 1, noise)
    scan, ends = SoundtrackScan(), []
    scan.ended.connect(ends.append)
    with open_clip(long_video) as first, open_clip(toy_video) as second:
        scan.start(first)
        before = scan.overview
        scan.start(second)
        assert scan.overview is not before
        qtbot.waitUntil(lambda: not scan.running, timeout=60_000)
        assert ends == [True]
        assert scan.overview.known == pytest.approx(second.duration, abs=0.001)
        scan.close()


def test_without_sound_there_is_nothing_to_read(silent_video: Path) -> None:
    scan = SoundtrackScan()
    with open_clip(silent_video) as clip:
        scan.start(clip)
        assert not scan.running
        assert scan.overview is None
    scan.start(None)
    assert not scan.running
