"""Reading an AVSBench folder, official or exported, as a sequence of annotated clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import overload

import numpy as np
import numpy.typing as npt

from napari_tavis.avsbench import images, sound
from napari_tavis.avsbench.annotation import ClipAnnotation
from napari_tavis.avsbench.errors import DatasetError, MissingFilesError
from napari_tavis.avsbench.layout import (
    SEMANTIC_SUBSETS,
    ClipFiles,
    Split,
    Subset,
    check_split,
    check_subset,
    clip_files,
    find_trees,
    list_name,
)
from napari_tavis.avsbench.lists import ListedClip, listed_clips
from napari_tavis.avsbench.transaction import finish_killed_export
from napari_tavis.vocabulary import AVSBENCH_CLASSES


class DatasetReader(Sequence[ClipAnnotation]):
    """The clips of one subset and split; each is read from its files when it is asked for.

    Use `open_dataset` to make one.

    Parameters
    ----------
    tree : Path
        The tree that holds the subset.
    clips : sequence of ListedClip
        What its list says, of this split.
    """

    def __init__(self, tree: Path, subset: Subset, split: Split, clips: Sequence[ListedClip]):
        self.tree = tree
        self.subset = subset
        self.split = split
        self._clips = list(clips)

    @property
    def names(self) -> tuple[str, ...]:
        """Names (S4, MS3) or uids (semantic) of the clips, in the order of the list."""
        return tuple(clip.key.name for clip in self._clips)

    def __len__(self) -> int:
        return len(self._clips)

    @overload
    def __getitem__(self, index: int) -> ClipAnnotation: ...

    @overload
    def __getitem__(self, index: slice) -> DatasetReader: ...

    def __getitem__(self, index: int | slice) -> ClipAnnotation | DatasetReader:
        """Read a clip, or choose some.

        Parameters
        ----------
        index : int or slice
            Position in the list.

        Returns
        -------
        ClipAnnotation or DatasetReader

        Raises
        ------
        DatasetError
            If a file of the clip is missing or damaged; names the file and the list's line.
        """
        if isinstance(index, slice):
            return DatasetReader(self.tree, self.subset, self.split, self._clips[index])
        clip = self._clips[index]
        try:
            return _read(self.tree, clip)
        except DatasetError as error:
            where = f"{self.tree / list_name(self.subset)}, line {clip.line}"
            raise DatasetError(f"{where}: {error}") from error

    def __iter__(self) -> Iterator[ClipAnnotation]:
        return (self[index] for index in range(len(self)))

    def read(self, name: str) -> ClipAnnotation:
        """Read the clip of a name or uid.

        Raises
        ------
        DatasetError
            If the list has no such clip, or it cannot be read.
        """
        if name not in self.names:
            raise DatasetError(f"{self.tree} lists no {self.subset} {self.split} clip {name!r}.")
        return self[self.names.index(name)]

    def missing_files(self) -> tuple[str, ...]:
        """Name all files that reading every clip would need and that are not there."""
        needed = (path for clip in self._clips for path in _needed(clip_files(clip.key)))
        return tuple(str(self.tree / path) for path in needed if not (self.tree / path).is_file())


def open_dataset(root: Path | str, subset: str, split: str) -> DatasetReader:
    """Open one subset and split of an AVSBench folder.

    Parameters
    ----------
    root : Path or str
        The folder; the subset's tree may lie up to two folders deeper. If an export to it was
        killed, what it had begun is finished first.
    subset : {"s4", "ms3", "v1s", "v1m", "v2"}
        The subset.
    split : {"train", "val", "test"}
        The split.

    Returns
    -------
    DatasetReader

    Raises
    ------
    MissingFilesError
        If files that the list promises are not there; names all of them.
    DatasetError
        If there is no such subset, or its list cannot be read.
    """
    checked, wanted = check_subset(subset), check_split(split)
    trees = [
        tree for tree in find_trees(Path(root), checked) if (tree / list_name(checked)).is_file()
    ]
    if not trees:
        raise DatasetError(
            f"{root} holds no {subset} data: no {list_name(checked)} lies in it or up to two "
            "folders deeper."
        )
    if len(trees) > 1:
        places = ", ".join(str(tree) for tree in trees)
        raise DatasetError(f"{root} holds several {subset} datasets ({places}): choose one.")
    finish_killed_export(trees[0])
    clips = [clip for clip in listed_clips(trees[0], checked) if clip.key.split == wanted]
    reader = DatasetReader(trees[0], checked, wanted, clips)
    missing = reader.missing_files()
    if missing:
        raise MissingFilesError(missing, str(trees[0] / list_name(checked)))
    return reader


def read_clip(root: Path | str, subset: str, split: str, name: str) -> ClipAnnotation:
    """Read one clip of an AVSBench folder.

    Parameters
    ----------
    root, subset, split
        As for `open_dataset`.
    name : str
        Name (S4, MS3) or uid (semantic).

    Returns
    -------
    ClipAnnotation

    Raises
    ------
    DatasetError
        If there is no such clip, or it cannot be read.
    """
    return open_dataset(root, subset, split).read(name)


def unseen_sounds(tree: Path, clip: ListedClip) -> tuple[str, ...]:
    """Give what a semantic clip's list says is heard, and its labels do not show.

    Parameters
    ----------
    tree : Path
        The tree.
    clip : ListedClip
        What its list says.

    Returns
    -------
    tuple of str
        Class names, and ``off-the-screen``; nothing in S4 and MS3.

    Raises
    ------
    DatasetError
        If a label cannot be read.
    """
    labels = [
        images.read_semantic_label(tree / path) for path in clip_files(clip.key).labels_semantic
    ]
    shown = {AVSBENCH_CLASSES[index] for label in labels for index in np.unique(label)}
    return tuple(name for name in clip.sound_classes.split("_") if name and name not in shown)


def _needed(files: ClipFiles) -> tuple[PurePosixPath, ...]:
    """Name the files that reading needs: colours, tensor and video say nothing new."""
    return (*files.frames, *files.masks, *files.labels_semantic, files.waveform)


def _read(tree: Path, clip: ListedClip) -> ClipAnnotation:
    files = clip_files(clip.key)
    frames = _stack([images.read_frame(tree / path) for path in files.frames], tree, files.frames)
    samples = sound.read_wav(tree / files.waveform)
    waveform = samples.astype(np.float32) / np.float32(sound.FULL_SCALE)
    video = None if files.video is None else tree / files.video
    if clip.key.subset not in SEMANTIC_SUBSETS:
        masks = [images.read_object_mask(tree / path) for path in files.masks]
        return ClipAnnotation(
            name=clip.key.name,
            frames=frames,
            class_map=None,
            scene_mask=_labels(masks, frames, tree, files.masks).astype(bool),
            waveform=waveform,
            video=video if video is not None and video.is_file() else None,
            category=clip.key.category,
            labelled=_flags(frames, masks),
        )
    labels = [images.read_semantic_label(tree / path) for path in files.labels_semantic]
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
