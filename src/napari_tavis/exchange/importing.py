"""From a dataset of any format to videos with sessions."""

from __future__ import annotations

import functools
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
    """Make videos with sessions from a dataset, for a person to correct.

    Parameters
    ----------
    path : path
        An AVSBench folder, a COCO or YouTube-VIS json file, or the folder of a COCO dataset.
        Nothing in it is changed.
    output : path
        Where videos and sessions go. Files already there are left alone.
    subset : str, optional
        Of an AVSBench folder: take this subset only.
    split : str, optional
        Take this split only.
    videos : Path, optional
        Folder of a json file's videos; by default the file's own folder, the one above it, and
        ``videos`` in either.
    first_frame : {0, 1}, optional
        The number of a video's first frame in the json file; by default, the numbers decide.
    partial : bool
        Import a video although some of its annotations cannot be used. Frames in which one was
        left out are not accepted.
    task : Task, optional
        Receives the progress; stops the work when cancelled.

    Returns
    -------
    ImportReport
        Masks are accepted, except those whose ``status`` is "proposed".

    Raises
    ------
    DatasetError
        If there is nothing to import, or an option does not apply to this dataset.
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
    _refuse_options(f"{path} is not an AVSBench folder", subset=subset is not None)
    read = functools.partial(
        import_json,
        output=output,
        videos=videos,
        first_frame=first_frame,
        partial=partial,
        task=task,
    )
    if not path.is_dir():
        _refuse_options(f"{path} is a single list", split=split is not None)
        return read(path)
    report = ImportReport()
    for file in _lists_in(path, split):
        try:
            report += read(file, root=path)
        except Cancelled:
            raise
        except TavisError as error:  # the other files do not depend on this one
            report += failure(str(error))
    return report


def _lists_in(folder: Path, split: Split | None) -> list[Path]:
    """Return the json files of a COCO dataset; with a split, those with it in their names."""
    files = sorted((folder / "annotations").glob("*.json")) or sorted(folder.glob("*.json"))
    if not files:
        raise DatasetError(
            f"{folder} holds no dataset: name an AVSBench folder, or a COCO json file."
        )
    if split is None:
        return files
    listed = ", ".join(file.name for file in files[:9])
    files = [file for file in files if split in re.split(r"[\W\d_]+", file.stem)]
    if not files:
        raise DatasetError(f"No list in {folder} is called like {split}, but {listed}: name one.")
    return files


def _refuse_options(what: str, **given: bool) -> None:
    """Refuse options that would be ignored."""
    named = [f"--{name.replace('_', '-')}" for name, is_given in given.items() if is_given]
    if named:
        raise DatasetError(f"{what}, to which {' and '.join(named)} cannot apply: leave it out.")
