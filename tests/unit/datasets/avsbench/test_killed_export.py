"""An export that is killed leaves the old clip or the new one, never a part of either."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.datasets.avsbench import DatasetError, read_clip, validate, write_clip
from napari_tavis.datasets.avsbench.sources import ClipSource
from napari_tavis.datasets.transaction import STAGING_PREFIX, staging_folder, tree_lock

from ..conftest import tree_of
from .conftest import MakeClip

Kill = Callable[[Callable[[], object], int], bool]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the records of exports that is not the user's own."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


def records(home: Path) -> list[Path]:
    return list((home / "exports").glob("*.json"))


def settle(tree: Path) -> None:
    """Do what every export does first."""
    with tree_lock(tree):
        pass


def dataset_of(root: Path, make_clip: MakeClip, subset: str) -> Path:
    """Write a dataset of one subset: a clip to be replaced, and another one."""
    write_clip(root, subset, "train", make_clip("park-train"))
    write_clip(root, subset, "test", make_clip("street-test"))
    return root


def only_tree(root: Path) -> Path:
    """Give the one tree of a dataset of one subset."""
    return next((path for path in root.iterdir() if path.is_dir() and "sour" in path.name), root)


@pytest.mark.parametrize("subset", ["s4", "ms3", "v1m"])
def test_old_or_new_wherever_it_is_killed(
    tmp_path: Path, make_clip: MakeClip, killed: Kill, subset: str
) -> None:
    dataset = dataset_of(tmp_path / "data", make_clip, subset)
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    old_masks = read_clip(dataset, subset, "train", "park-train").masks.copy()
    source = ClipSource("park.mp4", licence="mine")
    found = []
    for at in range(4):
        killed(lambda: write_clip(dataset, subset, "test", new, overwrite=True, source=source), at)
        settle(only_tree(dataset))
        is_new = is_listed(dataset, subset, "test")
        masks = read_clip(dataset, subset, "test" if is_new else "train", "park-train").masks
        if is_new:
            assert masks.mean() > 0.99
        else:
            np.testing.assert_array_equal(masks, old_masks)
        found.append(is_new)
    assert found[0] is False
    assert found[-1] is True
    assert found == sorted(found), "new from the moment on that the moves are written down"
    write_clip(dataset, subset, "test", new, overwrite=True)
    assert not list(dataset.rglob(f"{STAGING_PREFIX}*")), "the next export clears away"
    assert validate(dataset) == []


def is_listed(root: Path, subset: str, split: str) -> bool:
    try:
        read_clip(root, subset, split, "park-train")
    except DatasetError:
        return False
    return True


def test_every_move_is_finished_by_the_next_export_and_told_before(
    tmp_path: Path, make_clip: MakeClip, home: Path, killed: Kill
) -> None:
    dataset = dataset_of(tmp_path / "data", make_clip, "s4")
    tree = only_tree(dataset)
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    at = 1  # the first is the record, before which there is nothing
    while killed(lambda: write_clip(dataset, "s4", "test", new, overwrite=True), at):
        at += 3
        left = tree_of(dataset)
        assert any("unfinished export" in one.message for one in validate(dataset))
        assert tree_of(dataset) == left, "checking writes nothing"
        settle(tree)
        assert validate(dataset) == []
        assert records(home) == []
    assert at > 8, "every part of the clip and every list was a place to be killed at"


def test_a_clip_half_way_to_its_place_is_not_read(
    tmp_path: Path, make_clip: MakeClip, killed: Kill
) -> None:
    dataset = dataset_of(tmp_path / "data", make_clip, "s4")
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    assert killed(lambda: write_clip(dataset, "s4", "test", new, overwrite=True), 4)
    with pytest.raises(DatasetError, match="export to it once more"):
        read_clip(dataset, "s4", "test", "street-test")
    write_clip(dataset, "s4", "val", make_clip("other"))
    assert read_clip(dataset, "s4", "test", "park-train").masks.all()
    assert validate(dataset) == []


def foreign_export(tree: Path, name: str, steps: dict[str, list[str]]) -> Path:
    """Leave what looks like a killed export in a dataset that comes from elsewhere."""
    staging = tree / f"{STAGING_PREFIX}{name}"
    (staging / "lists").mkdir(parents=True)
    for part in steps["added"]:
        (staging / part).parent.mkdir(parents=True, exist_ok=True)
        (staging / part).write_text("evil")
    for journal in ("commit.json", "record.json", "steps.json"):
        (staging / journal).write_text(json.dumps({**steps, "tree": str(tree), "steps": steps}))
    return staging


@pytest.mark.parametrize("name", ["evil", "0" * 32])
def test_nothing_that_lies_in_a_dataset_is_carried_out(
    dataset: Path, tmp_path: Path, make_clip: MakeClip, name: str
) -> None:
    tree = dataset / "Multi-sources"
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    (tree / "out").symlink_to(precious)
    steps = {"added": ["out/file", "ms3_meta_data.csv"], "removed": ["out/file"], "lists": []}
    foreign_export(tree, name, steps)
    before = tree_of(dataset)
    assert any("not begun by you" in one.message for one in validate(dataset))
    read_clip(dataset, "ms3", "test", "park-test")
    assert tree_of(dataset) == before
    write_clip(dataset, "ms3", "val", make_clip("other"))
    assert (precious / "file").read_text() == "keep me"
    assert (tree / f"{STAGING_PREFIX}{name}" / "commit.json").exists(), "nor removed"
    assert os.listdir(precious) == ["file"]


def test_links_among_what_exports_leave_are_not_followed(
    dataset: Path, tmp_path: Path, make_clip: MakeClip
) -> None:
    tree = dataset / "Multi-sources"
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    (tree / f"{STAGING_PREFIX}{'1' * 32}").symlink_to(precious)
    validate(dataset)
    write_clip(dataset, "ms3", "val", make_clip("other"))
    assert os.listdir(precious) == ["file"]
    (tree / ".avsbench.lock").unlink()
    (tree / ".avsbench.lock").symlink_to(precious / "file")
    with pytest.raises(DatasetError, match="not a lock of an export"):
        write_clip(dataset, "ms3", "val", make_clip("another"))
    assert (precious / "file").read_text() == "keep me"


def test_nothing_is_written_or_removed_through_a_link_out_of_the_dataset(
    dataset: Path, tmp_path: Path, make_clip: MakeClip
) -> None:
    masks = dataset / "Multi-sources/ms3_data/gt_masks/test"
    outside = tmp_path / "outside"
    masks.rename(outside)
    masks.symlink_to(outside)
    before = tree_of(outside)
    with pytest.raises(DatasetError, match="link out of the dataset"):
        write_clip(dataset, "ms3", "test", make_clip("park-test"), overwrite=True)
    assert tree_of(outside) == before


def test_no_tree_is_made_behind_a_link_out_of_the_dataset(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    root, outside = tmp_path / "data", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "Multi-sources").symlink_to(outside)
    with pytest.raises(DatasetError, match="link out of the dataset"):
        write_clip(root, "ms3", "test", make_clip("park-test"))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("subset", "name"),
    [
        ("ms3", "Multi-sources/sources.csv"),
        ("ms3", "Multi-sources/ms3_meta_data.csv"),
        ("ms3", "Multi-sources/ms3_train_data.csv"),
        ("s4", "Single-source/s4_meta_data_shuffled.csv"),
        ("v1m", "metadata.csv"),
        ("v1m", "label2idx.json"),
    ],
)
def test_no_list_is_read_through_a_link_out_of_the_dataset(
    dataset: Path, tmp_path: Path, make_clip: MakeClip, subset: str, name: str
) -> None:
    path, outside = dataset / name, tmp_path / "outside"
    outside.write_text("secret,text\n")
    path.unlink(missing_ok=True)
    path.symlink_to(outside)
    with pytest.raises(DatasetError, match=r"lies outside|several"):
        write_clip(dataset, subset, "val", make_clip("other"), source=ClipSource("other.mp4"))
    assert path.is_symlink()
    assert outside.read_text() == "secret,text\n"


def test_moves_that_somebody_else_was_killed_among_are_not_written_over(
    tmp_path: Path, make_clip: MakeClip, killed: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_of(tmp_path / "data", make_clip, "ms3")
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    assert killed(lambda: write_clip(dataset, "ms3", "test", new, overwrite=True), 4)
    mine = os.environ[HOME_VARIABLE]
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "other user"))
    with pytest.raises(DatasetError, match="somebody else"):
        write_clip(dataset, "ms3", "val", make_clip("other"))
    monkeypatch.setenv(HOME_VARIABLE, mine)
    write_clip(dataset, "ms3", "val", make_clip("other"))
    assert validate(dataset) == []
    assert read_clip(dataset, "ms3", "test", "park-train").masks.all()


def test_a_record_counts_for_its_own_place_alone(
    tmp_path: Path, make_clip: MakeClip, home: Path, killed: Kill
) -> None:
    dataset = dataset_of(tmp_path / "data", make_clip, "ms3")
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    assert killed(lambda: write_clip(dataset, "ms3", "test", new, overwrite=True), 4)
    copied = tmp_path / "copy"
    dataset.rename(copied)
    before = tree_of(copied)
    with pytest.raises(DatasetError, match="or to another place"):
        write_clip(copied, "ms3", "val", make_clip("other"))
    assert tree_of(copied) == before


def test_an_export_that_works_is_not_cleared_away(dataset: Path, make_clip: MakeClip) -> None:
    tree = dataset / "Multi-sources"
    before = tree_of(tree)
    with staging_folder(tree) as staging:
        (staging / "begun").write_text("x")
        write_clip(dataset, "ms3", "val", make_clip("other"))
        assert (staging / "begun").exists()
    assert not staging.exists()
    kept = {name for name in before if not name.endswith(".csv")}
    assert {name: tree_of(tree)[name] for name in kept} == {name: before[name] for name in kept}
