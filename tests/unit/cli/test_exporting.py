"""``export`` in all formats and ``import``, from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import run

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.datasets.avsbench import open_dataset
from napari_tavis.media import open_clip, write_video

SIZE = (224, 224)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds, each frame of another brightness, with a tone."""
    frames = (np.full((*SIZE, 3), 20 + n, dtype=np.uint8) for n in range(125))
    tone = 0.4 * np.sin(2 * np.pi * 500 * np.arange(5 * 16_000) / 16_000)
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    return write_video(path, frames, 25, tone.astype(np.float32))


@pytest.fixture
def session(street: Path, tmp_path: Path) -> Path:
    """A saved session of a clip: a dog, and a class that AVSBench does not have."""
    video = Path(shutil.copy(street, tmp_path / "street.mp4"))
    frames = [23, 48, 73, 98, 123]
    mask = np.zeros(SIZE, dtype=bool)
    mask[40:90, 60:120] = True
    objects = [
        Proposal("dog", 0.9, dict.fromkeys(frames, mask)),
        Proposal("church bell", 0.8, dict.fromkeys(frames, mask[::-1])),
    ]
    with open_clip(video) as clip:
        times, size = clip.times, clip.size
    proposals = Proposals(frames, times[frames], size, objects, frame_count=len(times))
    made = AnnotationSession.create(video, proposals)
    made.accept()
    made.save()
    made.close()
    return made.path


def take_back(session: Path, *frames: int) -> None:
    """Leave frames as the model proposed them."""
    opened = AnnotationSession.open(session)
    for item in opened.objects:
        for frame in frames:
            opened.revert(item.object_id, frame)
    opened.save()
    opened.close()


