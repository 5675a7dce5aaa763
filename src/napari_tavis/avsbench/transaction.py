"""Putting a finished clip and its lists into a tree: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath

from filelock import FileLock, Timeout

from napari_tavis.avsbench.errors import DatasetError

LOCK_NAME = ".avsbench.lock"
STAGING_PREFIX = ".avsbench-export-"
LOCK_SECONDS = 120.0


@contextmanager
def tree_lock(tree: Path) -> Iterator[None]:
    """Hold the lock of a tree, so that two exports do not lose each other's rows.

    Parameters
    ----------
    tree : Path
        The tree; it exists.

    Raises
    ------
    DatasetError
        If another export holds it for two minutes.
    """
    lock = FileLock(tree / LOCK_NAME, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise DatasetError(f"Another export is writing to {tree}: try again later.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def staging_folder(tree: Path) -> Iterator[Path]:
    """Make a temporary folder beside a tree's data, on the same disk; it goes away afterwards.

    If the body fails, folders that were made for it go as well.

    Parameters
    ----------
    tree : Path
        The tree, made where it does not exist yet.

    Yields
    ------
    Path
        The folder.
    """
    missing = [folder for folder in (tree, *tree.parents) if not folder.exists()]
    tree.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=tree))
    try:
        yield staging
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in missing:
            _remove_if_empty(folder)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    try:
        if [path.name for path in folder.iterdir()] == [LOCK_NAME]:
            (folder / LOCK_NAME).unlink()
        folder.rmdir()
    except OSError:
        pass  # something else lies in it by now, so it stays


def commit(
    tree: Path,
    staging: Path,
    added: Iterable[PurePath],
    removed: Collection[PurePath],
    texts: Mapping[Path, str],
) -> None:
    """Move a staged clip into its tree and write the lists; undo all of it if a step fails.

    Parameters
    ----------
    tree : Path
        The tree, whose lock is held.
    staging : Path
        The staging folder, which holds the parts of the clip at their places in the tree.
    added : iterable of PurePath
        Parts of the clip (files and folders), relative to the tree.
    removed : collection of PurePath
        Parts of the clip that it replaces; those that do not exist are passed over.
    texts : mapping
        List file to its new text.
    """
    replaced = staging / "replaced"
    written = staging / "lists"
    undo: list[tuple[Path, Path]] = []
    try:
        for part in removed:
            if (tree / part).exists():
                _move(tree / part, replaced / part, undo)
        for part in added:
            _move(staging / part, tree / part, undo)
        _replace_texts(texts, written, undo)
    except BaseException:
        for source, target in reversed(undo):
            os.replace(target, source)
        raise
    for part in removed:
        _remove_empty_parents(tree, part)


def _remove_empty_parents(tree: Path, part: PurePath) -> None:
    """Drop the folders that a replaced clip leaves empty, a category of its own for example."""
    for parent in part.parents:
        folder = tree / parent
        if parent.name and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _move(source: Path, target: Path, undo: list[tuple[Path, Path]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
    undo.append((source, target))


def _replace_texts(texts: Mapping[Path, str], written: Path, undo: list[tuple[Path, Path]]) -> None:
    """Write every list beside its place first, so that a full disk stops before the first."""
    written.mkdir()
    for path, text in texts.items():
        (written / path.name).write_text(text, encoding="utf-8", newline="")
    for path in texts:
        backup = written / f"{path.name}.old"
        if path.exists():
            shutil.copy2(path, backup)
            os.replace(written / path.name, path)
            undo.append((path, backup))
        else:
            _move(written / path.name, path, undo)
