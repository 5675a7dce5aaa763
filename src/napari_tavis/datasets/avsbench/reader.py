"""Reading an AVSBench folder, official or exported, as a sequence of annotated clips."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_tavis.core.errors import DatasetError, MissingFilesError
from napari_tavis.core.files import is_file
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import images, sound
from napari_tavis.datasets.avsbench.annotation import ClipAnnotation
from napari_tavis.datasets.avsbench.layout import (
    SEMANTIC_SUBSETS,
    Subset,
    check_split,
    check_subset,
    clip_files,
    find_trees,
    list_name,
)
from napari_tavis.datasets.avsbench.lists import ListedClip, listed_clips
from napari_tavis.datasets.avsbench.pairing import Partner, find_partner
from napari_tavis.datasets.names import Split
from napari_tavis.datasets.transaction import refuse_half_written


class DatasetReader(Sequence[ClipAnnotation]):
    """The clips of one subset and split; each is read from its files when it is asked for.

    Made by `open_dataset`. `clips` are the rows of the tree's list, of this split; `partner` is
    where the classes of S4's and MS3's clips are.
    """

    def __init__(
        self,
        tree: Path,
        subset: Subset,
        split: Split,
        clips: Sequence[ListedClip],
        partner: Partner | None = None,
    ) -> None:
        self.tree = tree
        self.subset = subset
        self.split = split
        self.partner = partner
        self._clips = list(clips)

    @property
    def names(self) -> tuple[str, ...]:
        """Names (S4, MS3) or uids (semantic) of the clips, in the order of the list."""
        return tuple(clip.key.name for clip in self._clips)

    @property
    def clips(self) -> tuple[ListedClip, ...]:
        """The clips' rows of the list."""
        return tuple(self._clips)

    def choose(self, wanted: Callable[[ListedClip], bool]) -> DatasetReader:
        """Keep the clips for whose rows `wanted` is true."""
        return self._of([clip for clip in self._clips if wanted(clip)])

    def _of(self, clips: Sequence[ListedClip]) -> DatasetReader:
        return DatasetReader(self.tree, self.subset, self.split, clips, self.partner)

    def __len__(self) -> int:
        return len(self._clips)

    @overload
    def __getitem__(self, index: int) -> ClipAnnotation: ...

    @overload
    def __getitem__(self, index: slice) -> DatasetReader: ...

    def __getitem__(self, index: int | slice) -> ClipAnnotation | DatasetReader:
        """Read a clip, or keep a slice of them.

        The `DatasetError` for a missing or damaged file names it and the list's line.
        """
        if isinstance(index, slice):
            return self._of(self._clips[index])
        clip = self._clips[index]
        try:
            return self._with_classes(_read(self.tree, clip))
        except DatasetError as error:
            where = f"{self.tree / list_name(self.subset)}, line {clip.line}"
            raise DatasetError(f"{where}: {error}") from error

    def __iter__(self) -> Iterator[ClipAnnotation]:
        return (self[index] for index in range(len(self)))

    def read(self, name: str) -> ClipAnnotation:
        """Read the clip of a name or uid; `DatasetError` if that is not possible."""
        if name not in self.names:
            raise DatasetError(f"{self.tree} lists no {self.subset} {self.split} clip {name!r}.")
        return self[self.names.index(name)]

    def _with_classes(self, clip: ClipAnnotation) -> ClipAnnotation:
        """Add the classes of the clip's partner, if it has one."""
        if self.partner is None or clip.name not in self.partner.clips:
            return clip
        return _add_classes(clip, self.partner.tree, self.partner.clips[clip.name])

    def missing_files(self) -> tuple[str, ...]:
        """Name all missing files that reading every clip would need."""
        return tuple(
            str(tree / path)
            for index in range(len(self))
            for tree, path in self._files(index)
            if not os.path.isfile(tree / path)  # which, unlike Path's, no name makes fail
        )

    def problems(self, index: int) -> list[str]:
        """Read a clip, and return a sentence for each missing or damaged file."""
        try:
            self[index]
        except DatasetError as error:
            files = (_problem(tree, path) for tree, path in self._files(index))
            return [problem for problem in files if problem] or [str(error)]
        return []

    def files(self, index: int) -> list[Path]:
        """Name the files that reading a clip needs: all but colours, tensor and video."""
        return [tree / path for tree, path in self._files(index)]

    def _files(self, index: int) -> list[tuple[Path, PurePosixPath]]:
        """Return what `files` does, with the tree that each file must be in."""
        clip = self._clips[index]
        files = clip_files(clip.key)
        own = (*files.frames, *files.masks, *files.labels_semantic, files.waveform)
        found = [(self.tree, path) for path in own]
        if self.partner is not None and clip.key.name in self.partner.clips:
            partner = clip_files(self.partner.clips[clip.key.name].key)
            labels = partner.labels_semantic[: len(files.masks)]
            found += [(self.partner.tree, path) for path in labels]
        return found


