"""Clips of AVSBench trees, as a training step or an evaluation sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor
from torch.utils.data import Dataset

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, BACKGROUND
from napari_tavis.datasets.avsbench import ClipAnnotation, DatasetReader, open_dataset
from napari_tavis.datasets.avsbench.layout import Subset, frame_count, label_count
from napari_tavis.datasets.avsbench.reader import locate
from napari_tavis.lab.training.batches import Batch
from napari_tavis.lab.training.open_vocabulary import of_classes, read_class_split
from napari_tavis.media import log_mel_by_second
from napari_tavis.model.features import FrozenFeatures
from napari_tavis.model.preprocess import stretch_pixels

# names for several subsets: all of AVSBench-semantic, and its open vocabulary
GROUPS = {"avss": ("v1s", "v1m", "v2"), "ov": ("v1s", "v1m", "v2")}

CHECKING_THREADS = 8


@dataclass(frozen=True)
class Sample:
    """One clip of ``T`` frames with ``O`` objects."""

    name: str  # or uid
    images: Tensor  # (T, 3, S, S), uint8, RGB, stretched to the network's input
    mel: Tensor  # (T, 1, 128, 204), normalised log-mel spectrogram of each frame's window
    classes: Tensor  # (O,), places in the vocabulary; 0 pads; empty where only the scene is known
    masks: Tensor  # (T, O, S, S), bool, where each object sounds
    scene: Tensor  # (T, S, S), bool, everything that sounds
    labelled: Tensor  # (T,), bool, which frames carry labels
    # T rows of what ImageBind makes of the frames, if it was kept
    features: FrozenFeatures | None = None
    classified: bool = True  # whether the objects are known, even if there are none


class KeptFeatures(Protocol):
    """Where ImageBind's outputs are kept; see `FrozenFeatureStore`."""

    def get(self, images: Tensor, mel: Tensor) -> FrozenFeatures | None:
        """Give the ``T`` rows of features of a clip if they are kept."""


