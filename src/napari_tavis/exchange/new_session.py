"""Making a video with a session out of what a dataset has: both exist in the end, or neither."""

from __future__ import annotations

import contextlib
import filecmp
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession, default_path, holds_session
from napari_tavis.annotation.masks import PackedMasks
from napari_tavis.annotation.proposals import SCENE_NAME, ObjectKind, Proposal, Proposals
from napari_tavis.core.errors import DatasetError
from napari_tavis.core.workspace import workspace
from napari_tavis.datasets.coco_masks import Size
from napari_tavis.media import open_clip

_STAGE = ".napari-tavis-import-"
# objects times frames up to which absences are noted; more would take minutes
_MOST_ABSENCES = 100_000


@dataclass(frozen=True)
class ImportedObject:
    """An object of a dataset."""

    class_name: str  # ignored for the scene mask
    masks: PackedMasks  # by video frame index, at the size of the video
    kind: ObjectKind = "object"
    # by frame, where the dataset has any
    scores: Mapping[int, float] = field(default_factory=dict)
    unsure: frozenset[int] = frozenset()  # frames in which nobody has checked it
    # those of them in which it is visible, but its mask unknown
    to_outline: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ImportReport:
    """What an import made."""

    videos: tuple[Path, ...] = ()  # each with its session beside it
    skipped: tuple[str, ...] = ()  # what was not imported and why, a sentence each
    notes: tuple[str, ...] = ()  # what the user should know of what was imported, a sentence each
    annotations: tuple[int, int] = (0, 0)  # how many were imported, of how many
    frames: tuple[int, int] = (0, 0)  # likewise
    objects: int = 0  # in all sessions
    failed: int = 0  # how many videos were not imported

    def __add__(self, other: ImportReport) -> ImportReport:
        return ImportReport(
            self.videos + other.videos,
            self.skipped + other.skipped,
            self.notes + other.notes,
            _sum(self.annotations, other.annotations),
            _sum(self.frames, other.frames),
            self.objects + other.objects,
            self.failed + other.failed,
        )

    def summary(self) -> str:
        """Count what was imported, in one sentence."""
        counts = [
            f"{taken} of {count} {what}"
            for (taken, count), what in ((self.annotations, "annotations"), (self.frames, "frames"))
        ]
        return f"Imported {', '.join(counts)}, {self.objects} objects in {len(self.videos)} videos."


def failure(sentence: str) -> ImportReport:
    """Report a video that was not imported."""
    return ImportReport(skipped=(sentence,), failed=1)


def _sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    return first[0] + second[0], first[1] + second[1]


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a temporary place for a video and its session; move both to `target` when complete.

    The target's folder is made if need be. A video that exists there already must be the same, and
    stays. Raises `DatasetError` if another file is at the target, or the disk refuses.
    """
    folders = (target.parent, *target.parent.parents)
    made = [folder for folder in folders if not os.path.exists(folder)]
    done = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # No lock over the folders: at worst, one of two imports that begin at once is refused.
        with workspace(target.parent, _STAGE, contextlib.nullcontext()) as stage:
            yield stage / target.name
            _put(stage / target.name, target)
        done = True
    except OSError as error:
        raise DatasetError(
            f"{target} cannot be written ({error.strerror or error}): make room, or choose "
            "another folder."
        ) from error
    finally:
        if not done:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _put(video: Path, target: Path) -> None:
    """Move a video and its session to their place, where neither replaces anything."""
    refuse_imported(target)  # again: it may have appeared while the video was copied
    there = os.path.lexists(target)
    if there and not same_file(video, target):
        raise DatasetError(another_file(target))
    if not there:
        video.rename(target)
    try:
        default_path(video).rename(default_path(target))
    except OSError:
        if not there:
            target.unlink()
        raise


def another_file(target: Path) -> str:
    """Say that a different file exists where a video is to go."""
    return f"{target} is there already and is another file: move it, or import to another folder."


def same_file(first: Path, second: Path) -> bool:
    """Say whether two files have the same content."""
    return filecmp.cmp(first, second, shallow=False)


def save_session(
    video: Path,
    frames: Sequence[int],
    objects: Sequence[ImportedObject],
    *,
    noted: tuple[Path, str, str] | None = None,
    clock: tuple[Size, npt.NDArray[np.float64]] | None = None,
) -> None:
    """Save a session of checked masks beside its video, which has none yet.

    Every mask in `frames`, those that the dataset annotates, is accepted, and so is the absence of
    an object in a frame without one, except what the objects are unsure of; very many absences are
    not noted. `noted` is the root, format and name of the clip in a dataset to which it can be
    exported again; `clock` the size of the video's frames and their times in seconds, where known
    already.

    Raises `TavisError` if the video cannot be read, or the session cannot be written.
    """
    if clock is None:
        with open_clip(video) as clip:
            clock = clip.size, clip.times
    size, times = clock
    proposals = Proposals(
        np.asarray(frames, dtype=np.int64),
        times[list(frames)],
        size,
        [_proposal(item) for item in objects],
        vocabulary=tuple(dict.fromkeys(one.class_name for one in objects if one.kind == "object")),
        frame_count=len(times),
    )
    with contextlib.closing(AnnotationSession.create(video, proposals)) as session:
        with session.step("Import"):
            _judge(session, frames, objects)
        if noted is not None:
            session.note_export(*noted)
        session.save()


def _judge(
    session: AnnotationSession, frames: Sequence[int], objects: Sequence[ImportedObject]
) -> None:
    """Accept the objects in the frames in which they are sure, and leave the rest to check.

    A doubtful frame without any mask gets an empty proposal, or it would pass for silence.
    """
    judged: dict[int, list[int]] = {}
    shown = {frame for item in objects for frame in _drawn(item)}
    for made, item in zip(session.objects, objects, strict=True):
        known = frames if len(frames) * len(objects) <= _MOST_ABSENCES else item.masks
        judged[made.object_id] = [frame for frame in known if frame not in item.unsure]
        empty = (item.to_outline | (item.unsure - shown)) - _drawn(item)
        if empty:
            nothing = dict.fromkeys(sorted(empty), np.zeros(session.frame_size, dtype=bool))
            session.propose_masks(made.object_id, nothing)
            shown |= empty
    session.accept_frames(judged)


def _drawn(item: ImportedObject) -> set[int]:
    """Return the frames in which an object's mask covers something."""
    return {frame for frame in item.masks if item.masks.encoded(frame) is not None}


def _proposal(item: ImportedObject) -> Proposal:
    name = SCENE_NAME if item.kind == "scene" else item.class_name
    scores = {frame: item.scores.get(frame, 1.0) for frame in item.masks}
    score = sum(scores.values()) / len(scores) if scores else 1.0
    return Proposal(name, score, item.masks, scores, item.kind)


def refuse_imported(video: Path) -> None:
    """Raise `DatasetError` where the video has a session, which an import never touches."""
    if holds_session(default_path(video)):
        raise DatasetError(f"{video} is there already, and was left alone.")
