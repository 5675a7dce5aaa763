"""What the container says of its packets."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from napari_tavis.media.container import probe
from napari_tavis.media.packets import Packets, jumps_are_true, read_packets

from .samples import H264, encode, remux


def packets_of(path: Path) -> Packets:
    return read_packets(path, probe(path).picture.index)


def test_every_packet_of_the_picture_and_its_key_frames(silent_video: Path) -> None:
    packets = packets_of(silent_video)
    assert packets.ticks.size == 72
    assert packets.stamped
    seconds = np.sort(packets.ticks) * float(packets.time_base)
    np.testing.assert_allclose(np.diff(seconds), 1 / 30, atol=1e-9)
    keys = (packets.ticks[packets.key] - packets.ticks.min()) * float(packets.time_base)
    np.testing.assert_allclose(keys, np.arange(6) * 12 / 30, atol=1e-9)
    assert (packets.durations * packets.time_base == Fraction(1, 30)).all()
    assert packets.complaints == ()


def test_hidden_packets_are_left_out(silent_video: Path, tmp_path: Path) -> None:
    cut = remux(silent_video, tmp_path / "cut.mp4", before=("-ss", "0.73"))
    assert packets_of(cut).ticks.size == 50


def test_time_stamps_in_other_units(silent_video: Path) -> None:
    packets = packets_of(silent_video)
    finer = packets.ticks_in(packets.time_base / 3)
    assert finer is not None
    np.testing.assert_array_equal(finer, packets.ticks * 3)
    assert packets.ticks_in(Fraction(1, 7)) is None


def test_an_avi_with_b_frames_has_no_time_stamps(tmp_path: Path) -> None:
    packets = packets_of(encode(tmp_path / "b.avi", *H264))
    assert packets.ticks.size >= 72
    assert not packets.stamped
    assert packets.ticks_in(packets.time_base) is None


def test_a_jump_in_a_damaged_avi_finds_other_pictures(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")
    packets = packets_of(path)
    seek = int(packets.ticks[60]) * packets.time_base
    assert jumps_are_true(path, 0, packets, seek)
    data = bytearray(path.read_bytes())
    middle = data.index(b"00dc", len(data) // 2)
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    hurt = packets_of(path)
    assert hurt.ticks.size < 72
    assert not jumps_are_true(path, 0, hurt, seek)


def test_a_cut_off_packet_is_a_complaint(silent_video: Path, tmp_path: Path) -> None:
    fast = remux(silent_video, tmp_path / "fast.mp4", "-movflags", "+faststart")
    fast.write_bytes(fast.read_bytes()[: int(fast.stat().st_size * 0.8)])
    packets = packets_of(fast)
    assert 0 < packets.ticks.size < 72
    assert packets.complaints
