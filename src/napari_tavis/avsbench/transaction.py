"""Putting a finished clip and its lists into a folder: all of it, or nothing, even if killed.

What is to be moved is first written down beside it. If the process dies before that, what was
there stays; if it dies after it, whoever opens the folder next moves the rest.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from napari_tavis.atomic import write_atomically
from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.workspace import workspace

LOCK_NAME = ".avsbench.lock"
STAGING_PREFIX = ".avsbench-export-"
LOCK_SECONDS = 120.0

_JOURNAL = "commit.json"
_LISTS = "lists"
_REPLACED = "replaced"


@contextmanager
def tree_lock(tree: Path) -> Iterator[None]:
    """Hold the lock of a tree, so that two exports do not lose each other's rows.

    What a killed export left to be moved is moved first.

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
        _finish_commits(tree)
        yield
    finally:
        lock.release()


def finish_killed_export(tree: Path) -> None:
    """Bring a tree in order that an export was writing to when it was killed.

    To be called before a tree is read. Nothing happens where there is nothing to finish.

    Parameters
    ----------
    tree : Path
        The tree.

    Raises
    ------
    DatasetError
        If there is something to finish and the folder cannot be written.
    """
    if not any(tree.glob(f"{STAGING_PREFIX}*/{_JOURNAL}")):
        return
    try:
        with tree_lock(tree):
            pass
    except OSError as error:
        raise DatasetError(
            f"An export to {tree} was killed while it wrote, and the rest cannot be done now "
            f"({error.strerror or error}): make the folder writable."
        ) from error


@contextmanager
def staging_folder(tree: Path) -> Iterator[Path]:
    """Make a temporary folder beside a tree's data, on the same disk; it goes away afterwards.

    Folders of exports that were killed go as well. If the body fails, folders that were made
    for it go, too.

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
    try:
        with workspace(tree, STAGING_PREFIX, tree_lock(tree)) as staging:
            yield staging
    except BaseException:
        for folder in missing:
            _remove_if_empty(folder)
        raise


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

    Killed half-way, the rest is done by `finish_killed_export` or the next `tree_lock`.

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
        List file (in the tree) to its new text.
    """
    steps = {
        "added": [part.as_posix() for part in added],
        "removed": [part.as_posix() for part in removed],
        "lists": [path.relative_to(tree).as_posix() for path in texts],
    }
    for name, text in zip(steps["lists"], texts.values(), strict=True):
        place = staging / _LISTS / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="")
    missing = [part for part in steps["added"] if not (staging / part).exists()]
    if missing:
        raise FileNotFoundError(f"{staging / missing[0]} was not staged")
    write_atomically(staging / _JOURNAL, json.dumps(steps).encode())
    undo: list[tuple[Path, Path]] = []
    try:
        _carry_out(tree, staging, steps, undo)
    except BaseException:
        for source, target in reversed(undo):
            os.replace(target, source)
        raise
    finally:
        (staging / _JOURNAL).unlink()
    for part in removed:
        _remove_empty_parents(tree, part)


def _carry_out(
    tree: Path, staging: Path, steps: Mapping[str, list[str]], undo: list[tuple[Path, Path]]
) -> None:
    """Do the moves that are not done yet: what still lies in the staging folder is to be moved."""
    replaced = staging / _REPLACED
    for part in steps["removed"]:
        if part not in steps["added"] and (tree / part).exists():
            _move(tree / part, replaced / part, undo)
    moves = [(staging / part, part) for part in steps["added"]]
    moves += [(staging / _LISTS / name, name) for name in steps["lists"]]
    for source, part in moves:
        if not source.exists():
            continue
        if (tree / part).is_dir() != source.is_dir() and (tree / part).exists():
            raise FileExistsError(f"{tree / part} is in the way")
        if (tree / part).exists():
            _set_aside(tree / part, replaced / part, undo)
        _move(source, tree / part, undo)


def _set_aside(source: Path, target: Path, undo: list[tuple[Path, Path]]) -> None:
    """Make room for what replaces it. A file stays where it is until it is replaced."""
    if source.is_dir():
        _move(source, target, undo)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    undo.append((source, target))


def _finish_commits(tree: Path) -> None:
    """Do what killed exports left to be done; the tree's lock is held."""
    for journal in sorted(tree.glob(f"{STAGING_PREFIX}*/{_JOURNAL}")):
        steps = _read_journal(journal)
        _carry_out(tree, journal.parent, steps, [])
        journal.unlink()
        shutil.rmtree(journal.parent, ignore_errors=True)
        for part in steps["removed"]:
            _remove_empty_parents(tree, PurePosixPath(part))


def _read_journal(journal: Path) -> dict[str, list[str]]:
    """Read what is to be moved. A dataset may come from anywhere: no move may leave it."""
    try:
        steps: Any = json.loads(journal.read_text(encoding="utf-8"))
        wanted = {key: [str(part) for part in steps[key]] for key in ("added", "removed", "lists")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{journal} cannot be read ({error}): delete its folder and export the clip again."
        ) from error
    for part in (part for parts in wanted.values() for part in parts):
        path = PurePosixPath(part)
        if path.is_absolute() or ".." in path.parts or "\\" in part or ":" in part:
            raise DatasetError(f"{journal} names {part!r}, outside the dataset: delete its folder.")
    return wanted


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
