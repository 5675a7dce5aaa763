from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.inference import PackedMasks, Proposal, Proposals
from napari_tavis.session import AnnotationSession, FrameStatus, SessionError

from .conftest import box, reopened


@pytest.fixture
def saved(session: AnnotationSession) -> Path:
    session.save()
    return session.directory


@pytest.fixture
def closed(session: AnnotationSession, saved: Path) -> Path:
    session.close()
    return saved


def files_of(directory: Path) -> dict[str, int]:
    """Every file with the time it was written."""
    return {
        str(path.relative_to(directory)): path.stat().st_mtime_ns
        for path in directory.rglob("*")
        if path.is_file()
    }


def edit_json(directory: Path, **changes: object) -> None:
    (directory / "session.previous.json").unlink()
    path = directory / "session.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def mask_path(directory: Path, frame: int, object_id: int = 1) -> Path:
    return next((directory / "masks" / str(object_id)).glob(f"{frame:08d}-*.png"))


def test_masks_are_one_bit_pictures_that_others_can_read(saved: Path) -> None:
    with Image.open(mask_path(saved, 28)) as image:
        assert image.mode == "1"
        assert np.array_equal(np.asarray(image), box(4, 2))


def test_others_may_read_what_the_umask_lets_them(session: AnnotationSession, video: Path) -> None:
    session.save()
    allowed = video.stat().st_mode & 0o777
    for path in (session.directory / "session.json", mask_path(session.directory, 28)):
        assert path.stat().st_mode & 0o777 == allowed


def test_saving_twice_writes_nothing(session: AnnotationSession, saved: Path) -> None:
    before = files_of(saved)
    session.save()
    assert files_of(saved) == before


def test_an_edit_writes_its_own_mask_and_a_few_lines(
    session: AnnotationSession, saved: Path
) -> None:
    before = files_of(saved)
    session.set_mask(1, 58, box(0, 0))
    session.save()
    after = files_of(saved)
    changed = {name for name in after if before.get(name) != after[name]}
    assert len(changed) == 2
    assert {name.split("/")[0] for name in changed} == {"masks", "journal-000001.jsonl"}


def test_accepting_writes_no_mask(session: AnnotationSession, saved: Path) -> None:
    before = files_of(saved)
    session.accept()
    session.save()
    after = files_of(saved)
    assert {name for name in after if before.get(name) != after[name]} == {"journal-000001.jsonl"}


def test_what_nothing_names_goes_when_the_session_is_closed(
    session: AnnotationSession, saved: Path
) -> None:
    session.remove_object(1)
    for left in (0, 1, 2):
        session.set_mask(2, 28, box(0, left))
        session.save()
    assert (saved / "masks" / "1").exists()  # undo may need it
    session.close()
    assert not (saved / "masks" / "1").exists()
    assert len(list((saved / "masks" / "2").iterdir())) == 2  # the mask and the proposal
    assert [item.object_id for item in reopened(saved).objects] == [2, 3]
    assert reopened(saved).warnings == []


def test_masks_without_a_line_in_the_journal_change_nothing(
    session: AnnotationSession, saved: Path
) -> None:
    """What a crash between the masks and the journal leaves: new masks that nothing names."""
    (saved / "journal-000001.jsonl").mkdir()  # the last step of saving cannot be done
    session.set_mask(1, 28, box(0, 0))
    with pytest.raises(SessionError):
        session.save()
    assert session.dirty
    (saved / "journal-000001.jsonl").rmdir()

    again = reopened(saved)
    assert again.warnings == []
    assert again.status(1, 28) is FrameStatus.PROPOSED
    assert np.array_equal(again.mask(1, 28), box(4, 2))
    session.save()
    assert np.array_equal(reopened(saved).mask(1, 28), box(0, 0))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "other size", "gone"])
def test_a_damaged_mask_costs_its_frame_only(closed: Path, video: Path, damage: str) -> None:
    path = mask_path(closed, 58)
    data = path.read_bytes()
    contents = {
        "truncated": data[:-20],
        "flipped": data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        "empty": b"",
        "text": b"no picture",
    }
    if damage == "gone":
        path.unlink()
    elif damage == "other size":
        Image.new("1", (3, 3)).save(path)
    else:
        path.write_bytes(contents[damage])

    again = AnnotationSession.open(video)
    assert [path.name in warning for warning in again.warnings] == [True]
    assert again.annotated_frames(1) == [28, 88]
    assert not again.mask(1, 58).any()
    assert np.array_equal(again.mask(1, 88), box(4, 4))
    again.set_mask(1, 58, box(4, 3))  # the same mask once more: the file is made whole
    again.save()
    assert reopened(video).warnings == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_session_file_is_named(saved: Path, video: Path, content: bytes) -> None:
    for name in ("session.json", "session.previous.json"):
        (saved / name).write_bytes(content)
    with pytest.raises(SessionError, match=r"session\.json is damaged"):
        reopened(video)


@pytest.mark.parametrize(
    "changes",
    [
        {"objects": None},
        {"objects": [{"id": 1}]},
        {"video": {}},
        {"frame_indices": "many"},
        {"next_object_id": 2},
        {"vocabulary": 7},
    ],
)
def test_wrong_contents_are_named(saved: Path, video: Path, changes: dict[str, object]) -> None:
    edit_json(saved, **changes)
    with pytest.raises(SessionError, match=r"session\.json is damaged"):
        reopened(video)


