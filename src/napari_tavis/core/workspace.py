"""A folder for what work makes on its way, which goes away even if the work is killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

_OWNER = ".owner.lock"


@contextmanager
def workspace(parent: Path, prefix: str, alone: AbstractContextManager[object]) -> Iterator[Path]:
    """Make a temporary folder in `parent`, which goes afterwards; abandoned ones go now.

    Parameters
    ----------
    parent : Path
        An existing folder.
    prefix : str
        What the names of these folders begin with, and no others.
    alone : context manager
        Held while folders come and go, so that one that has just been made, and is not locked yet,
        is not taken for an abandoned one.
    """
    with alone:
        _remove_abandoned(parent, prefix)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        owner = FileLock(folder / _OWNER, timeout=0)
        owner.acquire()
    try:
        yield folder
    finally:
        owner.release()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders that no living process works in."""
    for folder in parent.glob(f"{prefix}*"):
        owner = FileLock(folder / _OWNER, timeout=0)
        with suppress(OSError):  # filelock's Timeout is an OSError: somebody works in it
            owner.acquire()
            owner.release()
            shutil.rmtree(folder, ignore_errors=True)
