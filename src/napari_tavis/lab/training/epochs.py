"""The clips of a run on a dataset, learned from and held out, and in which order they come."""

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
    """What a run learns from, and what it is measured on.

    Attributes
    ----------
    train : Dataset
        Clips to learn from.
    frames : sequence of int
        How many frames each of these has; clips of as many share a batch.
    validation : Dataset
        Clips to be measured on.
    vocabulary : sequence of str
        The classes that are told apart, background first.
    cache : FrozenFeatureStore, optional
        Where both keep what ImageBind makes of the clips.
    """

    train: Dataset[Sample]
    frames: Sequence[int]
    validation: Dataset[Sample]
    vocabulary: Sequence[str] = AVSBENCH_CLASSES
    cache: FrozenFeatureStore | None = None

    @property
    def validation_count(self) -> int:
        """Number of clips to be measured on."""
        return len(self.validation)  # type: ignore[arg-type]

    def fill_cache(
        self,
        model: TAViS,
        share: slice,
        workers: int,
        task: Task | None = None,
    ) -> None:
        """Compute what ImageBind makes of the clips, where it is not kept yet.

        Parameters
        ----------
        model : TAViS
            The network.
        share : slice
            Of the clips, for this process.
        workers : int
            Processes that read clips.
        task : Task, optional
            Told of clips, and looked at between them.
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

    Parameters
    ----------
    settings : DataSettings
        Which.
    model : TAViS
        For whose image size; its ImageBind makes what is kept of them.
    seed : int
        Of which clips are held out.
    task : Task, optional
        Told of every clip that is checked, and looked at after each.

    Raises
    ------
    TrainingError
        If there is nothing to learn from or to measure on, or files are missing or broken; it
        names all of them.
    DatasetError
        If there is no such dataset.
    """
    if not settings.root:
        raise TrainingError("Say where the dataset is: data.root=FOLDER.")
    cache = FrozenFeatureStore(home() / "features", model) if _keeps(settings, model) else None
    train = _open(settings, "train", model, cache)
    if settings.holdout:
        _check([train], task)
        return _hold_out(train, settings.holdout, seed)
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
    """Tell whether features are to be kept, and would stay true."""
    return settings.cache and not any(w.requires_grad for w in model.imagebind.parameters())


def _open(
    settings: DataSettings, split: str, model: TAViS, cache: FrozenFeatureStore | None
) -> ClipDataset:
    """Open one split."""
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


def _hold_out(clips: ClipDataset, share: float, seed: int) -> RunClips:
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
    return RunClips(*parts, clips.vocabulary, clips.features)


class EpochBatches(BatchSampler):
    """The batches of one epoch, from any place in it.

    The order follows from the seed and the epoch alone. Clips of one group alone share a batch,
    as frames are stacked; what does not fill a batch waits for another epoch.

    Parameters
    ----------
    groups : sequence of int
        Of each clip, the group that it belongs to.
    batch : int
        Clips of an optimiser step.
    parts : int
        Parts that a batch is given out in.
    seed : int
        Of the order.
    processes : int, optional
        That share each part.

    Raises
    ------
    TrainingError
        If a batch cannot be filled, or divided.
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
        """Choose what is given out next.

        Parameters
        ----------
        epoch : int
            From 0.
        step : int
            Batches of it that were learned from already.
        """
        self._epoch, self._first = epoch, step * self._parts

    def __len__(self) -> int:
        return self.steps * self._parts - self._first

    def __iter__(self) -> Iterator[list[int]]:
        """Give the clips' indices, a part of a batch at a time."""
        order = np.random.default_rng((self._seed, self._epoch))
        batches: list[np.ndarray] = []
        for clips in self._groups:
            shuffled = order.permutation(clips)
            full = shuffled[: len(clips) - len(clips) % self._batch]
            batches += list(full.reshape(-1, self._batch))
        mixed = [batches[index] for index in order.permutation(len(batches))]
        parts = [part for batch in mixed for part in batch.reshape(self._parts, -1)]
        return iter([part.tolist() for part in parts[self._first :]])
