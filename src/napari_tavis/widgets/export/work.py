"""What the export page has done off the GUI thread: previews, exports, checks. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench import Violation, validate
from napari_tavis.exchange.exporting import ExportResult, export, plan_export
from napari_tavis.exchange.format import ExportPlan, ExportRequest
from napari_tavis.media import Clip


@dataclass(frozen=True, eq=False)
class ShownPreview:
    """A preview with some pictures.

    Attributes
    ----------
    plan : ExportPlan
        What will be written.
    pictures : tuple of ndarray of uint8, shape (h, w, 3)
        Some of the frames, spread over the clip.
    """

    plan: ExportPlan
    pictures: tuple[npt.NDArray[np.uint8], ...]


def make_preview(
    session: AnnotationSession,
    clip: Clip,
    request: ExportRequest,
    count: int,
    task: Task,
) -> ShownPreview:
    """Work out what an export will write, and draw some of it.

    Parameters
    ----------
    session, clip, request
        As for `plan_export`.
    count : int
        How many pictures.
    task : Task
        Stops the work when cancelled.
    """
    plan = plan_export(session, clip, request)
    places = np.unique(np.linspace(0, len(plan.frames) - 1, count).round().astype(int))
    pictures = []
    for place in places:
        task.check()
        pictures.append(plan.picture(int(place)))
    return ShownPreview(plan, tuple(pictures))


def export_saved(
    session_path: Path,
    video: Path,
    requests: list[ExportRequest],
    task: Task,
) -> list[ExportResult]:
    """Export a session as it was saved, so that painting may go on meanwhile.

    Parameters
    ----------
    session_path : Path
        Of the session.
    video : Path
        Its video.
    requests : list of ExportRequest
        As what; one after another.
    task : Task
        Told how far it is; stops the work when cancelled.
    """
    session = AnnotationSession.open(session_path, video=video, read_only=True)
    try:
        return [export(session, one, task=task) for one in requests]
    finally:
        session.close()


def check_dataset(root: Path, task: Task) -> list[Violation]:
    """Check a whole AVSBench dataset."""
    return validate(root, task=task)
