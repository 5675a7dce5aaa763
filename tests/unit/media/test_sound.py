"""Soundtracks: where each sound is heard, and how it is mixed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.media import SAMPLE_RATE, open_clip

from .conftest import CLICKS
from .samples import (
    H264,
    children,
    click_waveform,
    clicks_heard,
    encode,
    remux,
    run_ffmpeg,
    write_wav,
)

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


# -- sound that is not all of a piece ------------------------------------------------------------

SECONDS = 12
BEATS = tuple(float(second) for second in range(SECONDS))
CODINGS = {
    "aac.mp4": ("-c:a", "aac"),
    "aac.ts": ("-c:a", "aac"),
    "ac3.ts": ("-c:a", "ac3"),
    "mp3.flv": ("-c:a", "libmp3lame"),
    "opus.mkv": ("-c:a", "libopus"),
    "vorbis.mkv": ("-c:a", "libvorbis"),
    "pcm.mkv": ("-c:a", "pcm_s16le"),
}


def beats(rate: int = 48_000) -> np.ndarray:
    """A click at each second, a tenth of a second after it begins, and a faint tone all along."""
    clock = np.arange(SECONDS * rate) / rate
    tone = 0.02 * np.sin(2 * np.pi * 330 * clock)
    return click_waveform([beat + 0.1 for beat in BEATS], SECONDS, rate) + tone.astype(np.float32)


def with_picture(
    path: Path, sound: np.ndarray, *options: str, rate: int = 48_000, count: int = SECONDS * 30
) -> Path:
    """Write a video with a sound ``[samples]`` or ``[samples, channels]`` of floats."""
    raw = path.with_suffix(".f32")
    raw.write_bytes(np.ascontiguousarray(sound, "<f4").tobytes())
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    layout = ("-f", "f32le", "-ar", str(rate), "-ac", str(channels))
    return encode(path, *H264, *options, sound=raw, before_sound=layout, count=count)


def late(sound: np.ndarray, rate: int = 16_000) -> list[float]:
    """By how much each click comes later than a tenth after a second, in seconds."""
    return [heard - 0.1 - round(heard - 0.1) for heard in clicks_heard(sound, rate)]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video without a sound."""
    path = tmp_path_factory.mktemp("picture") / "plain.mp4"
    return encode(path, *H264, count=SECONDS * 30)


@pytest.mark.parametrize(("codec", "block"), [("ac3", 1536), ("eac3", 1536), ("mp2", 1152)])
def test_channels_may_change_within_a_track(
    codec: str, block: int, picture: Path, tmp_path: Path
) -> None:
    sound, size = beats(), 4 * 48_000 // block * block
    parts = []
    for number, channels in enumerate((2, 1, 2) if codec == "mp2" else (2, 6, 2)):
        stop = None if number == 2 else (number + 1) * size
        part = np.repeat(sound[number * size : stop, None], channels, axis=1)
        wav = write_wav(tmp_path / f"{number}.wav", part, 48_000)
        run_ffmpeg("-i", str(wav), "-c:a", codec, str(tmp_path / f"{number}.{codec}"))
        parts.append((tmp_path / f"{number}.{codec}").read_bytes())
    joined = tmp_path / f"joined.{codec}"
    joined.write_bytes(b"".join(parts))
    for container in ("mkv", "ts", "mp4"):
        path = tmp_path / f"changing.{container}"
        inputs = ("-i", str(picture), "-i", str(joined), "-map", "0:v", "-map", "1:a")
        run_ffmpeg(*inputs, "-c", "copy", str(path))
        with open_clip(path) as clip:
            whole = clip.soundtrack()
            part = np.concatenate(list(clip.sound_blocks(3.0, 9.0)))
        assert len(late(whole)) == SECONDS, container
        assert late(whole) == pytest.approx([0.0] * SECONDS, abs=0.03), container
        assert late(part) == pytest.approx([0.0] * 6, abs=0.03), container


