"""Checks of one listed clip: all its files, and how they fit together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import file_checks
from napari_tavis.datasets.avsbench.layout import (
    SEMANTIC_SUBSETS,
    ClipFiles,
    clip_files,
    frame_count,
)
from napari_tavis.datasets.avsbench.lists import ListedClip
from napari_tavis.datasets.violations import Violation


def check_clip(tree: Path, clip: ListedClip) -> Iterator[Violation]:
    """Check one clip.

    Parameters
    ----------
    tree : Path
        The tree.
    clip : ListedClip
        What the list says of it.

    Yields
    ------
    Violation
    """
    files = clip_files(clip.key)
    for path in files.all:
        if not _is_there(tree / path):
            yield Violation(tree / path, "is missing")
    examples = frame_count(clip.key.subset)
    yield from _report(
        tree / files.waveform, lambda path: file_checks.check_wav(path, tree, examples)
    )
    if clip.key.subset in SEMANTIC_SUBSETS:
        yield from _check_semantic(tree, clip, files)
    else:
        yield from _check_object(tree, files)


def _check_object(tree: Path, files: ClipFiles) -> Iterator[Violation]:
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


def _check_semantic(tree: Path, clip: ListedClip, files: ClipFiles) -> Iterator[Violation]:
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
