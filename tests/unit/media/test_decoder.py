"""The decoder: frames known by their packets, from any key frame on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_tavis.core.errors import DecodingError
from napari_tavis.media import open_clip
from napari_tavis.media.decoder import Decoder

from .samples import H264, encode, number_shown
from .test_frames import CODINGS


@pytest.fixture
def decoder(silent_video: Path) -> Iterator[Decoder]:
    """72 frames with a key frame every 12, their packets read."""
    with contextlib.closing(Decoder(silent_video)) as opened:
        opened.scan()
        yield opened


def shown_by(decoder: Decoder) -> list[int]:
    """Decode to the end and read the numbers off the frames."""
    found = []
    while (got := decoder.read()) is not None:
        found.append(number_shown(got[1].to_ndarray(format="rgb24")))
    return found


def test_frames_come_in_the_order_of_showing_each_with_its_packet(decoder: Decoder) -> None:
    assert decoder.start(0)
    numbers = []
    while (got := decoder.read()) is not None:
        assert number_shown(got[1].to_ndarray(format="rgb24")) == len(numbers)
        numbers.append(got[0])
    assert decoder.read() is None
    assert sorted(numbers) == list(range(72))
    assert numbers != sorted(numbers)  # there are B-frames
    pts = decoder.packets.pts[numbers]
    assert (pts == sorted(pts)).all()


def test_decoding_begins_at_a_key_frame_and_anew_after_the_end(decoder: Decoder) -> None:
    assert decoder.start(24)
    assert shown_by(decoder) == list(range(24, 72))
    assert decoder.start(60)
    assert shown_by(decoder) == list(range(60, 72))
    assert decoder.start(0)
    assert shown_by(decoder) == list(range(72))


SEEKABLE = sorted(set(CODINGS) - {"stream.264", "loop.gif", "mpeg2.mpg", "wmv.wmv"})
# (A stream that is refreshed bit by bit gives its first frame later.)


@pytest.mark.parametrize("name", [n for n in SEEKABLE if not n.startswith("refresh")])
def test_a_jump_lands_on_the_very_key_frame(name: str, tmp_path: Path) -> None:
    path = encode(tmp_path / name, *CODINGS[name], count=90)
    with contextlib.closing(Decoder(path)) as decoder:
        packets = decoder.scan()
        keys = packets.key.nonzero()[0].tolist()
        assert len(keys) > 4
        for number in (keys[3], keys[1], keys[-1]):
            assert decoder.start(number)
            got = decoder.read()
            assert got is not None
            assert got[0] == number


def test_a_stream_without_any_time_is_decoded_from_its_beginning(tmp_path: Path) -> None:
    path = encode(tmp_path / "raw.264", *H264, count=30)
    with contextlib.closing(Decoder(path)) as decoder:
        decoder.scan()
        assert not decoder.start(12)
        assert decoder.start(0)
        assert shown_by(decoder) == list(range(30))
        assert decoder.start(0)
        assert shown_by(decoder) == list(range(30))


def test_a_file_that_was_written_to_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", *H264, count=90)
    with open_clip(path) as clip:
        assert number_shown(clip.frames[0]) == 0
        encode(path, *H264, count=20)
        with pytest.raises(DecodingError, match=r"a\.mkv has changed or disappeared"):
            clip.frames[70]