def open_dataset(
    root: Path | str,
    subset: str,
    split: str,
    *,
    semantic: Path | str | None = None,
    complete: bool = True,
) -> DatasetReader:
    """Open one subset and split of an AVSBench folder.

    Parameters
    ----------
    root : Path or str
        The folder; the subset's tree may be up to two levels deeper. Nothing is written into
        it, and no link in it is followed out of it.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset.
    split : {"train", "val", "test"}
        The split.
    semantic : Path or str, optional
        Folder of the semantic tree from which S4's and MS3's clips get their classes; without
        it they have none.
    complete : bool, optional
        Whether all files must exist.

    Returns
    -------
    DatasetReader
        The clips as a sequence.

    Raises
    ------
    MissingFilesError
        If files that the list promises are missing; names all of them.
    DatasetError
        If there is no such subset, or its list cannot be read.
    """
    checked, wanted = check_subset(subset), check_split(split)
    trees = [
        tree for tree in find_trees(Path(root), checked) if (tree / list_name(checked)).is_file()
    ]
    if not trees:
        raise DatasetError(
            f"{root} holds no {subset} data: no {list_name(checked)} is in it or up to two "
            "levels deeper."
        )
    if len(trees) > 1:
        places = ", ".join(str(tree) for tree in trees)
        raise DatasetError(f"{root} holds several {subset} datasets ({places}): choose one.")
    refuse_half_written(trees[0])
    clips = [clip for clip in listed_clips(trees[0], checked) if clip.key.split == wanted]
    partner = None
    if semantic is not None and checked not in SEMANTIC_SUBSETS:
        partner = find_partner(Path(semantic), checked, (clip.key.name for clip in clips))
    reader = DatasetReader(trees[0], checked, wanted, clips, partner)
    missing = reader.missing_files() if complete else ()
    if missing:
        raise MissingFilesError(missing, str(trees[0] / list_name(checked)))
    return reader


def read_clip(root: Path | str, subset: str, split: str, name: str) -> ClipAnnotation:
    """Read one clip of an AVSBench folder by its name (S4, MS3) or uid (semantic).

    Raises `DatasetError` if there is no such clip, or it cannot be read.
    """
    return open_dataset(root, subset, split).read(name)


def unseen_sounds(tree: Path, clip: ListedClip) -> tuple[str, ...]:
    """Return the classes that a semantic clip's list has as heard, and its labels do not show.

    ``off-the-screen`` is among them; S4 and MS3 have none. Raises `DatasetError` if a label cannot
    be read.
    """
    labels = [
        images.read_semantic_label(tree / path, tree)
        for path in clip_files(clip.key).labels_semantic
    ]
    shown = {AVSBENCH_CLASSES[index] for label in labels for index in np.unique(label)}
    return tuple(name for name in clip.sound_classes.split("_") if name and name not in shown)


def _problem(tree: Path, path: PurePosixPath) -> str:
    """Say why a file of a clip cannot be read; empty if it can."""
    file = tree / path
    try:
        if file.suffix == ".wav":
            sound.read_wav(file, tree)
        elif file.parent.name == "labels_semantic":
            images.read_semantic_label(file, tree)
        else:
            images.open_image(file, tree)
    except DatasetError as error:
        return str(error)
    return ""