def test_lost_packets_are_silence_and_move_nothing(tmp_path: Path) -> None:
    every_seventh = ("-bsf:a", "noise=drop='eq(mod(n\\,7)\\,6)'")
    path = with_picture(tmp_path / "lossy.mkv", beats(), "-c:a", "libopus", *every_seventh)
    sound, _ = hear(path)
    assert len(late(sound)) >= SECONDS - 2  # clicks may have been lost
    assert late(sound) == pytest.approx([0.0] * len(late(sound)), abs=0.021)


@pytest.mark.parametrize("pace", [1.002, 0.998])
@pytest.mark.parametrize("name", ["pcm.mkv", "aac.mkv", "aac.mp4", "mp2.ts"])
def test_a_clock_that_is_off_is_followed_without_a_break(
    name: str, pace: float, tmp_path: Path
) -> None:
    rate = 48_000
    clock = np.arange(round(SECONDS / pace * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 400 * clock)
    sound = tone + click_waveform([(beat + 0.1) / pace for beat in BEATS], clock.size / rate, rate)
    codec = {"pcm": "pcm_s16le"}.get(name[:3], name[:3])
    stamps = ("-bsf:a", f"setts=ts=TS*{pace}")
    path = with_picture(tmp_path / name, sound[: clock.size], "-c:a", codec, *stamps)
    heard, _ = hear(path)
    loud = np.flatnonzero(np.abs(heard) > 0.45)
    onsets = loud[np.r_[True, np.diff(loud) > 1600]] / 16_000
    assert onsets - 0.1 - np.rint(onsets - 0.1) == pytest.approx(np.zeros(SECONDS), abs=0.02)
    # a break in the tone would be far from what continues the two samples before it
    quiet = np.abs(heard) < 0.33
    bend = np.abs(heard[2:] - 2 * np.cos(2 * np.pi * 400 / 16_000) * heard[1:-1] + heard[:-2])
    smooth = quiet[2:] & quiet[1:-1] & quiet[:-2]
    away = np.ones(bend.size, dtype=bool)
    for onset in np.r_[0.0, onsets, SECONDS]:
        away[max(0, round((onset - 0.08) * 16_000)) : round((onset + 0.12) * 16_000)] = False
    assert bend[smooth & away].max() < 0.02


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_times_that_a_container_rounds_make_no_clicks(rate: int, tmp_path: Path) -> None:
    clock = np.arange(SECONDS * rate) / rate
    tone = (0.5 * np.sin(2 * np.pi * 997 * clock)).astype(np.float32)
    path = with_picture(tmp_path / "tone.mkv", tone, "-c:a", "flac", rate=rate)
    with open_clip(path) as clip:
        heard = clip.soundtrack(sample_rate=rate)
    np.testing.assert_allclose(heard[:-rate], tone[: heard.size - rate], atol=2e-4)


@pytest.mark.parametrize("name", CODINGS)
def test_any_stretch_is_that_of_the_whole(name: str, tmp_path: Path) -> None:
    path = with_picture(tmp_path / name, beats(), *CODINGS[name])
    with open_clip(path) as clip:
        for rate in (16_000, 44_100):
            whole = clip.soundtrack(rate)
            for start, stop in ((0.0, 3.3), (2.9, 7.1), (5.0, 10.0), (9.37, 11.99)):
                part = np.concatenate(list(clip.sound_blocks(start, stop, sample_rate=rate)))
                asked = whole[round(start * rate) : round(stop * rate)]
                np.testing.assert_allclose(part, asked, atol=1e-4)


def test_the_louder_of_two_channels_that_cancel_each_other_is_heard(tmp_path: Path) -> None:
    sound = beats()
    both = np.stack([sound, -0.9 * sound], axis=1)
    path = with_picture(tmp_path / "phase.mkv", both, "-c:a", "pcm_s16le")
    with open_clip(path) as clip:
        mono = clip.soundtrack()
        assert any("cancel each other" in warning for warning in clip.warnings)
        assert np.abs(mono).max() == pytest.approx(0.6, abs=0.05)
        assert len(clicks_heard(mono)) == SECONDS


def test_sound_beyond_full_scale_keeps_its_form_and_is_said(tmp_path: Path) -> None:
    clock = np.arange(SECONDS * 48_000) / 48_000
    tone = (3.0 * np.sin(2 * np.pi * 440 * clock)).astype(np.float32)
    path = with_picture(tmp_path / "loud.mkv", tone, "-c:a", "pcm_f32le")
    with open_clip(path) as clip:
        heard = clip.soundtrack()[16_000:-16_000]
        assert any("beyond full scale" in warning for warning in clip.warnings)
    assert np.abs(heard).max() <= 1.0
    expected = np.sin(2 * np.pi * 440 * (np.arange(heard.size) / 16_000 + 1.0))
    np.testing.assert_allclose(heard, expected, atol=0.01)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_what_resampling_makes_louder_is_not_cut(rate: int, tmp_path: Path) -> None:
    clock = np.arange(SECONDS * 48_000) / 48_000
    square = np.sign(np.sin(2 * np.pi * 440 * clock)) * np.where(clock > 6, 1.0, 0.5)
    path = with_picture(tmp_path / "square.mkv", square, "-c:a", "pcm_s16le")
    with open_clip(path) as clip:
        heard = clip.soundtrack(rate)
    assert np.abs(heard).max() <= 1.0
    # cut tops would bring the mean nearer to the peak
    soft, loud = heard[rate : 5 * rate], heard[7 * rate : 11 * rate]
    crests = [float(np.abs(part).max() / np.abs(part).mean()) for part in (soft, loud)]
    assert crests[1] == pytest.approx(crests[0], rel=0.02)


def test_a_default_track_without_a_decoder_gives_way_to_the_next(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "s.wav", click_waveform(CLICKS, 2.4, 48_000), 48_000)
    first = encode(tmp_path / "first.mkv", *H264, "-c:a", "aac", sound=wav)
    path = tmp_path / "two.mkv"
    inputs = ("-i", str(first), "-i", str(wav), "-map", "0", "-map", "1:a")
    run_ffmpeg(*inputs, "-c", "copy", "-c:a:1", "flac", "-disposition:a:0", "default", str(path))
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    with open_clip(path) as clip:
        assert clicks_heard(clip.soundtrack()) == pytest.approx(CLICKS, abs=0.002)
        assert any("track 1" in said and "number 2 of 2" in said for said in clip.warnings)


def test_damage_costs_the_place_where_it_is(tmp_path: Path) -> None:
    path = with_picture(tmp_path / "damaged.mkv", beats(), "-c:a", "libopus")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8000] = bytes(8000)
    path.write_bytes(data)
    with open_clip(path) as clip:
        sound = clip.soundtrack()
        assert any("missing or damaged" in warning for warning in clip.warnings)
    assert len(late(sound)) >= SECONDS - 3
    assert late(sound) == pytest.approx([0.0] * len(late(sound)), abs=0.021)


