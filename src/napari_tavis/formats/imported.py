"""Making a session out of masks that somebody has found right already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_tavis.inference.masks import PackedMasks
from napari_tavis.inference.proposals import SCENE_NAME, ObjectKind, Proposal, Proposals
from napari_tavis.media import open_clip
from napari_tavis.session import AnnotationSession, default_path, holds_session


@dataclass(frozen=True)
class ImportedObject:
    """An object of a dataset.

    Attributes
    ----------
    class_name : str
        Its class; passed over for the scene mask.
    masks : PackedMasks
        Its masks by video frame index, at the size of the video.
    kind : {"object", "scene"}
        What it is.
    scores : mapping of int to float
        By frame, where the dataset has any.
    proposed : frozenset of int
        Frames that the dataset itself says nobody has looked at.
    """

    class_name: str
    masks: PackedMasks
    kind: ObjectKind = "object"
    scores: Mapping[int, float] = field(default_factory=dict)
    proposed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ImportReport:
    """What an import made.

    Attributes
    ----------
    videos : tuple of Path
        The videos, each with its session beside it.
    skipped : tuple of str
        What was passed over and why, a sentence each.
    """

    videos: tuple[Path, ...]
    skipped: tuple[str, ...]


def save_session(
    video: Path,
    frames: Sequence[int],
    objects: Sequence[ImportedObject],
    *,
    noted: tuple[Path, str, str] | None = None,
) -> None:
    """Save a session of masks that were found right, beside its video.

    Every mask is accepted, and so is the absence of an object in a frame without one.

    Parameters
    ----------
    video : Path
        The video; there is no session beside it yet.
    frames : sequence of int
        The frames that the dataset annotates.
    objects : sequence of ImportedObject
        What it shows there.
    noted : tuple of Path, str and str, optional
        Root, format and name of the clip in a dataset to which it can be exported again.

    Raises
    ------
    TavisError
        If the video cannot be read, or the session cannot be written.
    """
    with open_clip(video) as clip:
        size, times = clip.size, clip.times
    proposals = Proposals(
        np.asarray(frames, dtype=np.int64),
        times[list(frames)],
        size,
        [_proposal(item) for item in objects],
        vocabulary=tuple(dict.fromkeys(one.class_name for one in objects if one.kind == "object")),
        frame_count=len(times),
    )
    session = AnnotationSession.create(video, proposals)
    try:
        with session.step("Import"):
            for made, item in zip(session.objects, objects, strict=True):
                for frame in frames:
                    if frame not in item.proposed:
                        session.accept(made.object_id, int(frame))
        if noted is not None:
            session.note_export(*noted)
        session.save()
    finally:
        session.close()


def _proposal(item: ImportedObject) -> Proposal:
    name = SCENE_NAME if item.kind == "scene" else item.class_name
    scores = {frame: item.scores.get(frame, 1.0) for frame in item.masks}
    score = sum(scores.values()) / len(scores) if scores else 1.0
    return Proposal(name, score, item.masks, scores, item.kind)


def is_imported(video: Path) -> bool:
    """Tell whether a video lies there with its session, which an import never touches."""
    return video.exists() and holds_session(default_path(video))