def _add_classes(clip: ClipAnnotation, tree: Path, listed: ListedClip) -> ClipAnnotation:
    """Give a clip of an object tree the labels of its semantic partner, at its own size.

    Frame ``n`` of the object tree, counted from 1, is label ``n - 1`` of the semantic one.
    """
    wanted = int(clip.labelled.sum())
    paths = clip_files(listed.key).labels_semantic
    if len(paths) < wanted:
        raise DatasetError(
            f"{tree} labels {len(paths)} frames of {listed.key.name}, its partner {wanted}: put "
            f"both into the same split ({listed.key.name} is in {listed.key.split})."
        )
    class_map = np.zeros(clip.frames.shape[:3], dtype=np.uint8)
    for index, path in enumerate(paths[:wanted]):
        label = Image.fromarray(images.read_semantic_label(tree / path, tree))
        size = (clip.frames.shape[2], clip.frames.shape[1])
        class_map[index] = np.asarray(label.resize(size, Image.Resampling.NEAREST))
    return replace(clip, class_map=class_map)


def _read(tree: Path, clip: ListedClip) -> ClipAnnotation:
    files = clip_files(clip.key)
    pictures = [images.read_frame(tree / path, tree) for path in files.frames]
    frames = _stack(pictures, tree, files.frames)
    samples = sound.read_wav(tree / files.waveform, tree)
    waveform = samples.astype(np.float32) / np.float32(sound.FULL_SCALE)
    video = None if files.video is None else tree / files.video
    if clip.key.subset not in SEMANTIC_SUBSETS:
        masks = [images.read_object_mask(tree / path, tree) for path in files.masks]
        return ClipAnnotation(
            name=clip.key.name,
            frames=frames,
            class_map=None,
            scene_mask=_labels(masks, frames, tree, files.masks).astype(bool),
            waveform=waveform,
            video=video if video is not None and is_file(video, root=tree) else None,
            category=clip.key.category,
            labelled=_flags(frames, masks),
        )
    labels = [images.read_semantic_label(tree / path, tree) for path in files.labels_semantic]
    annotation = ClipAnnotation(
        name=clip.key.name,
        vid=clip.vid,
        start=clip.start,
        frames=frames,
        class_map=_labels(labels, frames, tree, files.labels_semantic).astype(np.uint8),
        waveform=waveform,
        labelled=_flags(frames, labels),
    )
    return replace(annotation, sound_classes=unseen_sounds(tree, clip))


def _flags(frames: npt.NDArray[np.uint8], labels: Sequence[object]) -> npt.NDArray[np.bool_]:
    return np.arange(len(frames)) < len(labels)


def _stack(
    pictures: list[npt.NDArray[np.uint8]], tree: Path, paths: tuple[PurePosixPath, ...]
) -> npt.NDArray[np.uint8]:
    for picture, path in zip(pictures, paths, strict=True):
        if picture.shape != pictures[0].shape:
            raise DatasetError(
                f"{tree / path} is {picture.shape[1]} x {picture.shape[0]} pixels, but the clip's "
                f"first frame {pictures[0].shape[1]} x {pictures[0].shape[0]}: replace it."
            )
    return np.stack(pictures)


def _labels(
    labels: Sequence[npt.NDArray[np.bool_] | npt.NDArray[np.uint8]],
    frames: npt.NDArray[np.uint8],
    tree: Path,
    paths: tuple[PurePosixPath, ...],
) -> npt.NDArray[np.uint8]:
    """Stack the labels; frames without one get zeros."""
    stacked = np.zeros(frames.shape[:3], dtype=np.uint8)
    for index, (label, path) in enumerate(zip(labels, paths, strict=True)):
        if label.shape != stacked.shape[1:]:
            raise DatasetError(
                f"{tree / path} is {label.shape[1]} x {label.shape[0]} pixels, but its frame "
                f"{frames.shape[2]} x {frames.shape[1]}: correct the label."
            )
        stacked[index] = label
    return stacked


def locate(ends: Sequence[int], index: int) -> tuple[int, int]:
    """Find an item of several sequences that follow each other.

    `ends` are the sums of their lengths; `index` counts through all of them, from the end if
    negative. Returns the number of the sequence and the position in it; raises `IndexError`
    without such an item.
    """
    index = range(ends[-1] if ends else 0)[index]
    number = bisect_right(ends, index)
    return number, index - (ends[number - 1] if number else 0)