@pytest.mark.parametrize("version", [None, 0, 3, "1"])
def test_another_version_is_refused(saved: Path, video: Path, version: object) -> None:
    edit_json(saved, schema_version=version)
    with pytest.raises(SessionError, match=r"session\.json has schema version"):
        reopened(video)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "masks/1/../../../x.png", 3])
def test_masks_cannot_lie_outside(saved: Path, video: Path, name: object) -> None:
    objects = json.loads((saved / "session.json").read_text())["objects"]
    objects[0]["frames"]["28"]["mask"] = name
    edit_json(saved, objects=objects)
    with pytest.raises(SessionError, match=r"session\.json is damaged"):
        reopened(video)


def test_a_link_out_of_the_directory_is_refused(saved: Path, video: Path, tmp_path: Path) -> None:
    path = mask_path(saved, 28)
    path.rename(tmp_path / "elsewhere.png")
    path.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(SessionError, match="leads out"):
        reopened(video)


def test_no_session_is_said_plainly(video: Path) -> None:
    directory = video.with_name("clip.mp4.tavis")
    for path in (video, directory):
        with pytest.raises(SessionError, match=r"session to open in [^ ]*clip\.mp4\.tavis \("):
            reopened(path)


def test_a_disk_that_refuses_leaves_what_was_there(session: AnnotationSession, saved: Path) -> None:
    session.add_object("drum")
    session.set_mask(4, 28, box(0, 0))
    (saved / "masks" / "4").write_text("in the way")  # no directory can be made here
    before = (saved / "session.json").read_bytes()
    with pytest.raises(SessionError, match="Cannot save the session"):
        session.save()
    assert session.dirty
    assert (saved / "session.json").read_bytes() == before
    assert not list(saved.rglob("*.tmp"))
    (saved / "masks" / "4").unlink()
    session.save()
    assert np.array_equal(reopened(saved).mask(4, 28), box(0, 0))


def test_a_long_journal_becomes_a_snapshot(session: AnnotationSession, saved: Path) -> None:
    for number in (1, 2, 3):
        session.set_masks(number, dict.fromkeys(range(150), box(0, 0)), label="Paint")
    session.save()
    before = (saved / "session.json").read_bytes()
    for _ in range(2):
        session.accept()
        session.save()
        session.undo()
        session.save()
    assert (saved / "session.json").read_bytes() != before
    assert (saved / "session.previous.json").read_bytes() == before
    assert reopened(saved).objects == session.objects
    assert sum(path.stat().st_size for path in saved.glob("journal-*")) < 1_000_000


def test_a_first_save_that_fails_can_be_repeated(session: AnnotationSession, video: Path) -> None:
    directory = session.directory
    (directory / "masks").mkdir(parents=True)
    (directory / "masks" / "2").write_text("in the way")
    with pytest.raises(SessionError, match="Cannot save the session"):
        session.save()
    assert session.dirty
    session.set_mask(1, 31, box(0, 0))
    (directory / "masks" / "2").unlink()
    session.save()
    assert reopened(video).objects == session.objects
    assert reopened(video).warnings == []


def test_a_long_session_stays_small(video: Path) -> None:
    size = (1080, 1920)
    rows, columns = np.ogrid[: size[0], : size[1]]
    frames = range(28, 6000, 30)
    masks = PackedMasks(size)
    for number, frame in enumerate(frames):
        masks[frame] = (rows - 540) ** 2 + (columns - 600 - number) ** 2 < 300**2
    times = np.array(frames) / 30
    objects = [Proposal("dog", 0.5, masks)]
    proposals = Proposals(np.array(frames), times, size, objects, frame_count=6000)
    session = AnnotationSession.create(video, proposals)
    session.save()
    records = reopened(video).objects[0].frames.values()
    assert [blob.held for record in records for blob in record.blobs] == [0] * len(frames)
    on_disk = sum(path.stat().st_size for path in session.directory.rglob("*.png"))
    assert on_disk < 0.02 * len(frames) * size[0] * size[1]
    assert np.array_equal(reopened(video).mask(1, 58), masks[58])


def test_the_first_version_is_read_and_becomes_this_one(video: Path, closed: Path) -> None:
    """A session as napari-tavis 0.1 wrote it."""
    document = json.loads((closed / "session.json").read_text())
    for key in ("generation", "marks"):
        del document[key]
    for item in document["objects"]:
        del item["state"], item["threshold"]
    document["schema_version"] = 1
    (closed / "session.json").write_text(json.dumps(document, indent=1))
    (closed / "session.previous.json").unlink()

    session = AnnotationSession.open(video)
    assert session.warnings == []
    assert [item.class_name for item in session.objects] == ["dog", "bell", "scene"]
    assert session.threshold(1) == 0.5
    assert not session.dirty
    session.set_mask(1, 58, box(0, 0))
    session.save()
    assert json.loads((closed / "session.json").read_text())["schema_version"] == 2
    assert reopened(video).objects == session.objects
    assert np.array_equal(reopened(video).mask(1, 28), box(4, 2))
