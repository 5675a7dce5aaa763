"""Exporting a clip once more: the same stretch to the same place, from what a session noted."""

from __future__ import annotations

from pathlib import Path

from napari_tavis.annotation import AnnotationSession, ExportNote
from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.avsbench.layout import check_subset
from napari_tavis.datasets.avsbench.lists import find_listed_clip
from napari_tavis.datasets.avsbench.mapping import read_mapping
from napari_tavis.datasets.avsbench.sources import read_source
from napari_tavis.exchange.registry import VIDEO_FORMATS
from napari_tavis.exchange.request import ExportRequest
from napari_tavis.exchange.selection import MaskSource


def changed_exports(session: AnnotationSession) -> tuple[ExportNote, ...]:
    """Give the exports of a session that it has changed since."""
    return tuple(note for note in session.exports if note.stale)


def request_again(note: ExportNote) -> ExportRequest:
    """Make the request that writes a clip once more, as it is in its dataset.

    Parameters
    ----------
    note : ExportNote
        What the session noted when it was exported, or imported.

    Returns
    -------
    ExportRequest
        With `again` set: the clip keeps its name, split, times and category.

    Raises
    ------
    DatasetError
        If the dataset, or the clip in it, is gone.
    """
    root = Path(note.root)
    if note.format.startswith("avsbench-"):
        return _avsbench_again(root, note)
    format = next((known for known in VIDEO_FORMATS if known == note.format), None)
    found = None if format is None else VIDEO_FORMATS[format].find(root, note.name)
    if format is None or found is None:
        raise _gone(note)
    return ExportRequest(
        root,
        format=format,
        split=found.split,
        name=note.name,
        masks=_masks(found.masks),
        licence=found.licence,
        overwrite=True,
        again=True,
        include_proposals=found.proposals,
    )


def _avsbench_again(root: Path, note: ExportNote) -> ExportRequest:
    subset = check_subset(note.format.removeprefix("avsbench-"))
    found = find_listed_clip(root, subset, note.name)
    if found is None:
        raise _gone(note)
    tree, clip = found
    source = read_source(tree, subset, note.name)
    return ExportRequest(
        root,
        subset=subset,
        split=clip.key.split,
        name=note.name,
        # An imported clip is a file of its own, all of it.
        start=0.0 if source is None else source.start,
        masks="scene" if source is None else _masks(source.masks),
        mapping=read_mapping(tree),
        licence="" if source is None else source.licence,
        overwrite=True,
        again=True,
        include_proposals=source is not None and source.proposals,
    )


def _masks(noted: object) -> MaskSource:
    known: tuple[MaskSource, ...] = ("scene", "objects", "accepted")
    return next((masks for masks in known if masks == noted), "objects")


def _gone(note: ExportNote) -> DatasetError:
    return DatasetError(
        f"{note.root} no longer holds the clip {note.name!r}: export it anew, with its settings."
    )
