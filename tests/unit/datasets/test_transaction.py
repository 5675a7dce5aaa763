from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from napari_tavis.datasets.transaction import commit, staging_folder, tree_lock

from .conftest import tree_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one clip, a folder and a file, and a list."""
    tree = tmp_path / "tree"
    for name, text in (("masks/old/a.txt", "old mask"), ("wav/old.txt", "old wav"), ("l.csv", "1")):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def stage(staging: Path) -> tuple[PurePath, ...]:
    for name, text in (("masks/new/b.txt", "new mask"), ("wav/new.txt", "new wav")):
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_text(text)
    return PurePath("masks/new"), PurePath("wav/new.txt")


OLD = (PurePath("masks/old"), PurePath("wav/old.txt"), PurePath("wav/never.txt"))


def test_clip_and_lists_appear_together(tree: Path) -> None:
    with staging_folder(tree) as staging, tree_lock(tree):
        commit(tree, staging, stage(staging), OLD, {tree / "l.csv": "2", tree / "m.csv": "3"})
    assert tree_of(tree) == {
        "masks/new/b.txt": b"new mask",
        "wav/new.txt": b"new wav",
        "l.csv": b"2",
        "m.csv": b"3",
    }
    assert not list(tree.glob(".avsbench-export-*"))


@pytest.mark.parametrize("failing", ["list", "part"])
def test_failing_step_undoes_all_before_it(tree: Path, failing: str) -> None:
    (tree / "folder").mkdir()
    before = tree_of(tree)
    texts = {tree / "l.csv": "2", tree / "m.csv": "3"}
    if failing == "list":
        texts[tree / "folder"] = "a folder cannot become a list"
    with staging_folder(tree) as staging, tree_lock(tree):
        added = stage(staging)
        if failing == "part":
            added += (PurePath("wav/not-staged.txt"),)
        with pytest.raises(OSError, match=r"folder|not-staged"):
            commit(tree, staging, added, OLD, texts)
    assert tree_of(tree) == before


def test_new_folders_go_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staging_folder(tmp_path / "a" / "b"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
