"""From an AVSBench folder to videos with sessions, for a person to correct."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.annotation.masks import PackedMasks
from napari_tavis.core.errors import TavisError
from napari_tavis.core.files import is_file
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation, DatasetError, DatasetReader
from napari_tavis.datasets.avsbench.layout import (
    FRAME_OFFSET,
    OBJECT_SIZE,
    SUBSETS,
    Subset,
    find_trees,
    label_count,
    list_name,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, listed_clips
from napari_tavis.datasets.avsbench.sound import SAMPLE_RATE
from napari_tavis.datasets.files import copy_file
from napari_tavis.datasets.names import Split
from napari_tavis.datasets.transaction import refuse_half_written
from napari_tavis.exchange.format import format_key
from napari_tavis.exchange.new_session import (
    ImportedObject,
    ImportReport,
    failure,
    refuse_imported,
    save_session,
    staged,
)
from napari_tavis.media import Clip, MediaError, frames_at, open_clip, write_video

_ALIKE = 12.0  # mean difference, of 255, up to which two pictures differ by compression alone


def import_avsbench(
    root: Path,
    output: Path,
    *,
    subset: Subset | None = None,
    split: Split | None = None,
    task: Task | None = None,
) -> ImportReport:
    """Make a video and a session of every clip of an AVSBench folder, in a folder per subset.

    The video is the clip's own (S4 and MS3 keep it) if its frames are those that the masks were
    drawn on; else one frame a second, lossless, with the clip's sound. Frames without a label are
    not sampled frames of the session. Exporting such a session again replaces the clip in the
    dataset that it came from. Nothing in the dataset is changed, and existing files in `output`
    are left alone; what is finished stays after a cancel.

    Raises `DatasetError` if there is nothing to import.
    """
    task = task or Task()
    report = ImportReport()
    work: list[tuple[Path, ListedClip]] = []
    for one in (subset,) if subset else SUBSETS:
        for tree in find_trees(root, one):
            if (tree / list_name(one)).is_file():
                try:
                    refuse_half_written(tree)
                    work += [(tree, clip) for clip in listed_clips(tree, one)]
                except TavisError as error:  # of a list that tells nothing for sure
                    report += failure(str(error))
    work = [(tree, clip) for tree, clip in work if split is None or clip.key.split == split]
    if not work and not report.failed:
        wanted = " ".join(part for part in (subset, split) if part)
        raise DatasetError(f"{root} holds no {wanted or 'AVSBench'} clips to import.")
    listed = sum(label_count(clip.key.subset, clip.key.split) for _, clip in work)
    report += ImportReport(annotations=(0, listed), frames=(0, listed))
    for done, (tree, clip) in enumerate(work):
        task.check()
        task.report(done, len(work), clip.key.name)
        target = output / clip.key.subset / f"{clip.key.name}.mp4"
        try:
            refuse_imported(target)
            report += _import_clip(root, tree, clip, target)
        except Cancelled:
            raise
        except TavisError as error:
            report += failure(str(error))
    task.report(len(work), len(work), "imported")
    return report


def _import_clip(root: Path, tree: Path, clip: ListedClip, target: Path) -> ImportReport:
    key = clip.key
    (annotation,) = DatasetReader(tree, key.subset, key.split, [clip])
    with staged(target) as staging:
        frames = _take_video(annotation, staging, tree)
        with open_clip(staging) as video:
            size, times = video.size, video.times
        labelled = [int(frame) for frame in frames[annotation.labelled]]
        objects = list(_objects(annotation, labelled, size))
        save_session(
            staging,
            labelled,
            objects,
            noted=(root.absolute(), format_key("avsbench", key.subset), key.name),
            clock=(size, times),
        )
    taken = (len(labelled), 0)
    return ImportReport((target,), annotations=taken, frames=taken, objects=len(objects))


def _take_video(clip: ClipAnnotation, target: Path, tree: Path) -> npt.NDArray[np.intp]:
    """Write the clip's video, and return the frames that the labels belong to."""
    if clip.video is not None and is_file(clip.video, root=tree):
        try:
            with open_clip(clip.video) as video:
                frames = frames_at(video.times, np.arange(len(clip.frames)) + FRAME_OFFSET)
                if _shows(video, frames, clip):
                    copy_file(clip.video, target, Task())
                    return frames
        except MediaError:
            pass  # the frames themselves are there
    write_video(target, clip.frames, 1.0, clip.waveform, SAMPLE_RATE, lossless=True)
    return np.arange(len(clip.frames))


def _shows(video: Clip, frames: npt.NDArray[np.intp], clip: ClipAnnotation) -> bool:
    """Say whether a video's frames are those of the dataset, and not smaller.

    Masks of 224 x 224 come back exactly from any size that is not smaller.
    """
    if min(video.size) < OBJECT_SIZE or len(set(frames)) < len(frames):  # shorter than the clip
        return False
    shape = clip.frames.shape[2], clip.frames.shape[1]
    for index, picture in zip(frames, clip.frames, strict=True):
        shown = Image.fromarray(np.asarray(video.frames[int(index)]))
        small = np.asarray(shown.resize(shape, Image.Resampling.BILINEAR))
        if np.abs(small.astype(np.int16) - picture).mean() > _ALIKE:
            return False
    return True


def _objects(
    clip: ClipAnnotation, frames: list[int], size: tuple[int, int]
) -> Iterator[ImportedObject]:
    """Yield an object per class; MS3, which has no classes, gives the scene mask."""
    count = len(frames)
    if clip.class_map is None:
        masks = _packed(clip.masks[:count], frames, size)
        yield ImportedObject(clip.category, masks, "object" if clip.category else "scene")
        return
    labels = clip.class_map[:count]
    for index in np.unique(labels):
        if index:
            masks = _packed(labels == index, frames, size)
            yield ImportedObject(AVSBENCH_CLASSES[int(index)], masks)


def _packed(masks: npt.NDArray[np.bool_], frames: list[int], size: tuple[int, int]) -> PackedMasks:
    packed = PackedMasks(size)
    for frame, mask in zip(frames, masks, strict=True):
        if mask.shape != size:
            shape = (size[1], size[0])
            mask = np.asarray(Image.fromarray(mask).resize(shape, Image.Resampling.NEAREST))
        if mask.any():
            packed[frame] = mask
    return packed
