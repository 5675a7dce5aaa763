"""Datasets in, videos with sessions out: whichever format it is."""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_tavis.avsbench.errors import DatasetError
from napari_tavis.avsbench.layout import SUBSETS, Split, Subset, find_trees
from napari_tavis.core.files import MEGABYTE, read_json
from napari_tavis.errors import TavisError
from napari_tavis.formats.files import copy_file
from napari_tavis.formats.from_avsbench import import_avsbench
from napari_tavis.formats.from_coco import Entry, read_coco
from napari_tavis.formats.from_youtube_vis import is_youtube_vis, read_youtube_vis
from napari_tavis.formats.imported import (
    Counting,
    ImportReport,
    SourceVideo,
    decide_counting,
    decided_by_video,
    failure,
    gather_objects,
    is_imported,
    save_session,
    staged,
)
from napari_tavis.formats.places import Found, VideoPlaces, without_suffix
from napari_tavis.media import open_clip
from napari_tavis.tasks import Cancelled, CancelToken, Progress, no_progress

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
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
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
    progress, cancel
        Of the job; cancelling keeps what is finished.

    Returns
    -------
    ImportReport
        Masks are accepted, but for those whose ``status`` is "proposed".

    Raises
    ------
    DatasetError
        If there is nothing to import.
    """
    if path.is_dir() and any(find_trees(path, one) for one in SUBSETS):
        return import_avsbench(
            path, output, subset=subset, split=split, progress=progress, cancel=cancel
        )
    files = [path] if not path.is_dir() else sorted((path / "annotations").glob("*.json"))
    if split is not None and path.is_dir():
        files = [file for file in files if file.stem == split]
    if not files:
        raise DatasetError(
            f"{path} holds no dataset: name an AVSBench folder, or a COCO json file."
        )
    report = ImportReport()
    for file in files:
        report += import_json(
            file,
            output,
            videos=videos,
            first_frame=first_frame,
            partial=partial,
            progress=progress,
            cancel=cancel,
        )
    return report


def import_json(
    path: Path,
    output: Path,
    *,
    videos: Path | None = None,
    first_frame: int | None = None,
    partial: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ImportReport:
    """Make a video and a session of every video of a COCO or YouTube-VIS file.

    Parameters
    ----------
    path : Path
        The file.
    output, videos, first_frame, partial, progress, cancel
        As for `import_dataset`.

    Returns
    -------
    ImportReport

    Raises
    ------
    DatasetError
        If the file is none, or its videos cannot be told.
    """
    lists = _read_lists(path)
    places = VideoPlaces([videos] if videos else [path.parent, path.parent.parent])
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
    cancel = cancel or CancelToken()
    work = _Work(places, output, first_frame, partial, cancel)
    return work.run(sources, homeless, progress)


def _read_lists(path: Path) -> dict[str, list[Entry]]:
    """Read a json file of lists of objects; those that it lacks are empty."""
    content = read_json(path, most=MOST_BYTES)
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
    output: Path
    first_frame: int | None
    partial: bool
    cancel: CancelToken

    def run(
        self, sources: Sequence[SourceVideo], homeless: SourceVideo, progress: Progress
    ) -> ImportReport:
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
        found: list[tuple[SourceVideo, Found]] = []
        for source in sources:
            try:
                found.append((source, self._find(source)))
            except TavisError as error:
                report += failure(str(error))
        targets = self._targets(found)
        files = Counter(one.path.resolve() for _, one in found)
        elsewhere = self._counting_of_all([source for source, _ in found], found)
        for done, ((source, file), target) in enumerate(zip(found, targets, strict=True)):
            self.cancel.check()
            progress(done, len(found), source.name)
            try:
                if files[file.path.resolve()] > 1:
                    raise DatasetError(
                        f"{source.name}: several videos of the file name this one: join them."
                    )
                report += self._import(source, file.path, target, elsewhere)
            except Cancelled:
                raise
            except TavisError as error:
                report += failure(str(error))
        progress(len(found), len(found), "imported")
        return report

    def _find(self, source: SourceVideo) -> Found:
        if not source.images and not source.left:
            raise DatasetError(f"{source.name}: no image is of this video: nothing to import.")
        return self.places.find(source.names)

    def _targets(self, found: Iterable[tuple[SourceVideo, Found]]) -> list[Path]:
        """Give every video a place of its own."""
        files = [file for _, file in found]
        names = Counter(str(file.target(self.output)).casefold() for file in files)
        return [
            file.target(self.output, distinct=names[str(file.target(self.output)).casefold()] > 1)
            for file in files
        ]

    def _counting_of_all(
        self, sources: Sequence[SourceVideo], found: Sequence[tuple[SourceVideo, Found]]
    ) -> Counting | None:
        """Decide from all videos together what the numbers of one alone leave open."""
        if self.first_frame is not None or len(found) < 2:
            return None
        for source in sources:
            if any(image.number == 0 for image in source.images):
                return Counting(0, f"{source.name} has a frame 0")
        for source, file in found:
            self.cancel.check()
            try:
                with open_clip(file.path, cancel=self.cancel) as clip:
                    own = decided_by_video(source.images, clip.times)
            except Cancelled:
                raise
            except TavisError:
                continue  # said when it is imported
            if own is not None:
                return Counting(own.first, f"as in {source.name}")
        return None

    def _import(
        self, source: SourceVideo, path: Path, target: Path, elsewhere: Counting | None
    ) -> ImportReport:
        if is_imported(target):
            raise DatasetError(f"{target} is there already, and was left alone.")
        if target.exists() and not filecmp.cmp(path, target, shallow=False):
            raise DatasetError(
                f"{target} is there already and is another file: move it, or import to another "
                "folder."
            )
        with open_clip(path, cancel=self.cancel) as clip:
            size, times = clip.size, clip.times
        counting = decide_counting(source, times, self.first_frame, elsewhere)
        made = gather_objects(source, len(times), size, counting.first, self.cancel)
        if made.left and not self.partial:
            return ImportReport(skipped=tuple(made.left), failed=1)
        with staged(target) as video:
            copy_file(path, video, no_progress, self.cancel)
            save_session(video, made.frames, made.objects, clock=(size, times))
        said = f"{source.name}: frames are counted from {counting.first}, {counting.reason}."
        return ImportReport(
            (target,),
            tuple(made.left),
            (said, *made.notes),
            (made.annotations, 0),
            (made.images, 0),
            len(made.objects),
        )


def _leftovers(homeless: SourceVideo) -> list[str]:
    """Name what belongs to no video that can be told."""
    said = list(homeless.left)
    for image in homeless.images:
        labels = [*(shape.label for shape in image.shapes), *(label for label, _ in image.left)]
        carried = f" with annotations {', '.join(labels)}" if labels else ""
        said.append(f"{image.label}{carried}: {image.problem}.")
    return said
