"""How ffmpeg is called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_tavis.core.errors import EncodingError, FfmpegMissingError
from napari_tavis.media import ffmpeg, write_video

from .samples import numbered_frames


def test_a_name_is_always_an_absolute_path_behind_its_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-i.mp4", "concat:a|b", "http:x", "pipe:0"):
        assert ffmpeg.url(Path(name)) == f"file:{tmp_path}/{name}"


def test_errors_are_complaints() -> None:
    log = [
        "[info] Input #0, mov, from 'file:x':",
        "[mov @ 0x55d0c0] [error] moov atom not found",
        "[in#0/avi @ 0x1] [warning] deprecated pixel format used",
        "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [error] Invalid data",
        "[mov @ 0x55d0c0] [error] moov atom not found",
    ]
    assert ffmpeg.complaints(log) == [
        "moov atom not found",
        "Invalid data",
    ]


def test_a_log_in_any_encoding_is_read() -> None:
    assert ffmpeg.text(b"title: \xff\xfe caf\xc3\xa9").endswith("café")


def test_the_users_log_settings_do_not_disturb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg.executable()  # imageio-ffmpeg asks for its version once
    monkeypatch.setenv("AV_LOG_FORCE_COLOR", "1")
    monkeypatch.setenv("FFREPORT", f"file={tmp_path}/report.log")
    written = write_video(tmp_path / "a.mp4", numbered_frames(3), 30)
    assert list(tmp_path.iterdir()) == [written]


BREAKS_DOWN = "case $1 in -version) echo ffmpeg version n9.0;; *) kill -SEGV $$;; esac"


@pytest.fixture
def no_program_found_yet() -> Iterator[None]:
    ffmpeg.executable.cache_clear()
    yield
    ffmpeg.executable.cache_clear()


@pytest.mark.usefixtures("no_program_found_yet")
def test_a_program_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    with pytest.raises(FfmpegMissingError, match="/nowhere/ffmpeg"):
        write_video(tmp_path / "a.mp4", numbered_frames(3), 30)


@pytest.mark.skipif(os.name == "nt", reason="needs a shell script as a program")
@pytest.mark.usefixtures("no_program_found_yet")
@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("echo ffmpeg version 4.2.2-static Copyright", FfmpegMissingError, "too old"),
        (BREAKS_DOWN, EncodingError, "a.mp4"),
    ],
)
def test_a_program_that_is_too_old_or_breaks_down_is_said(
    script: str,
    error: type[Exception],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    with pytest.raises(error, match=words):
        write_video(tmp_path / "a.mp4", numbered_frames(3), 30)
