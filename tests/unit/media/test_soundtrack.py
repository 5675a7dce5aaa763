"""Soundtracks: where each sound is heard, and how it is mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.media import SAMPLE_RATE, open_clip

from .conftest import CLICKS
from .samples import H264, click_waveform, clicks_heard, encode, remux, write_wav

WITH_SOUND = {
    "aac.mp4": ("-c:a", "aac"),
    "aac.ts": ("-c:a", "aac"),
    "aac.mkv": ("-c:a", "aac"),
    "mp3.mp4": ("-c:a", "libmp3lame"),
    "mp3.mkv": ("-c:a", "libmp3lame"),
    "opus.mkv": ("-c:a", "libopus"),
    "vorbis.mkv": ("-c:a", "libvorbis"),
    "flac.mkv": ("-c:a", "flac"),
    "ac3.mkv": ("-c:a", "ac3"),
    "pcm.mov": ("-c:a", "pcm_s16le"),
    "pcm24.mov": ("-c:a", "pcm_s24be"),
    "slow.mp4": ("-c:a", "aac", "-ar", "8000"),
    "fast.mp4": ("-c:a", "aac", "-ar", "48000"),
}


def hear(path: Path) -> tuple[np.ndarray, float]:
    with open_clip(path) as clip:
        assert clip.has_soundtrack
        return clip.soundtrack(), clip.duration


@pytest.mark.parametrize("name", WITH_SOUND)
def test_sounds_are_heard_when_they_were_made(name: str, tmp_path: Path, click_sound: Path) -> None:
    sound, duration = hear(encode(tmp_path / name, *H264, *WITH_SOUND[name], sound=click_sound))
    assert sound.dtype == np.float32
    assert sound.shape == (round(duration * SAMPLE_RATE),)
    assert clicks_heard(sound) == pytest.approx(CLICKS, abs=0.002)
    assert np.abs(sound).max() == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize(
    ("late", "container"), [(0.5, "mp4"), (0.5, "mkv"), (0.5, "ts"), (0.03, "mov"), (0.03, "ts")]
)
def test_sound_that_begins_late_is_led_by_silence(
    late: float, container: str, tmp_path: Path, click_sound: Path
) -> None:
    path = encode(
        tmp_path / f"late.{container}",
        *(*H264, "-c:a", "aac"),
        sound=click_sound,
        before_sound=("-itsoffset", str(late)),
    )
    sound, _ = hear(path)
    heard = [click + late for click in CLICKS if click + late < 2.4]
    assert clicks_heard(sound) == pytest.approx(heard, abs=0.002)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_sound_from_before_the_first_frame_is_cut(
    container: str, tmp_path: Path, click_sound: Path
) -> None:
    path = encode(
        tmp_path / f"early.{container}",
        *(*H264, "-c:a", "aac"),
        sound=click_sound,
        before=("-itsoffset", "0.5"),
    )
    sound, _ = hear(path)
    assert clicks_heard(sound) == pytest.approx([0.5, 1.5], abs=0.002)


def test_a_cut_without_coding_again_keeps_sound_and_picture_together(
    plain_video: Path, tmp_path: Path
) -> None:
    path = remux(plain_video, tmp_path / "cut.mp4", before=("-ss", "0.7"))
    with open_clip(path) as clip:
        assert clicks_heard(clip.soundtrack()) == pytest.approx([0.3, 1.3], abs=0.02)


def test_a_gap_in_the_sound_is_silent_and_nothing_after_it_moves(
    tmp_path: Path, click_sound: Path
) -> None:
    gap = "noise=drop='between(pts*tb,0.8,1.5)'"
    path = encode(tmp_path / "gap.mkv", *H264, "-c:a", "aac", "-bsf:a", gap, sound=click_sound)
    sound, _ = hear(path)
    assert clicks_heard(sound) == pytest.approx([0.25, 2.0], abs=0.002)


def test_short_sound_is_filled_up_and_long_sound_is_cut(tmp_path: Path) -> None:
    for seconds, heard in ((1.2, [0.25, 1.0]), (6.0, [0.25, 1.0, 2.0])):
        wav = tmp_path / f"{seconds}.wav"
        write_wav(wav, click_waveform((0.25, 1.0, 2.0, 5.0), seconds), 16_000)
        sound, duration = hear(encode(tmp_path / f"{seconds}.mkv", *H264, sound=wav))
        assert duration == pytest.approx(2.4, abs=0.02)
        assert sound.size == round(duration * SAMPLE_RATE)
        assert clicks_heard(sound) == pytest.approx(heard, abs=0.002)


def test_mono_is_the_mean_of_left_and_right(tmp_path: Path) -> None:
    left, right = click_waveform((0.5,), 2.4), click_waveform((0.5, 1.5), 2.4)
    wav = write_wav(tmp_path / "two.wav", np.stack([left, right], axis=1), 16_000)
    path = encode(tmp_path / "two.mkv", *H264, "-c:a", "flac", sound=wav)
    with open_clip(path) as clip:
        mono, stereo = clip.soundtrack(), clip.soundtrack(channels=2)
    assert stereo.shape == (mono.size, 2)
    np.testing.assert_allclose(mono, stereo.mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(mono[: left.size], (left + right)[: mono.size] / 2, atol=1e-3)


def test_a_mix_of_many_loud_channels_does_not_clip(tmp_path: Path) -> None:
    one = click_waveform((0.5, 1.5), 2.4) / 0.6
    wav = write_wav(tmp_path / "six.wav", np.repeat(one[:, None], 6, axis=1), 16_000)
    sound, _ = hear(encode(tmp_path / "six.mkv", *H264, "-c:a", "flac", sound=wav))
    assert 0.8 < np.abs(sound).max() <= 1.0
    assert clicks_heard(sound) == pytest.approx([0.5, 1.5], abs=0.002)


def test_another_rate_is_given_when_asked_for(plain_video: Path) -> None:
    with open_clip(plain_video) as clip:
        sound = clip.soundtrack(sample_rate=48_000)
    assert sound.shape == (round(2.4 * 48_000),)
    assert clicks_heard(sound, 48_000) == pytest.approx(CLICKS, abs=0.002)


@pytest.mark.parametrize(
    ("name", "rate"), [("aac.mp4", 16_000), ("slow.mp4", 16_000), ("opus.mkv", 44_100)]
)
def test_a_stretch_from_the_middle_is_heard_when_it_was_made(
    name: str, rate: int, tmp_path: Path
) -> None:
    clicks = [0.2, 2.5, 4.75, 6.0]
    sound = write_wav(tmp_path / "clicks.wav", click_waveform(clicks, 7, 44_100), 44_100)
    path = encode(tmp_path / name, *H264, *WITH_SOUND[name], sound=sound, count=210)
    with open_clip(path) as clip:
        heard = np.concatenate(list(clip.sound_blocks(4.0, 6.5, sample_rate=rate)))
    assert heard.shape == (round(2.5 * rate),)
    assert clicks_heard(heard, rate) == pytest.approx([0.75, 2.0], abs=0.002)


def test_no_soundtrack_is_silence(silent_video: Path) -> None:
    with open_clip(silent_video) as clip:
        assert not clip.has_soundtrack
        assert clip.soundtrack().shape == (38_400,)
        assert not clip.soundtrack().any()
        assert clip.soundtrack(channels=2).shape == (38_400, 2)


def test_sound_that_cannot_be_decoded_is_silence_and_said(
    plain_video: Path, tmp_path: Path
) -> None:
    path = remux(plain_video, tmp_path / "a.mkv")
    data = path.read_bytes()
    assert data.count(b"A_AAC") == 1
    path.write_bytes(data.replace(b"A_AAC", b"A_XYZ"))
    with open_clip(path) as clip:
        assert not clip.has_soundtrack
        assert not clip.soundtrack().any()
        assert any("sound of a.mkv cannot be decoded" in warning for warning in clip.warnings)
        assert len(clip.frames) == 72
