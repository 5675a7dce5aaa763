"""Putting a finished clip and its lists into a folder: all of it or nothing, even if killed.

New files are staged in a folder with a random name beside the data. A record in the user's own
data folder remembers that name, with the dataset's place. The moves are then written down beside
the record, and from that moment on the export counts: if killed before, the next export removes
what was staged; if killed after, it moves the rest.

Nothing inside a dataset says what is moved or removed: only this user's record does, found by the
random name of the staging folder. Reading and checking a dataset only look here, and change
nothing.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeAlias

from filelock import FileLock, Timeout

from napari_tavis.core.atomic import write_file
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.home import home

LOCK_NAME = ".avsbench.lock"
STAGING_PREFIX = ".avsbench-export-"
LOCK_SECONDS = 120.0  # how long to wait for another export
_BEGUN = ".begun"
_LONG_AGO = 3600.0  # seconds after which nobody can still be writing a record

# parts that are ``added``, ``lists`` that are replaced, parts that are ``removed``
Steps: TypeAlias = Mapping[str, list[str]]

_OWNER = ".owner.lock"
# In a staging folder once its record is complete: others see that moves are pending.
_COMMITTED = "committed"

_LISTS = "lists"
_REPLACED = "replaced"
_TOKEN = re.compile(r"[0-9a-f]{32}")
_STEPS = ("added", "lists", "removed")


@contextmanager
def tree_lock(tree: Path) -> Iterator[None]:
    """Hold the lock of a tree, so that two exports do not lose each other's rows.

    What this user's killed exports left is finished, or removed, first. Raises `DatasetError` if
    another export holds the lock for two minutes, or somebody else's was killed half-way.
    """
    place = tree / LOCK_NAME
    if place.is_symlink() or (place.exists() and not place.is_file()):
        raise DatasetError(f"{place} is not a lock of an export: delete it, then export again.")
    lock = FileLock(place, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise DatasetError(f"Another export is writing to {tree}: try again later.") from None
    try:
        _settle(tree)
        yield
    finally:
        lock.release()


@contextmanager
def staging_folder(tree: Path) -> Iterator[Path]:
    """Yield a temporary folder beside a tree's data, on the same disk; it is removed afterwards.

    The tree is made if it does not exist; if the body fails, folders made for it are removed, too.
    Raises `DatasetError` if the disk refuses, here or in the body.
    """
    missing = [folder for folder in (tree, *tree.parents) if not folder.exists()]
    try:
        tree.mkdir(parents=True, exist_ok=True)
        with _staging(tree) as staging:
            yield staging
    except OSError as error:
        _remove_made(missing)
        raise DatasetError(f"{tree} cannot be written: {error.strerror or error}.") from error
    except BaseException:
        _remove_made(missing)
        raise


@contextmanager
def _staging(tree: Path) -> Iterator[Path]:
    staging = tree / f"{STAGING_PREFIX}{secrets.token_hex(16)}"
    record = _record_of(staging)
    with tree_lock(tree):
        # Before there is a folder to recognise as ours. Renamed when complete: a torn record
        # would stay for ever.
        begun = record.with_suffix(_BEGUN)
        _write(begun, {"tree": str(tree.resolve())})
        begun.rename(record)
        staging.mkdir()
        owner = FileLock(staging / _OWNER, timeout=0)
        owner.acquire()
    try:
        yield staging
    finally:
        owner.release()
        if _pending(staging) is None:  # else the next export does the moves
            _remove(staging, record)


def commit(
    tree: Path,
    staging: Path,
    added: Iterable[PurePath],
    removed: Collection[PurePath],
    texts: Mapping[Path, str],
) -> None:
    """Move a staged clip into its tree and write the lists; undo all of it if a step fails.

    If killed half-way, this user's next export to the tree does the rest. The tree's lock is held.

    Parameters
    ----------
    tree : Path
        The tree.
    staging : Path
        From `staging_folder`, with the parts of the clip at their places in the tree.
    added : iterable of PurePath
        Parts of the clip (files and folders), relative to the tree.
    removed : collection of PurePath
        Parts of the clip that it replaces; those that do not exist are ignored.
    texts : mapping
        List file (in the tree) to its new text, in the order in which they are to appear.

    Raises
    ------
    DatasetError
        If a part would be written or removed through a link that leads out of the tree.
    OSError
        If the disk refuses; everything is as before then.
    """
    steps = {
        "added": [part.as_posix() for part in added],
        "lists": [path.relative_to(tree).as_posix() for path in texts],
        "removed": [part.as_posix() for part in removed],
    }
    _check_inside(tree, steps)
    for name, text in zip(steps["lists"], texts.values(), strict=True):
        place = staging / _LISTS / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="")
    missing = [part for part in steps["added"] if not (staging / part).exists()]
    if missing:
        raise FileNotFoundError(f"{staging / missing[0]} was not staged")
    (staging / _COMMITTED).touch()  # before the moves, for users who cannot read our record
    moves = _moves_of(_record_of(staging))
    undo: list[tuple[Path, Path]] = []
    try:
        _write(moves, steps)  # from here on the export counts
        _carry_out(tree, staging, steps, undo)
    except BaseException:
        for source, target in reversed(undo):
            os.replace(target, source)
        moves.unlink(missing_ok=True)
        raise
    moves.unlink()
    (staging / _COMMITTED).unlink()
    for part in removed:
        _remove_empty_parents(tree, part)


def _carry_out(tree: Path, staging: Path, steps: Steps, undo: list[tuple[Path, Path]]) -> None:
    """Do the moves that are still to do: of what is still in the staging folder.

    New parts come first, then the lists, then old parts go: wherever it stops, what the lists name
    exists, except parts that take the very place of old ones.
    """
    replaced = staging / _REPLACED
    moves = [(staging / part, part) for part in steps["added"]]
    moves += [(staging / _LISTS / name, name) for name in steps["lists"]]
    for source, part in moves:
        if not source.exists():  # moved before the export was killed
            continue
        if (tree / part).is_dir() != source.is_dir() and (tree / part).exists():
            raise FileExistsError(f"{tree / part} is in the way")
        if (tree / part).exists():
            _set_aside(tree / part, replaced / part, undo)
        _move(source, tree / part, undo)
    for part in steps["removed"]:
        if part not in steps["added"] and (tree / part).exists():
            _move(tree / part, replaced / part, undo)


def _set_aside(source: Path, target: Path, undo: list[tuple[Path, Path]]) -> None:
    """Make room for a replacement. A file stays where it is until it is replaced."""
    if source.is_dir():
        _move(source, target, undo)
        return
    # Copied rather than moved, so that a list exists at every moment.
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    undo.append((source, target))


def _move(source: Path, target: Path, undo: list[tuple[Path, Path]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
    undo.append((source, target))


def _check_inside(tree: Path, steps: Steps) -> None:
    """Refuse to write or remove anything through a link that leads out of the tree."""
    root = tree.resolve()
    for part in (part for kind in _STEPS for part in steps[kind]):
        path = PurePosixPath(part)
        if path.is_absolute() or ".." in path.parts:
            raise DatasetError(f"{part!r} is not in the dataset {tree}.")
        if not (tree / path).parent.resolve().is_relative_to(root):
            raise DatasetError(
                f"{(tree / path).parent} is a link out of the dataset {tree}, through which "
                "nothing is written: replace the link by a folder."
            )


# -- exports that were killed ------------------------------------------------------------------


def unfinished_exports(tree: Path) -> Iterator[tuple[Path, str]]:
    """Find what killed or running exports have left in a tree; nothing is changed.

    Yields the folder that was left, and the end of the sentence "this ...".
    """
    for place in _left_in(tree):
        if _is_ours(place, tree):
            yield (
                place,
                (
                    "is an unfinished export: it still runs, or was killed, and then the next "
                    "export to this dataset finishes it"
                ),
            )
        else:
            yield (
                place,
                (
                    "is an unfinished export that was not begun by you, here: nothing in it was "
                    "carried out; delete it, unless somebody else is exporting"
                ),
            )


def refuse_half_written(tree: Path) -> None:
    """Refuse to read a tree in which an export of this user was killed during its last moves.

    Raises `DatasetError`; nothing is changed.
    """
    for place in _left_in(tree):
        if _is_ours(place, tree) and _pending(place) is not None:
            raise DatasetError(
                f"An export to {tree} was killed while it moved a clip into its place: export to "
                "it once more, which finishes that, then read it."
            )


def _settle(tree: Path) -> None:
    """Finish or remove what killed exports of this user left; the tree's lock is held."""
    for staging in _left_in(tree):
        if not _is_ours(staging, tree):
            if not staging.is_symlink() and os.path.lexists(staging / _COMMITTED):
                raise DatasetError(
                    f"{staging} was left by an export of somebody else, or to another place, that "
                    "was killed among its last moves: let them export once more, which finishes "
                    "it, or delete the folder and check the dataset."
                )
            continue
        if _in_use(staging):  # another process of ours is still preparing its files
            continue
        steps = _pending(staging)
        if steps is not None:
            _check_inside(tree, steps)
            _carry_out(tree, staging, steps, [])
            for part in steps["removed"]:
                _remove_empty_parents(tree, PurePosixPath(part))
        _remove(staging, _record_of(staging))
    _forget_removed(tree)


