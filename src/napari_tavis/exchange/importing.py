"""Datasets in, videos with sessions out: whichever format it is."""

from __future__ import annotations

import re
from pathlib import Path

from napari_tavis.core.errors import DatasetError, TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench.layout import SUBSETS, Subset, find_trees
from napari_tavis.datasets.names import Split
from napari_tavis.exchange.from_avsbench import import_avsbench
from napari_tavis.exchange.from_json import import_json
from napari_tavis.exchange.new_session import ImportReport, failure


def import_dataset(
    path: Path | str,
    output: Path | str,
    *,
    subset: Subset | None = None,
    split: Split | None = None,
    videos: Path | None = None,
    first_frame: int | None = None,
    partial: bool = False,
    task: Task | None = None,
) -> ImportReport:
    """Make videos with sessions of a dataset, so that a person can correct it.

    Parameters
    ----------
    path : path
        An AVSBench folder, a COCO or YouTube-VIS json file, or the folder of a COCO dataset.
        Nothing in it is changed.
    output : path
        Where videos and sessions go. What is there is left alone.
    subset : str, optional
        Of an AVSBench folder: take this subset only.
    split : str, optional
        Take this split only.
    videos : Path, optional
        Folder of a json file's videos; by default that of the file or the one above, and
        ``videos`` in it.
    first_frame : {0, 1}, optional
        What a json file calls the first frame of a video; by default, its numbers decide.
    partial : bool
        Import a video although some of its annotations cannot be taken. Frames in which one was
        left are not accepted.
    task : Task, optional
        Told how far it is; stops the work when cancelled.

    Returns
    -------
    ImportReport
        Masks are accepted, but for those whose ``status`` is "proposed".

    Raises
    ------
    DatasetError
        If there is nothing to import, or an option does not apply to what there is.
    """
    path, output = Path(path), Path(output)
    if path.is_dir() and any(find_trees(path, one) for one in SUBSETS):
        _refuse_options(
            f"{path} is an AVSBench folder",
            videos=videos is not None,
            first_frame=first_frame is not None,
            partial=partial,
        )
        return import_avsbench(path, output, subset=subset, split=split, task=task)
    _refuse_options(f"{path} is no AVSBench folder", subset=subset is not None)
    if not path.is_dir():
        _refuse_options(f"{path} is a single list", split=split is not None)
        return import_json(
            path,
            output,
            videos=videos,
            first_frame=first_frame,
            partial=partial,
            task=task,
        )
    files = sorted((path / "annotations").glob("*.json")) or sorted(path.glob("*.json"))
    if files and split is not None:
        listed = ", ".join(file.name for file in files[:9])
        files = [file for file in files if split in re.split(r"[\W\d_]+", file.stem)]
        if not files:
            raise DatasetError(f"No list in {path} is called like {split}, but {listed}: name one.")
    if not files:
        raise DatasetError(
            f"{path} holds no dataset: name an AVSBench folder, or a COCO json file."
        )
    report = ImportReport()
    for file in files:
        try:
            report += import_json(
                file,
                output,
                root=path,
                videos=videos,
                first_frame=first_frame,
                partial=partial,
                task=task,
            )
        except Cancelled:
            raise
        except TavisError as error:  # the other files do not depend on this one
            report += failure(str(error))
    return report


def _refuse_options(what: str, **given: bool) -> None:
    """Refuse what would be passed over."""
    named = [f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given]
    if named:
        raise DatasetError(f"{what}, to which {' and '.join(named)} cannot apply: leave it out.")
