"""What counts as accepted, and the tree that is made of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.errors import ImprovementError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench import open_dataset
from napari_tavis.lab.improvement.clips import (
    Accepted,
    AcceptedClip,
    find_accepted,
    write_clips,
)


@pytest.fixture
def one(corrected: Path, tmp_path: Path) -> Path:
    """A copy of one video's session, to be changed."""
    for entry in corrected.glob("thermal5-0001.mp4*"):
        target = tmp_path / "one" / entry.name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if entry.is_dir() else shutil.copy)(entry, target)
    return tmp_path / "one"


def change(folder: Path, *, done: bool) -> AnnotationSession:
    session = AnnotationSession.open(next(folder.glob("*.tavis")))
    session.set_done(done)
    return session


def test_done_videos_become_a_tree_of_their_masks(corrected: Path, tmp_path: Path) -> None:
    accepted = find_accepted([corrected])
    assert len(accepted.clips) == accepted.videos == 5
    assert accepted.left_out == ()
    splits = accepted.divide()
    assert list(splits.values()) == ["train"] * 4 + ["val"]
    write_clips(splits, tmp_path / "data")
    train = open_dataset(tmp_path / "data", "v1m", "train")
    assert train.names == tuple(f"clip{number:05d}" for number in range(4))
    session = AnnotationSession.open(accepted.clips[0].session, read_only=True)
    masks = [
        np.any([session.mask(item.object_id, int(f)) for item in session.objects], axis=0)
        for f in session.frame_indices
    ]
    session.close()
    np.testing.assert_array_equal(train[0].masks, np.stack(masks))


def test_a_video_counts_when_all_its_masks_are_accepted_even_if_not_done(one: Path) -> None:
    change(one, done=False).close()
    session = change(one, done=False)
    session.save()
    session.close()
    assert len(find_accepted([one]).clips) == 1, "every mask was painted by a person"

    session = change(one, done=False)
    item = session.add_object("dog")
    masks = {int(f): np.ones(session.frame_size, bool) for f in session.frame_indices}
    session.propose_masks(item.object_id, masks)
    session.save()
    session.close()
    found = find_accepted([one])
    assert not found.clips
    assert "not accepted" in found.left_out[0]


def test_done_does_not_make_truth_of_what_nobody_checked(one: Path) -> None:
    session = change(one, done=True)
    item = session.add_object("dog")
    masks = {int(f): np.ones(session.frame_size, bool) for f in session.frame_indices}
    session.propose_masks(item.object_id, masks)
    session.save()
    session.close()
    found = find_accepted([one])
    assert not found.clips
    assert "nobody has checked 5 of 5 frames" in found.left_out[0]


def test_a_scene_mask_without_objects_does_not_teach_silence(one: Path) -> None:
    session = change(one, done=True)
    for item in session.objects:
        session.remove_object(item.object_id)
    scene = session.add_object("", kind="scene")
    for frame in session.frame_indices:
        session.set_mask(scene.object_id, int(frame), np.ones(session.frame_size, bool))
    session.save()
    session.close()
    found = find_accepted([one])
    assert not found.clips
    assert "would call it silence" in found.left_out[0]


def test_a_class_that_avsbench_lacks_is_told(one: Path) -> None:
    session = change(one, done=True)
    session.rename(session.objects[0].object_id, "kazoo")
    session.save()
    session.close()
    found = find_accepted([one])
    assert not found.clips
    assert "'kazoo'" in found.left_out[0]


def test_too_few_clips_are_refused_with_what_to_do(one: Path) -> None:
    with pytest.raises(ImprovementError, match=r"1 clips of five seconds are accepted.*at least 5"):
        find_accepted([one]).divide()


def test_all_clips_of_a_video_go_the_same_way() -> None:
    clips = tuple(AcceptedClip(Path(f"v{n % 10}"), 5.0 * (n // 10)) for n in range(30))
    splits = Accepted(clips, ()).divide()
    held_out = {clip.session for clip, split in splits.items() if split == "val"}
    assert held_out == {Path("v4"), Path("v9")}
    assert sum(split == "val" for split in splits.values()) == 6


def test_one_video_alone_is_nothing_to_measure_on() -> None:
    clips = tuple(AcceptedClip(Path(f"v{n}"), 5.0 * n, "the same") for n in range(10))
    with pytest.raises(ImprovementError, match="of one video"):
        Accepted(clips, ()).divide()


def test_the_same_video_never_lies_on_both_sides_wherever_its_sessions_are() -> None:
    for videos in range(2, 12):
        clips = tuple(
            AcceptedClip(Path(f"folder{n % 3}/v{n % videos}"), 5.0 * n, f"file{n % videos}")
            for n in range(4 * videos)
        )
        splits = Accepted(clips, ()).divide()
        sides = {
            side: {c.video for c, one in splits.items() if one == side} for side in ("train", "val")
        }
        assert not sides["train"] & sides["val"]
        assert sides["train"]
        assert sides["val"]


def test_looking_can_be_cancelled(corrected: Path) -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        find_accepted([corrected], task=task)
