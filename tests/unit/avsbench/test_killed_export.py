"""An export that is killed leaves the old clip or the new one, never a part of either."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.avsbench import DatasetError, read_clip, validate, write_clip
from napari_tavis.avsbench.sources import ClipSource
from napari_tavis.avsbench.transaction import (
    STAGING_PREFIX,
    finish_killed_export,
    staging_folder,
)

from .conftest import MakeClip, tree_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def killed(work: Callable[[], object], at: int) -> bool:
    """Do work in a child process that kills itself before its move number `at`.

    Returns whether it lived to be killed; False if the work was done before.
    """
    child = os.fork()
    if child == 0:
        moves = 0
        move = os.replace

        def replace(source: object, target: object) -> None:
            nonlocal moves
            moves += 1
            if moves > at:
                os.kill(os.getpid(), signal.SIGKILL)
            move(source, target)  # type: ignore[arg-type]

        os.replace = replace  # type: ignore[assignment]
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def dataset_of(root: Path, make_clip: MakeClip, subset: str) -> Path:
    """Write a dataset of one subset: a clip to be replaced, and another one."""
    write_clip(root, subset, "train", make_clip("park-train"))
    write_clip(root, subset, "test", make_clip("street-test"))
    return root


@pytest.mark.parametrize("subset", ["s4", "ms3", "v1m"])
def test_old_or_new_wherever_it_is_killed(tmp_path: Path, make_clip: MakeClip, subset: str) -> None:
    dataset = dataset_of(tmp_path, make_clip, subset)
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    old_masks = read_clip(dataset, subset, "train", "park-train").masks.copy()
    source = ClipSource("park.mp4", licence="mine")
    found = []
    for at in range(4):
        killed(lambda: write_clip(dataset, subset, "test", new, overwrite=True, source=source), at)
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


def test_every_move_after_the_first_is_finished_by_the_next_reader(
    tmp_path: Path, make_clip: MakeClip
) -> None:
    dataset = dataset_of(tmp_path, make_clip, "s4")
    new = make_clip("park-train", 5, class_map=np.full((5, 60, 81), 17, np.uint8))
    at = 0
    while killed(lambda: write_clip(dataset, "s4", "test", new, overwrite=True), at):
        at += 2
        assert validate_after(dataset) == []
    assert at > 8, "every part of the clip and every list was a place to be killed at"


def validate_after(root: Path) -> list[str]:
    """Validate, passing over what a kill before the commit leaves behind."""
    return [str(one) for one in validate(root) if STAGING_PREFIX not in one.path.name]


def test_a_journal_cannot_move_anything_out_of_the_dataset(tmp_path: Path) -> None:
    tree = tmp_path / "data"
    staging = tree / f"{STAGING_PREFIX}evil"
    staging.mkdir(parents=True)
    (tmp_path / "precious").write_text("keep me")
    for part in ("../precious", "/etc/passwd", "a/../../precious", "C:\\x"):
        journal = {"added": [], "removed": [part], "lists": []}
        (staging / "commit.json").write_text(json.dumps(journal))
        with pytest.raises(DatasetError, match="outside the dataset"):
            finish_killed_export(tree)
    assert (tmp_path / "precious").read_text() == "keep me"


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
