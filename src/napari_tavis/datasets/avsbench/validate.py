"""Checking an AVSBench folder against everything that its public loaders rely on."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import file_checks, list_checks
from napari_tavis.datasets.avsbench.layout import (
    MS3_TREE,
    S4_HEADER,
    S4_TREE,
    SEMANTIC_HEADER,
    SEMANTIC_LIST,
    SEMANTIC_SUBSETS,
    ClipFiles,
    Subset,
    clip_files,
    find_trees,
    frame_count,
    list_name,
)
from napari_tavis.datasets.avsbench.lists import ListedClip
from napari_tavis.datasets.avsbench.pairing import PARTNERS
from napari_tavis.datasets.violations import Violation


def validate(
    root: Path | str,
    *,
    names: Collection[str] | None = None,
    task: Task | None = None,
) -> list[Violation]:
    """Find everything in a folder that breaks AVSBench's format.

    All trees in the folder, or up to two folders deeper, are looked at. Files are decoded but
    nothing in them is executed, nothing is written, and no link is followed out of a tree.

    Parameters
    ----------
    root : Path or str
        The folder. Nothing in it is changed; an export that was killed there is told.
    names : collection of str, optional
        Look into the files of the clips of these names only; the lists are checked whole.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    list of Violation
        Empty if there is nothing to complain about.

    Raises
    ------
    DatasetError
        If the folder does not exist or holds no AVSBench tree.
    """
    task = task or Task()
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root} is not a folder: name the folder of an AVSBench dataset.")
    found: list[Violation] = []
    work = _check_trees(root, found)
    looked_at = [one for one in work if names is None or one[1].key.name in names]
    for done, (tree, clip) in enumerate(looked_at):
        task.check()
        task.report(done, len(looked_at), clip.key.name)
        found += _check_clip(tree, clip)
    found += _check_pairs(work, names)
    task.report(len(looked_at), len(looked_at), "checked")
    return list(dict.fromkeys(found))


def _check_trees(root: Path, found: list[Violation]) -> list[tuple[Path, ListedClip]]:
    """Check the lists of every tree; give the clips they list, with their trees."""
    single, multiple = find_trees(root, "s4"), find_trees(root, "ms3")
    semantic = find_trees(root, "v2")
    if not (single or multiple or semantic):
        raise DatasetError(
            f"{root} holds no AVSBench data: there is no {S4_TREE}, {MS3_TREE} or {SEMANTIC_LIST} "
            "in it or up to two folders deeper."
        )
    clips = [(tree, clip) for tree in single for clip in _check_s4(tree, found)]
    clips += [(tree, clip) for tree in multiple for clip in _check_ms3(tree, found)]
    clips += [(tree, clip) for tree in semantic for clip in _check_semantic(tree, found)]
    for tree in dict.fromkeys((*single, *multiple, *semantic)):
        listed = (clip_files(clip.key) for place, clip in clips if place == tree)
        found += list_checks.check_unlisted(tree, listed)
    return clips


def _check_s4(tree: Path, found: list[Violation]) -> list[ListedClip]:
    _check_spelling(tree, S4_TREE, found)
    table = list_checks.read_list(tree, list_name("s4"), found, S4_HEADER)
    if table is None:
        return []
    clips = list_checks.read_rows(table, "s4", found)
    list_checks.check_names(table.path, clips, found)
    found += list_checks.check_s4_lists(tree, table, clips)
    return clips


def _check_ms3(tree: Path, found: list[Violation]) -> list[ListedClip]:
    _check_spelling(tree, MS3_TREE, found)
    table = list_checks.read_list(tree, list_name("ms3"), found)
    if table is None:
        return []
    clips = list_checks.read_rows(table, "ms3", found)
    list_checks.check_names(table.path, clips, found)
    found += list_checks.check_ms3_lists(tree, table)
    return clips


def _check_semantic(tree: Path, found: list[Violation]) -> list[ListedClip]:
    found += list_checks.check_class_list(tree)
    table = list_checks.read_list(tree, SEMANTIC_LIST, found, SEMANTIC_HEADER)
    if table is None:
        return []
    clips: list[ListedClip] = []
    for subset in SEMANTIC_SUBSETS:
        own = list_checks.read_rows(table, subset, found)
        list_checks.check_names(table.path, own, found)
        clips += own
    found += list_checks.check_semantic_rows(table, clips)
    return clips


def _check_spelling(tree: Path, name: str, found: list[Violation]) -> None:
    if tree.absolute().name != name:
        found.append(Violation(tree, f"must be called {name}, as loaders spell it"))


def _check_pairs(
    work: list[tuple[Path, ListedClip]], names: Collection[str] | None
) -> Iterator[Violation]:
    """Check TAViS's rule: an S4 or MS3 name begins exactly one v1s or v1m uid.

    Where the partner subset has no clips at all, there is nothing to pair with. A clip that was
    written just now may have no partner yet; the export itself says that.
    """
    listed: dict[Subset, list[ListedClip]] = {}
    for _, clip in work:
        listed.setdefault(clip.key.subset, []).append(clip)
    for tree, clip in work:
        partners = listed.get(PARTNERS.get(clip.key.subset, clip.key.subset), [])
        if clip.key.subset not in ("s4", "ms3") or not partners:
            continue
        if names is not None and clip.key.name not in names:
            continue
        begun = [other for other in partners if other.key.name.startswith(clip.key.name)]
        path, line = tree / list_name(clip.key.subset), f"line {clip.line}"
        kind = PARTNERS[clip.key.subset]
        if not begun and names is not None:
            continue
        if len(begun) != 1:
            message = f"{line}: the name {clip.key.name!r} begins {len(begun)} {kind} uids, not one"
            yield Violation(
                path, message if begun else f"{message}: export the clip as {kind}, too"
            )
        elif begun[0].key.split != clip.key.split:
            message = f"{line}: {clip.key.name!r} is in {clip.key.split}, but in {kind} it is in "
            yield Violation(path, message + begun[0].key.split)


# One clip


def _check_clip(tree: Path, clip: ListedClip) -> Iterator[Violation]:
    """Check all files of one listed clip, and how they fit together."""
    files = clip_files(clip.key)
    for path in files.all:
        if not _is_there(tree / path):
            yield Violation(tree / path, "is missing")
    examples = frame_count(clip.key.subset)
    yield from _report(
        tree / files.waveform, lambda path: file_checks.check_wav(path, tree, examples)
    )
    if clip.key.subset in SEMANTIC_SUBSETS:
        yield from _check_semantic_clip(tree, clip, files)
    else:
        yield from _check_object_clip(tree, files)


def _check_object_clip(tree: Path, files: ClipFiles) -> Iterator[Violation]:
    for path in files.frames:
        yield from _report(tree / path, lambda path: file_checks.check_object_frame(path, tree))
    for path in files.masks:
        yield from _report(tree / path, lambda path: file_checks.check_object_mask(path, tree))
    assert files.log_mel is not None  # S4 and MS3 have it, and the video
    assert files.video is not None
    wav = tree / files.waveform
    yield from _report(
        tree / files.log_mel, lambda path: file_checks.check_log_mel(path, tree, wav)
    )
    yield from _report(tree / files.video, lambda path: file_checks.check_video(path, tree))


def _check_semantic_clip(tree: Path, clip: ListedClip, files: ClipFiles) -> Iterator[Violation]:
    sizes: list[tuple[int, int] | None] = []
    for path in files.frames:
        place = tree / path
        problems, size = (
            file_checks.check_semantic_frame(place, tree) if _is_there(place) else ([], None)
        )
        yield from (Violation(place, problem) for problem in problems)
        sizes.append(size)
    shown: set[int] = set()
    labels = zip(files.labels_rgb, files.labels_semantic, sizes, strict=False)
    for rgb_path, index_path, size in labels:
        if _is_there(tree / rgb_path) and _is_there(tree / index_path):
            found, classes = file_checks.check_semantic_label(
                tree / rgb_path, tree / index_path, tree, size
            )
            yield from (Violation(path, problem) for path, problem in found)
            shown |= classes
    named = set(clip.sound_classes.split("_"))
    unnamed = [AVSBENCH_CLASSES[index] for index in sorted(shown)]
    unnamed = [name for name in unnamed if name not in named]
    if unnamed:
        message = (
            f"shows {', '.join(unnamed)}, which its a_obj {clip.sound_classes!r} does not name"
        )
        yield Violation(tree / files.parts[0], message)


def _report(path: Path, check: Callable[[Path], list[str]]) -> Iterator[Violation]:
    if _is_there(path):  # a missing file is a violation already
        yield from (Violation(path, problem) for problem in check(path))


def _is_there(path: Path) -> bool:
    """Say whether anything is there: what is no file is a finding of the check of its kind."""
    return os.path.lexists(path)
