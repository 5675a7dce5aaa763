"""From video files to an AVSBench folder on the command line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from imageio_ffmpeg import get_ffmpeg_exe

from napari_tavis.annotation import AnnotationSession, FrameStatus
from napari_tavis.datasets.avsbench import open_dataset


@pytest.fixture
def video(toy_video: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(toy_video, tmp_path / "street.mp4"))


def annotate(video: Path, output: Path, *more: str) -> int:
    return run("annotate", video, "--output", output, "--device", "cpu", *more)


def test_video_to_dataset(video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, data = tmp_path / "work", tmp_path / "data"
    assert annotate(video, work) == 0
    session = work / "street.mp4.tavis"
    assert str(session) in capsys.readouterr().out
    assert len(list((work / "street.mp4.overlays").glob("*.png"))) == 5

    for subset in ("ms3", "v1m"):
        export = ["export", session, "--dataset", data, "--subset", subset, "--split", "train"]
        assert run(*export) == 2, "nobody has looked at the proposals"
        assert "--include-proposals" in capsys.readouterr().err
        export.append("--include-proposals")
        assert run(*export) == 0
        assert run("validate", data) == 0
        assert len(open_dataset(data, subset, "train")) == 1

        capsys.readouterr()
        assert run(*export) == 2, "a clip of that name is there"
        assert "--overwrite" in capsys.readouterr().err
        assert run(*export, "--overwrite") == 0
        assert run("validate", data) == 0
        assert len(open_dataset(data, subset, "train")) == 1


def test_a_video_that_fails_does_not_stop_the_others(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is not a video")
    assert run("annotate", broken, video, "--output", tmp_path / "work", "--device", "cpu") == 2
    output = capsys.readouterr()
    assert "broken.mp4" in output.err
    assert "1 of 2 videos failed." in output.err
    assert "Traceback" not in output.err
    assert AnnotationSession.open(tmp_path / "work" / "street.mp4.tavis").objects
    assert not (tmp_path / "work" / "broken.mp4.tavis").exists()


def test_what_cannot_be_kept_beside_the_video_is_kept_elsewhere_and_found(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAPARI_TAVIS_HOME", str(tmp_path / "home"))
    # a folder in which nobody can make this one file, not even root
    video = video.rename(tmp_path / f"{'x' * 246}.mp4")
    for _ in range(2):
        assert run("annotate", video, "--device", "cpu") == 0
        output = capsys.readouterr()
        place = next((tmp_path / "home" / "sessions").glob("*.tavis"))
        assert str(place) in output.out
        assert str(place) in output.err
        assert len(list(place.with_suffix(".overlays").glob("*.png"))) == 5
    options = ["--format", "coco", "--split", "train", "--name", "clip", "--include-proposals"]
    assert run("export", video, "--dataset", tmp_path / "coco", *options) == 0
    capsys.readouterr()
    assert run("stats", tmp_path) == 0
    assert "1 clip" in capsys.readouterr().out


def test_where_nothing_can_be_kept_nothing_is_computed(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAPARI_TAVIS_HOME", str(video))  # beneath a file nothing can be made
    monkeypatch.setattr("napari_tavis.engine.LocalEngine.segment", None)
    video = video.rename(tmp_path / f"{'x' * 246}.mp4")
    video.with_name("street.mp4").touch()
    assert run("annotate", video, "--device", "cpu") == 2
    error = capsys.readouterr().err
    assert "Nor can it be kept elsewhere" in error
    assert error.count("\n") == 1


def test_half_precision_finds_the_same_objects(video: Path, tmp_path: Path) -> None:
    found = []
    for precision in ("float32", "bfloat16"):
        settings = ["--precision", precision, "--fps", "0.4"]
        assert annotate(video, tmp_path / precision, *settings) == 0
        session = AnnotationSession.open(tmp_path / precision / f"{video.name}.tavis")
        found.append([item.class_name for item in session.objects if item.kind == "object"])
        session.close()
    assert found[0]
    assert found[0] == found[1]


def test_session_lies_beside_the_video_by_default(video: Path) -> None:
    assert run("annotate", video, "--device", "cpu", "--fps", "2", "--vocabulary", "dog,bell") == 0
    session = AnnotationSession.open(video)
    assert len(session.frame_indices) == 10
    assert session.vocabulary == ("dog", "bell")
    assert {o.class_name for o in session.objects if o.kind == "object"} <= {"dog", "bell"}


def test_annotating_again_keeps_what_a_person_did(video: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert annotate(video, work) == 0
    session = AnnotationSession.open(work / "street.mp4.tavis")
    item = session.add_object("dog")
    painted = np.zeros(session.frame_size, dtype=bool)
    painted[:20, :20] = True
    session.set_mask(item.object_id, 30, painted)
    session.save()
    assert annotate(video, work) == 2  # open elsewhere
    session.close()

    assert annotate(video, work) == 0
    again = AnnotationSession.open(work / "street.mp4.tavis")
    assert again.status(item.object_id, 30) is FrameStatus.EDITED
    np.testing.assert_array_equal(again.mask(item.object_id, 30), painted)


def test_a_silent_video_is_told_and_gives_no_object(
    silent_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate(silent_video, tmp_path / "work") == 0
    output = capsys.readouterr()
    assert "soundtrack" in output.err
    session = AnnotationSession.open(tmp_path / "work" / f"{silent_video.name}.tavis")
    for item in session.objects:
        for index in session.frame_indices:
            assert session.mask(item.object_id, int(index)).mean() < 0.02


def test_a_truncated_video_gives_what_can_be_decoded_and_says_so(
    toy_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A Matroska file has no index at its end that is lost with it.
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    ffmpeg = [get_ffmpeg_exe(), "-v", "error", "-i", toy_video, "-c", "copy", whole]
    subprocess.run(ffmpeg, check=True)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) * 6 // 10])
    assert annotate(cut, tmp_path / "work") == 0
    assert "warning: cut.mkv: " in capsys.readouterr().err
    session = AnnotationSession.open(tmp_path / "work" / "cut.mkv.tavis", video=cut)
    assert 0 < len(session.frame_indices) < 5


def test_an_unknown_class_is_refused_before_anything_is_written(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("annotate", video, "--device", "cpu") == 0
    session = AnnotationSession.open(video)
    item = session.add_object("theremin")
    session.set_mask(item.object_id, 23, np.ones(session.frame_size, dtype=bool))
    session.save()
    data = tmp_path / "data"
    assert run("export", video, "--dataset", data, "--subset", "v1m", "--split", "test") == 2
    assert "theremin" in capsys.readouterr().err
    assert not data.exists()