def _forget_removed(tree: Path) -> None:
    """Drop records with nothing left: of exports to this tree, and those never finished."""
    place = str(tree.resolve())
    for record in (home() / "exports").glob("*.json"):
        if _read_record(record).get("tree") == place:
            _forget(record, tree / f"{STAGING_PREFIX}{record.stem}")
    for torn in (home() / "exports").glob(f"*{_BEGUN}"):
        with suppress(OSError):
            if time.time() - torn.stat().st_mtime > _LONG_AGO:
                torn.unlink()


def _left_in(tree: Path) -> list[Path]:
    """List the staging folders in a tree, whoever made them."""
    try:
        return sorted(path for path in tree.iterdir() if path.name.startswith(STAGING_PREFIX))
    except OSError:
        return []


def _is_ours(staging: Path, tree: Path) -> bool:
    """Say whether a record of this user says that it began this export, to this place."""
    token = staging.name.removeprefix(STAGING_PREFIX)
    if not _TOKEN.fullmatch(token) or staging.is_symlink() or not staging.is_dir():
        return False
    return _read_record(_record_of(staging)).get("tree") == str(tree.resolve())


def _in_use(staging: Path) -> bool:
    """Say whether a living process works in a staging folder of ours."""
    owner = FileLock(staging / _OWNER, timeout=0)
    try:
        owner.acquire()
    except OSError:  # filelock's Timeout is one
        return True
    owner.release()
    return False