class ClipDataset(Dataset[Sample]):
    """The clips of one or several subsets, each read from its files when it is asked for.

    With ``labelled_only``, the frames after the last labelled one are left out: they can change no
    loss. The vocabulary has the background first.
    """

    def __init__(
        self,
        readers: DatasetReader | Sequence[DatasetReader],
        image_size: int,
        *,
        features: KeptFeatures | None = None,
        vocabulary: Sequence[str] = AVSBENCH_CLASSES,
        labelled_only: bool = False,
    ) -> None:
        self.readers = [readers] if isinstance(readers, DatasetReader) else list(readers)
        self.image_size = image_size
        self.features = features
        self.vocabulary = tuple(vocabulary)
        self.labelled_only = labelled_only
        self._ends = list(accumulate(len(reader) for reader in self.readers))

    @property
    def names(self) -> tuple[str, ...]:
        """Names or uids of the clips."""
        return tuple(name for reader in self.readers for name in reader.names)

    @property
    def frames(self) -> tuple[int, ...]:
        """How many frames each sample has, without reading it."""
        count = label_count if self.labelled_only else _all_frames
        return tuple(count(r.subset, r.split) for r in self.readers for _ in range(len(r)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def annotation(self, index: int) -> ClipAnnotation:
        """Read a clip as it is on disk, at its own size; a negative index counts from the end.

        Raises `DatasetError` if a file is missing or damaged, `IndexError` if there is no such
        clip.
        """
        reader, position = self._locate(index)
        return reader[position]

    def stamp(self, index: int) -> str:
        """Hash the names, sizes and times of a sample's files, without reading them.

        Empty if a file is missing.
        """
        reader, position = self._locate(index)
        try:
            states = [(str(file), file.stat()) for file in reader.files(position)]
        except OSError:
            return ""
        facts = [(name, state.st_size, state.st_mtime_ns) for name, state in states]
        described = repr((self.image_size, self.labelled_only, facts))
        return hashlib.blake2b(described.encode(), digest_size=20).hexdigest()

    def _locate(self, index: int) -> tuple[DatasetReader, int]:
        """Give the reader of a clip, and its position there."""
        number, position = locate(self._ends, index)
        return self.readers[number], position

    def __getitem__(self, index: int) -> Sample:
        """Read a clip as the network sees it; raises as `annotation` does."""
        sample = make_sample(
            self.annotation(index), self.image_size, self.vocabulary, self.labelled_only
        )
        if self.features is None:
            return sample
        return replace(sample, features=self.features.get(sample.images, sample.mel))


def _all_frames(subset: Subset, _split: str) -> int:
    return frame_count(subset)


def make_sample(
    clip: ClipAnnotation,
    image_size: int,
    vocabulary: Sequence[str] = AVSBENCH_CLASSES,
    labelled_only: bool = False,
) -> Sample:
    """Bring a clip into the form of the network's input, without features.

    Objects of classes outside the vocabulary belong to the scene alone. With ``labelled_only``, the
    frames after the last labelled one are left out.
    """
    seconds = len(clip.frames)
    kept = int(np.flatnonzero(clip.labelled)[-1]) + 1 if labelled_only else seconds
    classes, masks = classified_masks(clip, kept, vocabulary)
    return Sample(
        name=clip.name,
        images=stretch_pixels(clip.frames[:kept], image_size).permute(0, 3, 1, 2).contiguous(),
        mel=torch.from_numpy(log_mel_by_second(clip.waveform, seconds, kept)),
        classes=classes,
        masks=stretch_masks(masks, image_size),
        scene=stretch_masks(torch.from_numpy(clip.masks[:kept, None]), image_size)[:, 0],
        labelled=torch.from_numpy(clip.labelled[:kept].copy()),
        classified=is_classified(clip),
    )


def is_classified(clip: ClipAnnotation) -> bool:
    """Whether a clip's objects are known: by labels, or by a category that is a class."""
    return clip.class_map is not None or clip.category in AVSBENCH_CLASSES[1:]


def classified_masks(
    clip: ClipAnnotation, frames: int, vocabulary: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Give the places (O,) in the vocabulary, and masks (T, O, H, W), of a clip's objects.

    Only the first ``frames`` are wanted; objects of classes outside the vocabulary are left out.
    """
    scene = clip.masks[:frames]
    shown: dict[str, npt.NDArray[np.bool_]] = {}
    if clip.class_map is not None:
        numbers = {name: AVSBENCH_CLASSES.index(name) for name in clip.class_names}
        shown = {name: clip.class_map[:frames] == number for name, number in numbers.items()}
    elif is_classified(clip):
        shown = {clip.category: scene}
    known = [name for name in shown if name in vocabulary]
    classes = torch.tensor([vocabulary.index(name) for name in known], dtype=torch.int64)
    masks = np.zeros((frames, len(known), *scene.shape[1:]), dtype=bool)
    for slot, name in enumerate(known):
        masks[:, slot] = shown[name]
    return classes, torch.from_numpy(masks)


def stretch_masks(masks: Tensor, size: int) -> Tensor:
    """Bring masks (T, O, H, W) to the network's size, each pixel from its nearest."""
    shape = masks.shape
    pixels = masks.flatten(0, 1)[:, None].to(torch.uint8)
    if len(pixels) and shape[-2:] != (size, size):
        pixels = functional.interpolate(pixels, (size, size), mode="nearest-exact")
    return pixels.bool().reshape(*shape[:2], size, size)


def collate(samples: Sequence[Sample]) -> Batch:
    """Put ``B`` clips together for a training step, with features if all of them have any.

    Clips of fewer frames than others are filled up with copies of their last frame, which are not
    labelled.
    """
    frames = max(len(sample.images) for sample in samples)
    objects = max(1, *(len(sample.classes) for sample in samples))
    filled = [_fill(sample, frames, objects) for sample in samples]
    masks = torch.stack([sample.masks for sample in filled])
    classes = torch.stack([sample.classes for sample in filled])
    here = masks.flatten(3).any(-1)
    heard = torch.zeros(*here.shape[:2], len(AVSBENCH_CLASSES), dtype=torch.bool)
    heard.scatter_(2, classes[:, None].expand_as(here), here)
    heard[..., 0] = False  # where the padding was counted
    features = [sample.features for sample in filled if sample.features is not None]
    return Batch(
        images=torch.stack([sample.images for sample in filled]).float() / 255,
        mel=torch.stack([sample.mel for sample in filled]),
        # where objects overlap, which labels never do, the higher class would win
        visible=(masks * classes[:, None, :, None, None].to(torch.uint8)).amax(2),
        objects=classes,
        heard=heard,
        scene=torch.stack([sample.scene for sample in filled]),
        labelled=torch.stack([sample.labelled for sample in filled]),
        classified=torch.tensor([sample.classified for sample in filled]),
        features=FrozenFeatures.join(features) if len(features) == len(filled) else None,
        names=tuple(sample.name for sample in filled),
    )


def _fill(sample: Sample, frames: int, objects: int) -> Sample:
    """Pad a sample to a number of frames and objects."""
    missing, empty = frames - len(sample.images), objects - len(sample.classes)
    order = torch.arange(frames).clamp(max=len(sample.images) - 1)
    return replace(
        sample,
        images=sample.images[order],
        mel=sample.mel[order],
        classes=functional.pad(sample.classes, (0, empty)),
        masks=functional.pad(sample.masks[order], (0, 0, 0, 0, 0, empty)),
        scene=sample.scene[order],
        labelled=functional.pad(sample.labelled, (0, missing)),
        features=None if sample.features is None else sample.features.rows(order),
    )


def open_split(
    root: Path | str,
    subset: str,
    split: str,
    image_size: int,
    *,
    semantic: Path | str | None = None,
    classes: Path | str | None = None,
    features: KeptFeatures | None = None,
    labelled_only: bool = False,
) -> ClipDataset:
    """Open the clips of a split, of the authors' trees or of an export.

    Files may be missing: see `check_trees`.

    Parameters
    ----------
    root : Path or str
        The folder; the trees may be up to two folders deeper.
    subset : str
        ``s4``, ``ms3``, ``v1s``, ``v1m``, ``v2``; ``avss`` for all of AVSBench-semantic; ``ov`` for
        its clips of seen classes, which are then the whole vocabulary; ``ov-unseen`` for those
        with an unseen class, or ``ov-all``, both with the vocabulary of AVSBench.
    split : str
        ``train``, ``val`` or ``test``.
    image_size : int
        Pixels per side of the network's input.
    semantic : Path or str, optional
        Folder with the semantic tree from which S4's and MS3's clips get their classes; `root`
        by default.
    classes : Path or str, optional
        The seen and unseen classes, for ``ov``: see `read_class_split`.
    features : KeptFeatures, optional
        Where ImageBind's outputs are kept.
    labelled_only : bool, optional
        Leave out the frames after the last labelled one.

    Raises
    ------
    TrainingError
        If there are no such clips, or the classes of ``ov`` are not given.
    DatasetError
        If there is no such tree, or a list cannot be read.
    """
    group, _, part = subset.partition("-")
    readers = [
        open_dataset(root, name, split, semantic=semantic or root, complete=False)
        for name in GROUPS.get(group, (subset,))
    ]
    vocabulary = AVSBENCH_CLASSES
    if group == "ov":
        if classes is None:
            raise TrainingError("The open vocabulary needs a file of seen and unseen classes.")
        known = read_class_split(classes)
        readers = of_classes(readers, known, part or "seen")
        if not part:
            vocabulary = (BACKGROUND, *known.seen)
    if not any(len(reader) for reader in readers):
        raise TrainingError(f"{root} has no {split} clips in {subset}: choose another split.")
    return ClipDataset(
        readers,
        image_size,
        features=features,
        vocabulary=vocabulary,
        labelled_only=labelled_only,
    )


def check_trees(
    readers: Sequence[DatasetReader],
    task: Task | None = None,
) -> list[str]:
    """Read every clip once, before training does; give a sentence for each bad or missing file."""
    checks = [partial(reader.problems, index) for reader in readers for index in range(len(reader))]
    task = task or Task()
    found: list[str] = []
    with ThreadPoolExecutor(CHECKING_THREADS) as pool:
        try:
            for done, problems in enumerate(pool.map(lambda check: check(), checks), start=1):
                found += problems
                task.report(done, len(checks), "checking the files of the clips")
                task.check()
        finally:
            pool.shutdown(cancel_futures=True)
    return list(dict.fromkeys(found))
