"""The clips of a run on a dataset, learned from and held out, and the order in which they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import BatchSampler, ConcatDataset, Dataset, SequentialSampler, Subset

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.home import home
from napari_tavis.core.tasks import Task
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.frozen_features import FrozenFeatureStore
from napari_tavis.lab.training.samples import ClipDataset, Sample, check_trees, open_split
from napari_tavis.lab.training.settings import DataSettings
from napari_tavis.model import TAViS


@dataclass(frozen=True)
class RunClips:
    """What a run learns from, and what it is measured on."""

    train: Dataset[Sample]
    frames: Sequence[int]  # of each clip to learn from; clips of equal length share a batch
    validation: Dataset[Sample]
    vocabulary: Sequence[str] = AVSBENCH_CLASSES  # background first
    cache: FrozenFeatureStore | None = None  # where both keep what ImageBind makes of the clips

    @property
    def validation_count(self) -> int:
        return len(self.validation)  # type: ignore[arg-type]

    def fill_cache(
        self,
        model: TAViS,
        share: slice,
        workers: int,
        task: Task | None = None,
    ) -> None:
        """Compute what ImageBind makes of this process's share of clips, if it is not kept yet.

        ``workers`` counts the processes that read clips.
        """
        if self.cache is None:
            return
        every: Dataset[Sample] = ConcatDataset([self.train, self.validation])
        own = Subset(every, range(len(self.frames) + self.validation_count)[share])
        self.cache.fill(model, own, workers=workers, task=task)


def open_clips(
    settings: DataSettings,
    model: TAViS,
    seed: int,
    task: Task | None = None,
) -> RunClips:
    """Open the clips that a configuration names, and make sure that all can be read.

    The seed decides which clips are held out. Raises `TrainingError` if there is nothing to learn
    from or to measure on, or with all files that are missing or broken, and `DatasetError` if there
    is no such dataset.
    """
    if not settings.root:
        raise TrainingError("Say where the dataset is: data.root=FOLDER.")
    cache = FrozenFeatureStore(home() / "features", model) if _keeps(settings, model) else None
    train = _open(settings, "train", model, cache)
    if settings.holdout:
        _check([train], task)
        return _hold_out(train, settings.holdout, seed, cache)
    try:
        validation = _open(settings, "val", model, cache)
    except TrainingError as error:
        raise TrainingError(
            f"{settings.root} has no clips to validate on in {settings.subset}: hold out some of "
            "the training clips, as in data.holdout=0.2."
        ) from error
    _check([train, validation], task)
    return RunClips(train, train.frames, validation, train.vocabulary, cache)


def _keeps(settings: DataSettings, model: TAViS) -> bool:
    """Whether features are to be kept, and would stay true."""
    return settings.cache and not any(w.requires_grad for w in model.imagebind.parameters())


def _open(
    settings: DataSettings, split: str, model: TAViS, cache: FrozenFeatureStore | None
) -> ClipDataset:
    return open_split(
        settings.root,
        settings.subset,
        split,
        model.image_size,
        semantic=settings.semantic,
        classes=settings.classes,
        features=cache,
        labelled_only=split == "train",
    )


def _check(datasets: Sequence[ClipDataset], task: Task | None) -> None:
    """Report every missing or broken file at once."""
    readers = [reader for dataset in datasets for reader in dataset.readers]
    problems = check_trees(readers, task=task)
    if problems:
        raise TrainingError("\n".join(["These clips cannot be read:", *problems]))


def _hold_out(
    clips: ClipDataset, share: float, seed: int, cache: FrozenFeatureStore | None
) -> RunClips:
    """Divide clips at random into those to learn from and those to be measured on."""
    count = round(share * len(clips))
    if not 0 < count < len(clips):
        raise TrainingError(
            f"{len(clips)} clips cannot be divided by data.holdout={share}: export more clips, or "
            "choose another share."
        )
    order = np.random.default_rng(seed).permutation(len(clips)).tolist()
    held, learned = sorted(order[:count]), sorted(order[count:])
    frames = [clips.frames[index] for index in learned]
    parts = Subset(clips, learned), frames, Subset(clips, held)
    return RunClips(*parts, clips.vocabulary, cache)


class EpochBatches(BatchSampler):
    """The batches of one epoch, from any place in it, each given out in equal parts.

    The order follows from the seed and the epoch alone. Only clips of the same group share a batch,
    as frames are stacked; what does not fill a batch waits for another epoch. Raises
    `TrainingError` if a batch cannot be filled, or divided among parts and processes.
    """

    def __init__(
        self, groups: Sequence[int], batch: int, parts: int, seed: int, processes: int = 1
    ) -> None:
        if batch < 1 or parts < 1 or batch % (parts * processes):
            raise TrainingError(
                f"A batch of {batch} clips cannot be computed in {parts} equal parts by "
                f"{processes} processes: choose another data.batch, optimizer.accumulation or "
                "number of processes."
            )
        super().__init__(SequentialSampler(groups), batch // parts, drop_last=True)
        self._groups = [np.flatnonzero(np.equal(groups, group)) for group in sorted(set(groups))]
        self._batch, self._parts, self._seed = batch, parts, seed
        if not self.steps:
            raise TrainingError(
                f"There are {len(groups)} clips to learn from, too few for a batch of {batch}: "
                "choose a smaller data.batch, or add clips."
            )
        self._epoch = self._first = 0

    @property
    def steps(self) -> int:
        """Optimiser steps of an epoch."""
        return sum(len(clips) // self._batch for clips in self._groups)

    def go_to(self, epoch: int, step: int = 0) -> None:
        """Go to an epoch, counted from 0, of which some batches were learned from already."""
        self._epoch, self._first = epoch, step * self._parts

    def __len__(self) -> int:
        return self.steps * self._parts - self._first

    def __iter__(self) -> Iterator[list[int]]:
        """Give the clips' indices, a part of a batch at a time."""
        # Skipping is cheap, as nothing is read: a run that is taken up sees the same batches.
        order = np.random.default_rng((self._seed, self._epoch))
        batches: list[np.ndarray] = []
        for clips in self._groups:
            shuffled = order.permutation(clips)
            full = shuffled[: len(clips) - len(clips) % self._batch]
            batches += list(full.reshape(-1, self._batch))
        mixed = [batches[index] for index in order.permutation(len(batches))]
        parts = [part for batch in mixed for part in batch.reshape(self._parts, -1)]
        return iter([part.tolist() for part in parts[self._first :]])
