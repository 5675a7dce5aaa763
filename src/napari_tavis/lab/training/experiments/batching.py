"""In which order clips come: the same whenever a run is taken up, by however many processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import BatchSampler, SequentialSampler

from napari_tavis.core.errors import TrainingError


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
