"""Datasets in, videos with sessions out: whichever format it is."""

from __future__ import annotations

from pathlib import Path

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.layout import SUBSETS, Split, Subset, find_trees
from napari_tavis.formats.from_avsbench import import_avsbench
from napari_tavis.formats.from_coco import import_coco
from napari_tavis.formats.imported import ImportReport
from napari_tavis.tasks import CancelToken, Progress, no_progress


def import_dataset(
    path: Path,
    output: Path,
    *,
    subset: Subset | None = None,
    split: Split | None = None,
    videos: Path | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ImportReport:
    """Make videos with sessions of a dataset, so that a person can correct it.

    Parameters
    ----------
    path : Path
        An AVSBench folder, a COCO json file, or the folder of a COCO dataset.
    output : Path
        Where videos and sessions go. What is there is left alone.
    subset : str, optional
        Of an AVSBench folder: take this subset only.
    split : str, optional
        Take this split only.
    videos : Path, optional
        Folder of a COCO file's videos.
    progress, cancel
        Of the job; cancelling keeps what is finished.

    Returns
    -------
    ImportReport

    Raises
    ------
    DatasetError
        If there is nothing to import.
    """
    if path.is_dir() and any(find_trees(path, one) for one in SUBSETS):
        return import_avsbench(
            path, output, subset=subset, split=split, progress=progress, cancel=cancel
        )
    files = [path] if path.is_file() else sorted((path / "annotations").glob("*.json"))
    if split is not None and not path.is_file():
        files = [file for file in files if file.stem == split]
    if not files:
        raise DatasetError(
            f"{path} holds no dataset: name an AVSBench folder, or a COCO json file."
        )
    reports = [
        import_coco(file, output, videos=videos, progress=progress, cancel=cancel) for file in files
    ]
    return ImportReport(
        tuple(video for report in reports for video in report.videos),
        tuple(sentence for report in reports for sentence in report.skipped),
    )
