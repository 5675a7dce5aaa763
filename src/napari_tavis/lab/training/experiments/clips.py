"""The clips of a run: what is learned from, and what is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import ConcatDataset, Dataset, Subset

from napari_tavis.core.errors import TrainingError
from napari_tavis.core.home import home
from napari_tavis.core.tasks import CancelToken, Progress, no_progress
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.lab.training.experiments.config import DataSettings
from napari_tavis.lab.training.feature_cache import FeatureCache
from napari_tavis.lab.training.samples import ClipDataset, Sample, check_trees, open_split
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
    cache : FeatureCache, optional
        Where both keep what ImageBind makes of the clips.
    """

    train: Dataset[Sample]
    frames: Sequence[int]
    validation: Dataset[Sample]
    vocabulary: Sequence[str] = AVSBENCH_CLASSES
    cache: FeatureCache | None = None

    @property
    def validation_count(self) -> int:
        """Number of clips to be measured on."""
        return len(self.validation)  # type: ignore[arg-type]

    def fill_cache(
        self,
        model: TAViS,
        share: slice,
        workers: int,
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
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
        progress, cancel : optional
            Told of clips, and asked whether to go on.
        """
        if self.cache is None:
            return
        every: Dataset[Sample] = ConcatDataset([self.train, self.validation])
        own = Subset(every, range(len(self.frames) + self.validation_count)[share])
        self.cache.fill(model, own, workers=workers, progress=progress, cancel=cancel)


def open_clips(
    settings: DataSettings,
    model: TAViS,
    seed: int,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
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
    progress : Progress, optional
        Told of every clip that is checked.
    cancel : CancelToken, optional
        Looked at for every clip.

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
    cache = FeatureCache(home() / "features", model) if _keeps(settings, model) else None
    train = _open(settings, "train", model, cache)
    if settings.holdout:
        _check([train], progress, cancel)
        return _hold_out(train, settings.holdout, seed)
    try:
        validation = _open(settings, "val", model, cache)
    except TrainingError as error:
        raise TrainingError(
            f"{settings.root} has no clips to validate on in {settings.subset}: hold out some of "
            "the training clips, as in data.holdout=0.2."
        ) from error
    _check([train, validation], progress, cancel)
    return RunClips(train, train.frames, validation, train.vocabulary, cache)


def _keeps(settings: DataSettings, model: TAViS) -> bool:
    """Tell whether features are to be kept, and would stay true."""
    return settings.cache and not any(w.requires_grad for w in model.imagebind.parameters())


def _open(
    settings: DataSettings, split: str, model: TAViS, cache: FeatureCache | None
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


def _check(datasets: Sequence[ClipDataset], progress: Progress, cancel: CancelToken | None) -> None:
    """Report every missing or broken file at once."""
    readers = [reader for dataset in datasets for reader in dataset.readers]
    problems = check_trees(readers, progress=progress, cancel=cancel)
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
