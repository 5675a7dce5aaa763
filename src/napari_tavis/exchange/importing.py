"""Datasets in, videos with sessions out: whichever format it is."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from napari_tavis.core.errors import DatasetError, TavisError
from napari_tavis.core.files import MEGABYTE, read_json
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench.layout import SUBSETS, Split, Subset, find_trees
from napari_tavis.exchange.files import copy_file
from napari_tavis.exchange.from_avsbench import import_avsbench
from napari_tavis.exchange.from_coco import Entry, read_coco
from napari_tavis.exchange.from_youtube_vis import is_youtube_vis, read_youtube_vis
from napari_tavis.exchange.gathering import (
    Counting,
    SourceVideo,
    decide_counting,
    decided_by_video,
    gather_objects,
)
from napari_tavis.exchange.imported import (
    ImportReport,
    another_file,
    failure,
    refuse_imported,
    same_file,
    save_session,
    staged,
)
from napari_tavis.exchange.pictures import PictureFolder, find_pictures
from napari_tavis.exchange.places import Found, VideoPlaces, target_of, without_suffix
from napari_tavis.media import open_clip

MOST_BYTES = 1024 * MEGABYTE
"""Of a COCO file; those of the largest public sets have half of it."""

_LISTS = ("videos", "images", "annotations", "categories")


def import_dataset(
    path: Path,
    output: Path,
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
    path : Path
        An AVSBench folder, a COCO or YouTube-VIS json file, or the folder of a COCO dataset.
        Nothing in it is changed.
    output : Path
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
        Told how far it is; stops the work when cancelled;
        what is finished stays.

    Returns
    -------
    ImportReport
        Masks are accepted, but for those whose ``status`` is "proposed".

    Raises
    ------
    DatasetError
        If there is nothing to import, or an option does not apply to what there is.
    """
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


def import_json(
    path: Path,
    output: Path,
    *,
    root: Path | None = None,
    videos: Path | None = None,
    first_frame: int | None = None,
    partial: bool = False,
    task: Task | None = None,
) -> ImportReport:
    """Make a video and a session of every video of a COCO or YouTube-VIS file.

    Parameters
    ----------
    path : Path
        The file.
    root : Path, optional
        Folder of the dataset, out of which no link to the file may lead.
    output, videos, first_frame, partial, task
        As for `import_dataset`.

    Returns
    -------
    ImportReport

    Raises
    ------
    DatasetError
        If the file is none, or its videos cannot be told.
    """
    lists = _read_lists(path, root)
    if not lists["annotations"]:
        raise DatasetError(f"{path} holds no annotations: there is nothing to import.")
    roots = [videos] if videos else [path.parent, path.parent.parent]
    places = VideoPlaces(roots, chosen=videos is not None)
    if is_youtube_vis(lists):
        sources, homeless = read_youtube_vis(lists)
    else:
        if not lists["videos"] and videos is None:
            raise DatasetError(
                f"{path} lists no videos: sound needs them. Name the folder of the videos with "
                "--videos, or add 'videos' to the file and 'video_id' to its images."
            )
        stems = {} if lists["videos"] else {without_suffix(str(one)): one for one in places.all()}
        sources, homeless = read_coco(lists, stems)
    work = _Work(places, path.stem, output, first_frame, partial, task or Task())
    return work.run(sources, homeless)


def _read_lists(path: Path, root: Path | None) -> dict[str, list[Entry]]:
    """Read a json file of lists of objects; those that it lacks are empty."""
    content = read_json(path, most=MOST_BYTES, root=root)
    if isinstance(content, dict) and "sequences" in content:
        raise DatasetError(f"{path} is a BURST file, which is not read: convert it to YouTube-VIS.")
    if not isinstance(content, dict) or not any(name in content for name in _LISTS):
        raise DatasetError(f"{path} is no COCO file: it has no 'images' and no 'annotations'.")
    lists = {}
    for name in _LISTS:
        entries = content.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise DatasetError(f"{path} is no COCO file: its {name!r} must be a list of objects.")
        lists[name] = entries
    return lists


