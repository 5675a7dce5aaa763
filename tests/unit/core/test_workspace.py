"""Folders that go away with the work that made them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from napari_tavis.core.workspace import workspace

WORK = """
import sys, time
from pathlib import Path
from filelock import FileLock
from napari_tavis.core.workspace import workspace
parent = Path(sys.argv[1])
with workspace(parent, ".work-", FileLock(parent / ".lock")) as folder:
    (folder / "half").write_text("done")
    print(folder.name, flush=True)
    time.sleep(600)
"""


def names(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.glob(".work-*"))


def work_in(parent: Path) -> None:
    with workspace(parent, ".work-", FileLock(parent / ".lock")) as folder:
        assert folder.name in names(parent)


def test_a_folder_goes_when_the_work_is_done_or_fails(tmp_path: Path) -> None:
    work_in(tmp_path)
    lock = FileLock(tmp_path / ".lock")
    with pytest.raises(RuntimeError, match="no"), workspace(tmp_path, ".work-", lock):
        raise RuntimeError("no")
    assert names(tmp_path) == []


def test_a_killed_works_folder_goes_with_the_next_and_a_living_ones_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        work_in(tmp_path)
        assert names(tmp_path) == [name]
        process.kill()
    assert names(tmp_path) == [name]
    work_in(tmp_path)
    assert names(tmp_path) == []