def test_unknown_classes_are_refused_with_the_option_that_helps(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["export", session, "--dataset", tmp_path / "data", "--subset", "v1m", "--split", "val"]
    assert run(*asked) == 2
    assert '--map "church bell=bell"' in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
    assert run(*asked, "--map", "church bell=bell", "--licence", "CC0") == 0
    assert "church bell is exported as bell" in capsys.readouterr().err
    assert open_dataset(tmp_path / "data", "v1m", "val")[0].class_names == ("bell", "dog")
    assert "CC0" in (tmp_path / "data" / "sources.csv").read_text()


def test_again_writes_what_has_changed(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, options = tmp_path / "data", ["--map", "church bell=", "--masks", "objects"]
    assert (
        run("export", session, "--dataset", data, "--subset", "ms3", "--split", "val", *options)
        == 0
    )
    capsys.readouterr()
    assert run("export", session, "--again") == 0
    assert "nothing has changed" in capsys.readouterr().err
    opened = AnnotationSession.open(session)
    painted = np.zeros(SIZE, dtype=bool)
    painted[:10] = True
    opened.set_mask(1, 23, painted)
    opened.save()
    opened.close()
    assert run("export", session, "--again") == 0
    np.testing.assert_array_equal(open_dataset(data, "ms3", "val")[0].masks[0], painted)
    assert run("validate", data) == 0


def test_what_nobody_checked_is_counted_and_refused_unless_asked_for(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take_back(session, 48, 73, 98, 123)
    for format_name, count in (("avsbench", 4), ("coco", 4), ("davis", 4), ("youtube-vos", 4)):
        data = tmp_path / format_name
        asked = ["export", session, "--dataset", data, "--format", format_name, "--split", "val"]
        asked += ["--subset", "v1m", "--map", "church bell=bell"]
        assert run(*asked) == 2
        said = capsys.readouterr().err
        assert f"{count} of the 5 annotated frames" in said
        assert "--include-proposals" in said
        assert not data.exists()
        assert run(*asked, "--include-proposals") == 0
        assert f"{count} of the 5 annotated frames" in capsys.readouterr().err
    opened = AnnotationSession.open(session)
    opened.set_mask(1, 23, np.ones(SIZE, dtype=bool))
    opened.save()
    opened.close()
    assert run("export", session, "--again") == 0, "with the settings of then"


def test_a_single_source_clip_for_training_needs_its_first_frame_checked_alone(
    session: Path, tmp_path: Path
) -> None:
    take_back(session, 48, 73, 98, 123)
    asked = ["export", session, "--dataset", tmp_path / "data", "--subset", "s4"]
    asked += ["--map", "church bell=", "--split"]
    assert run(*asked, "train") == 0
    assert run(*asked, "val", "--overwrite") == 2


def test_a_missing_partner_is_said_once_with_what_removes_it(
    session: Path, tmp_path: Path, street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = tmp_path / "second.mp4.tavis"
    shutil.copy(street, tmp_path / "second.mp4")
    opened = AnnotationSession.open(session)
    proposals = Proposals(
        opened.frame_indices,
        opened.frame_times,
        opened.frame_size,
        [Proposal("dog", 1.0, {int(f): opened.mask(1, int(f)) for f in opened.frame_indices})],
    )
    opened.close()
    made = AnnotationSession.create(tmp_path / "second.mp4", proposals, path=second)
    made.accept()
    made.save()
    made.close()
    options = ["--dataset", tmp_path / "data", "--split", "val", "--map", "church bell=bell"]
    assert run("export", session, second, *options, "--subset", "s4") == 0
    assert capsys.readouterr().err.count("exporting v1s, too, removes this warning") == 1
    assert run("export", session, second, *options, "--subset", "v1s") == 0
    assert "warning" not in capsys.readouterr().err
    options.append("--overwrite")
    assert run("export", session, second, *options, "--subset", "s4") == 0
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("format_name", "written"),
    [
        ("coco", "annotations/train.json"),
        ("davis", "ImageSets/2017/train.txt"),
        ("youtube-vos", "train/meta.json"),
        ("overlay", "street.mp4"),
    ],
)
def test_other_formats(session: Path, tmp_path: Path, format_name: str, written: str) -> None:
    data = tmp_path / "out"
    options = [] if format_name == "overlay" else ["--split", "train"]
    asked = ["export", session, "--dataset", data, "--format", format_name, *options]
    assert run(*asked) == 0
    assert (data / written).is_file()
    assert run(*asked) == 2, "nothing is replaced unasked"
    assert run(*asked, "--overwrite") == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--dataset"),
        (("--dataset", "d"), "--subset"),
        (("--dataset", "d", "--subset", "v1m"), "--split"),
        (("--dataset", "d", "--format", "coco"), "--split"),
        (("--dataset", "d", "--subset", "v1m", "--split", "val", "--map", "rain"), "'rain'"),
        (("--dataset", "d", "--format", "gif"), "gif"),
    ],
)
def test_missing_and_wrong_options_are_one_line(
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", "missing.tavis", *options) == 2
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert said in line
    assert list(tmp_path.iterdir()) == []


def test_import_correct_export(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    options = ["--subset", "v1m", "--split", "test", "--map", "church bell=bell"]
    assert run("export", session, "--dataset", data, *options) == 0
    capsys.readouterr()
    assert run("import", data, "--output", work) == 0
    (video,) = map(Path, capsys.readouterr().out.split())
    opened = AnnotationSession.open(video)
    bell = next(item for item in opened.objects if item.class_name == "bell")
    opened.reject(bell.object_id)
    opened.save()
    opened.close()
    assert run("export", video, "--again") == 0
    assert open_dataset(data, "v1m", "test")[0].class_names == ("dog",)
    assert run("import", tmp_path / "nothing", "--output", work) == 2


def test_import_names_what_it_leaves(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    assert run("export", session, "--dataset", data, "--format", "coco", "--split", "val") == 0
    path = data / "annotations" / "val.json"
    content = json.loads(path.read_text())
    content["annotations"][3]["segmentation"] = [[0, 0, 1e9, 0, 1e9, 1e9]]
    content["annotations"][4]["image_id"] = 99
    path.write_text(json.dumps(content))
    capsys.readouterr()
    assert run("import", path, "--output", work) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "mask of annotation 4 cannot be read (its point (1e+09, " in said.err
    assert "annotation 5: there is no image with the id 99" in said.err
    assert "Imported 0 of 10 annotations, 0 of 5 frames, 0 objects in 0 videos." in said.err
    assert not work.exists()
    assert run("import", path, "--output", work, "--partial") == 0
    said = capsys.readouterr()
    assert [Path(line).name for line in said.out.split()] == ["street.mp4"]
    assert "left: street.mp4" in said.err or "left: videos/street.mp4" in said.err
    assert "Imported 8 of 10 annotations, 5 of 5 frames, 2 objects in 1 videos." in said.err