@dataclass
class _Work:
    """The import of one file."""

    places: VideoPlaces
    split: str
    output: Path
    first_frame: int | None
    partial: bool
    task: Task

    def run(self, sources: Sequence[SourceVideo], homeless: SourceVideo) -> ImportReport:
        everything = [*sources, homeless]
        report = ImportReport(
            skipped=tuple(_leftovers(homeless)),
            annotations=(0, sum(source.annotations for source in everything)),
            frames=(0, sum(len(source.images) for source in everything)),
        )
        if report.skipped and not self.partial:
            reason = (
                "Nothing was imported, since these may belong to any of the videos: correct them, "
                "or import the rest with --partial."
            )
            return report + ImportReport(skipped=(reason,), failed=max(1, len(sources)))
        found: list[tuple[SourceVideo, Found | PictureFolder]] = []
        for source in sources:
            try:
                found.append((source, self._find(source)))
            except TavisError as error:
                report += failure(f"{error}{source.told_annotations()}")
        targets = self._targets([place.name for _, place in found])
        used = Counter(_file_of(place).resolve() for _, place in found)
        elsewhere = self._counting_of_all(found)
        for done, ((source, place), target) in enumerate(zip(found, targets, strict=True)):
            self.task.check()
            self.task.report(done, len(found), source.name)
            try:
                if used[_file_of(place).resolve()] > 1:
                    raise DatasetError(
                        f"{source.name}: several videos of the dataset name this file: join them."
                    )
                refuse_imported(target)
                report += self._import(source, place, target, elsewhere)
            except Cancelled:
                raise
            except TavisError as error:
                report += failure(f"{error}{source.told_annotations()}")
        self.task.report(len(found), len(found), "imported")
        return report

    def _find(self, source: SourceVideo) -> Found | PictureFolder:
        if not source.images and not source.left:
            raise DatasetError(f"{source.name}: no image is of this video: nothing to import.")
        try:
            return self.places.find(source.names)
        except DatasetError:
            pictures = find_pictures(source, self.places.roots, self.split)
            if pictures is None:
                raise
            return pictures

    def _targets(self, names: Sequence[PurePosixPath]) -> list[Path]:
        """Give every video a place of its own."""
        made = [target_of(name, self.output) for name in names]
        often = Counter(str(target).casefold() for target in made)
        return [
            target_of(name, self.output, distinct=True)
            if often[str(target).casefold()] > 1
            else target
            for name, target in zip(names, made, strict=True)
        ]

    def _counting_of_all(
        self, found: Sequence[tuple[SourceVideo, Found | PictureFolder]]
    ) -> Counting | None:
        """Decide from all videos together what the numbers of one alone leave open."""
        videos = [(source, place.path) for source, place in found if isinstance(place, Found)]
        if self.first_frame is not None or len(videos) < 2:
            return None
        for source, _ in videos:
            if any(image.number == 0 for image in source.images):
                return Counting(0, f"{source.name} has a frame 0")
        for source, path in videos:
            self.task.check()
            try:
                with open_clip(path, task=self.task.part()) as clip:
                    own = decided_by_video(source.images, clip.times)
            except Cancelled:
                raise
            except TavisError:
                continue  # said when it is imported
            if own is not None:
                return Counting(own.first, f"as in {source.name}")
        return None

    def _import(
        self,
        source: SourceVideo,
        place: Found | PictureFolder,
        target: Path,
        elsewhere: Counting | None,
    ) -> ImportReport:
        if isinstance(place, Found):
            if os.path.exists(target) and not same_file(place.path, target):
                raise DatasetError(another_file(target))
            with open_clip(place.path, task=self.task.part()) as clip:
                size, times = clip.size, clip.times
            counting = decide_counting(source, times, self.first_frame, elsewhere)
            said = f"frames are counted from {counting.first}, {counting.reason}"
            first = counting.first
        else:
            size, times = place.size(), np.arange(len(place.files)) / place.fps
            said, first = place.told(), 0
        made = gather_objects(source, len(times), size, first, self.task)
        if made.left and not (self.partial and made.annotations):
            return ImportReport(skipped=tuple(made.left), failed=1)
        with staged(target) as video:
            if isinstance(place, Found):
                copy_file(place.path, video, self.task.part())
                save_session(video, made.frames, made.objects, clock=(size, times))
            else:
                place.write(video, self.task)
                save_session(video, made.frames, made.objects)
        return ImportReport(
            (target,),
            tuple(made.left),
            (f"{source.name}: {said}.", *made.notes),
            (made.annotations, 0),
            (made.images, 0),
            len(made.objects),
        )


def _file_of(place: Found | PictureFolder) -> Path:
    """Give the file by which a video is told from others."""
    return place.path if isinstance(place, Found) else place.files[0]


def _leftovers(homeless: SourceVideo) -> list[str]:
    """Name what belongs to no video that can be told."""
    images = (f"{image.with_annotations()}: {image.problem}." for image in homeless.images)
    return [*homeless.left, *images]
