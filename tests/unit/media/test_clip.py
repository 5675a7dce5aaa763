"""A clip as a whole, and what it warns of."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import NotAVideoError, TavisError
from napari_tavis.media import open_clip

from .conftest import CLICKS
from .samples import H264, clicks_heard, encode, number_shown, remux, run_ffmpeg, write_wav


def test_a_plain_clip(plain_video: Path) -> None:
    with open_clip(str(plain_video)) as clip:
        assert clip.path == plain_video
        assert clip.size == (48, 64)
        assert clip.frames.shape == (72, 48, 64, 3)
        assert clip.times.dtype == np.float64
        np.testing.assert_allclose(clip.times, np.arange(72) / 30, atol=1e-6)
        assert clip.duration == pytest.approx(2.4)
        assert clip.has_soundtrack
        assert clip.warnings == ()
        assert "72 frames of 64x48" in repr(clip)


def test_a_relative_path_still_means_the_same_file_after_a_change_of_folder(
    plain_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain_video.parent)
    with open_clip(plain_video.name) as clip:
        monkeypatch.chdir(tmp_path)
        assert number_shown(clip.frames[60]) == 60
        assert clip.soundtrack().any()


def test_a_silent_video_says_so(silent_video: Path) -> None:
    with open_clip(silent_video) as clip:
        assert clip.warnings == ("silent.mp4 has no soundtrack.",)


def test_of_several_tracks_the_default_one_is_used_and_said(
    tmp_path: Path, click_sound: Path, plain_video: Path
) -> None:
    quiet = write_wav(tmp_path / "quiet.wav", np.zeros(38_400, dtype=np.float32), 16_000)
    for default, heard in ((0, []), (1, list(CLICKS))):
        path = tmp_path / f"two{default}.mkv"
        run_ffmpeg(
            *("-i", str(plain_video), "-i", str(quiet), "-i", str(click_sound)),
            *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "copy", "-c:a", "flac"),
            *(f"-disposition:a:{default}", "default", f"-disposition:a:{1 - default}", "0"),
            str(path),
        )
        with open_clip(path) as clip:
            assert clicks_heard(clip.soundtrack()) == pytest.approx(heard, abs=0.002)
            assert f"2 sound tracks; number {default + 1} is used" in " ".join(clip.warnings)


def test_of_several_videos_one_is_shown_and_said(tmp_path: Path, silent_video: Path) -> None:
    other = encode(tmp_path / "other.mp4", *H264, "-vf", "scale=32:24")
    path = tmp_path / "both.mkv"
    run_ffmpeg(
        *("-i", str(other), "-i", str(silent_video), "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "0", "-disposition:v:1", "default", str(path)),
    )
    with open_clip(path) as clip:
        assert clip.size == (48, 64)
        assert number_shown(clip.frames[37]) == 37
        assert any("2 video streams" in warning for warning in clip.warnings)


def test_a_picture_that_ends_long_before_the_sound_is_said(
    tmp_path: Path, silent_video: Path
) -> None:
    wav = write_wav(tmp_path / "long.wav", np.full(96_000, 0.1, dtype=np.float32), 16_000)
    path = tmp_path / "long.mp4"
    run_ffmpeg("-i", str(silent_video), "-i", str(wav), "-c:v", "copy", str(path))
    with open_clip(path) as clip:
        assert clip.duration == pytest.approx(2.4)
        assert len(clip.warnings) == 1
        assert "ends at 2.40 s of 6.00 s" in clip.warnings[0]


CUT = {
    "fast.mp4": ("-movflags", "+faststart"),
    "parts.mp4": ("-movflags", "empty_moov", "-frag_duration", "300000"),
    "a.mkv": (),
    "a.ts": (),
    "a.flv": ("-ar", "44100", "-c:a", "aac"),
}


@pytest.mark.parametrize("name", CUT)
def test_a_cut_off_file_gives_what_is_there_and_says_so(
    name: str, plain_video: Path, tmp_path: Path
) -> None:
    path = remux(plain_video, tmp_path / name, *CUT[name])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.75)])
    with open_clip(path, cache_bytes=1) as clip:
        count = len(clip.frames)
        assert 10 < count < 72
        shown = [number_shown(frame) for frame in clip.frames]
        # The last frames before the cut lack those that are stored after what follows them.
        assert shown[: count - 4] == list(range(count - 4))
        np.testing.assert_allclose(clip.times, np.array(shown) / 30, atol=0.001)
        assert number_shown(clip.frames[count // 2]) == count // 2
        assert clicks_heard(clip.soundtrack())[0] == pytest.approx(CLICKS[0], abs=0.002)
        if not name.endswith(".ts"):  # which has no length, nor anything else to miss
            assert name in clip.warnings[0]
            assert "cut off" in clip.warnings[0]


def test_an_mp4_without_its_index_is_said_to_be_cut_off(plain_video: Path, tmp_path: Path) -> None:
    path = remux(plain_video, tmp_path / "late-index.mp4", "-movflags", "-faststart")
    data = path.read_bytes()
    assert data.index(b"moov") > data.index(b"mdat")
    path.write_bytes(data[: int(len(data) * 0.6)])
    with pytest.raises(NotAVideoError, match=r"late-index.mp4 is incomplete"):
        open_clip(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.webm", "a.gif", "a.flv"])
def test_damage_never_leads_to_anything_but_frames_or_a_clear_error(
    name: str, tmp_path: Path
) -> None:
    coding = {"mp4": H264, "mkv": H264, "ts": H264, "flv": H264}.get(name[2:], ())
    whole = encode(tmp_path / name, *coding, count=80).read_bytes()
    random = np.random.default_rng(0)
    for trial in range(4):
        data = bytearray(whole)
        for _ in range(3**trial):
            place = int(random.integers(0, len(data)))
            piece = random.bytes(int(random.integers(1, 200)))
            data[place : place + len(piece)] = piece
        path = tmp_path / f"hurt-{trial}-{name}"
        path.write_bytes(data)
        with contextlib.suppress(TavisError), open_clip(path) as clip:
            assert (np.diff(clip.times) >= 0).all()
            for index in random.permutation(len(clip.frames))[:4]:
                assert clip.frames[index].shape == (*clip.size, 3)
            assert np.isfinite(clip.soundtrack()).all()


def test_a_slow_file_says_so(tmp_path: Path) -> None:
    path = encode(tmp_path / "raw.264", *H264, "-preset", "ultrafast", count=1010, size=(16, 16))
    with open_clip(path) as clip:
        assert any("seeking in it is slow" in warning for warning in clip.warnings)


def test_what_playlists_name_is_never_opened(plain_video: Path, tmp_path: Path) -> None:
    # A playlist inside a container's clothes: the secret it names must not be shown.
    run_ffmpeg("-i", str(plain_video), "-c", "copy", str(tmp_path / "secret.ts"))
    for text in ("#EXTM3U\n#EXTINF:2,\nsecret.ts\n", "ffconcat version 1.0\nfile secret.ts\n"):
        for name in ("a.mp4", "a.mkv", "a.ts", "a.avi", "a.m3u8", "a.txt"):
            (tmp_path / name).write_text(text)
            with pytest.raises(NotAVideoError):
                open_clip(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_is_followed(plain_video: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.mp4"
    link.symlink_to(plain_video)
    with open_clip(link) as clip:
        assert len(clip.frames) == 72
