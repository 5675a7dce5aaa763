from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_tavis.inference import PackedMasks, Proposal, Proposals
from napari_tavis.session import AnnotationSession, FrameStatus, SessionError

from .conftest import box


@pytest.fixture
def saved(session: AnnotationSession) -> Path:
    session.save()
    return session.directory


def files_of(directory: Path) -> dict[str, int]:
    """Every file with the time it was written."""
    return {
        str(path.relative_to(directory)): path.stat().st_mtime_ns
        for path in directory.rglob("*")
        if path.is_file()
    }


def edit_json(directory: Path, **changes: object) -> None:
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


def test_an_edit_writes_its_own_mask_only(session: AnnotationSession, saved: Path) -> None:
    before = files_of(saved)
    session.set_mask(1, 58, box(0, 0))
    session.save()
    after = files_of(saved)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"session.json", str(mask_path(saved, 58).relative_to(saved))}
    assert len(after) == len(before)  # the old mask of that frame is gone


def test_accepting_writes_no_mask(session: AnnotationSession, saved: Path) -> None:
    before = files_of(saved)
    session.accept()
    session.save()
    after = files_of(saved)
    assert {name for name in after if before.get(name) != after[name]} == {"session.json"}


def test_a_removed_object_leaves_no_files(session: AnnotationSession, saved: Path) -> None:
    session.remove_object(1)
    session.save()
    assert not (saved / "masks" / "1").exists()
    assert [item.object_id for item in AnnotationSession.open(saved).objects] == [2, 3]


def test_masks_without_their_session_file_change_nothing(
    session: AnnotationSession, saved: Path
) -> None:
    """What a crash between the masks and session.json leaves: new masks, the old document."""
    (saved / "session.json").rename(saved / "kept")
    (saved / "session.json").mkdir()  # the last step of saving cannot be done
    session.set_mask(1, 28, box(0, 0))
    with pytest.raises(SessionError):
        session.save()
    (saved / "session.json").rmdir()
    (saved / "kept").rename(saved / "session.json")

    again = AnnotationSession.open(saved)
    assert again.warnings == []
    assert again.status(1, 28) is FrameStatus.PROPOSED
    assert np.array_equal(again.mask(1, 28), box(4, 2))


def test_a_killed_process_leaves_a_whole_session(saved: Path, video: Path) -> None:
    script = (
        "import sys, numpy as np\n"
        "from napari_tavis.session import AnnotationSession\n"
        "session = AnnotationSession.open(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "for stroke in range(10**6):\n"
        "    mask = np.zeros(session.frame_size)\n"
        "    mask.flat[: 1 + stroke % 900] = 1\n"
        "    for frame in (28, 58):\n"
        "        session.set_mask(1, frame, mask)\n"
        "    session.save()\n"
    )
    for pause in (0.05, 0.11, 0.17):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(video)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"ready"
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        again = AnnotationSession.open(video)
        assert again.warnings == []
        assert np.array_equal(again.mask(1, 28), again.mask(1, 58))
        assert again.status(1, 28) is FrameStatus.EDITED


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "other size", "gone"])
def test_a_damaged_mask_costs_its_frame_only(saved: Path, video: Path, damage: str) -> None:
    path = mask_path(saved, 58)
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
    assert AnnotationSession.open(video).warnings == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_session_file_is_named(saved: Path, video: Path, content: bytes) -> None:
    (saved / "session.json").write_bytes(content)
    with pytest.raises(SessionError, match=r"session\.json is damaged"):
        AnnotationSession.open(video)


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
        AnnotationSession.open(video)


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_another_version_is_refused(saved: Path, video: Path, version: object) -> None:
    edit_json(saved, schema_version=version)
    with pytest.raises(SessionError, match=r"session\.json has schema version"):
        AnnotationSession.open(video)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "masks/1/../../../x.png", 3])
def test_masks_cannot_lie_outside(saved: Path, video: Path, name: object) -> None:
    document = json.loads((saved / "session.json").read_text())
    document["objects"][0]["frames"]["28"]["mask"] = name
    (saved / "session.json").write_text(json.dumps(document))
    with pytest.raises(SessionError, match=r"session\.json is damaged"):
        AnnotationSession.open(video)


def test_a_link_out_of_the_directory_is_refused(saved: Path, video: Path, tmp_path: Path) -> None:
    path = mask_path(saved, 28)
    path.rename(tmp_path / "elsewhere.png")
    path.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(SessionError, match="leads out"):
        AnnotationSession.open(video)


def test_no_session_is_said_plainly(video: Path) -> None:
    directory = video.with_name("clip.mp4.tavis")
    for path in (video, directory):
        with pytest.raises(SessionError, match=r"session to open in [^ ]*clip\.mp4\.tavis \("):
            AnnotationSession.open(path)


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
    assert np.array_equal(AnnotationSession.open(saved).mask(4, 28), box(0, 0))


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
    kept = [record.png for record in AnnotationSession.open(video).objects[0].frames.values()]
    assert len(kept) == len(frames)
    assert sum(len(png or b"") for png in kept) < 0.02 * len(kept) * size[0] * size[1]
    assert np.array_equal(AnnotationSession.open(video).mask(1, 58), masks[58])