def _pending(staging: Path) -> Steps | None:
    """Return the moves still to do; None if the export does not count yet, or is done."""
    written = _read_record(_moves_of(_record_of(staging)))
    steps: dict[str, list[str]] = {}
    for kind in _STEPS:
        parts = written.get(kind)
        if not isinstance(parts, list):  # also half-written: half of a json object is none
            return None
        steps[kind] = [str(part) for part in parts]
    return steps


def _record_of(staging: Path) -> Path:
    return home() / "exports" / f"{staging.name.removeprefix(STAGING_PREFIX)}.json"


def _read_record(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _moves_of(record: Path) -> Path:
    return record.with_suffix(".moves")


def _write(path: Path, content: Mapping[str, object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(content).encode())
    except OSError as error:
        raise DatasetError(
            f"The record of the export cannot be kept in {path.parent} "
            f"({error.strerror or error}): make room or grant access there, then export again."
        ) from error


def _remove(staging: Path, record: Path) -> None:
    """Remove a staging folder of ours, and its record if that leaves nothing."""
    shutil.rmtree(staging, ignore_errors=True)
    _forget(record, staging)


def _forget(record: Path, staging: Path) -> None:
    if not os.path.lexists(staging):
        for path in (_moves_of(record), record):
            with suppress(OSError):
                path.unlink()


def _remove_made(folders: Iterable[Path]) -> None:
    """Remove folders that were made for an export that came to nothing."""
    for folder in folders:
        with suppress(OSError):  # something else lies in it by now, so it stays
            if [path.name for path in folder.iterdir()] == [LOCK_NAME]:
                (folder / LOCK_NAME).unlink()
            folder.rmdir()


def _remove_empty_parents(tree: Path, part: PurePath) -> None:
    """Remove the folders that a replaced clip leaves empty, such as a category of its own."""
    for parent in part.parents:
        folder = tree / parent
        if parent.name and folder.is_dir() and not any(folder.iterdir()):
            with suppress(OSError):
                folder.rmdir()