def test_packets_that_cannot_be_decoded_are_named(tmp_path: Path) -> None:
    whole = with_picture(tmp_path / "whole.mp4", beats(), "-c:a", "aac")
    path = tmp_path / "torn.mp4"
    torn = "noise=amount='if(between(n,250,290),1,0)'"
    remux(whole, path, "-bsf:a", torn)
    for name, expected in ((whole, 0), (path, 1)):
        with open_clip(name) as clip:
            clip.soundtrack()
            list(clip.sound_blocks(7.3, 9.0))
            said = [warning for warning in clip.warnings if "missing or damaged" in warning]
            assert len(said) == expected


def test_nothing_outlives_the_reading_of_sound(tmp_path: Path) -> None:
    path = with_picture(tmp_path / "held.mkv", beats(), "-c:a", "libopus")

    def held() -> tuple[int, int, int]:
        links = [Path(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        files = sum(link.is_symlink() and os.readlink(link) == str(path) for link in links)
        return files, threading.active_count(), len(children())

    with open_clip(path) as clip:
        before = held()
        clip.soundtrack()
        blocks = clip.sound_blocks(1.0, 9.0, block_seconds=0.5)
        next(blocks)
        assert held()[0] == before[0] + 1
        blocks.close()
        list(clip.sound_blocks(2.0, 5.0, speed=1.5))
        assert held() == before
