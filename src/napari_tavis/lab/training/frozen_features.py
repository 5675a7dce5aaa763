"""What is frozen is computed once: ImageBind's features of frames and sound, kept on disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.tasks import Task
from napari_tavis.datasets.avsbench.reader import locate
from napari_tavis.lab.training.samples import ClipDataset, Sample, collate
from napari_tavis.model import TAViS
from napari_tavis.model.features import FrozenFeatures, Sound
from napari_tavis.model.precision import inference

FILES = "*/*.safetensors"  # where features are in the folder of their weights

FORMAT = "1"  # part of every key: change it when the same files or input lead to other features

# room that features take at most; of the paper's network, a frame takes 0.7 MB
LIMIT_BYTES = 64 * 2**30

FREE_BYTES = 2 * 2**30  # room that is left on the disk for others


class FrozenFeatureStore:
    """Features of clips in files, found again by what the clips and the weights are.

    A clip's key is a hash of its pictures and sounds as the network sees them, so that neither a
    changed file nor another image size meets old features. They are computed in float32, whatever
    format training multiplies in. Files are written whole or not at all; several processes may
    share a directory. The store can be pickled into the processes that load data.

    When the room is taken, features of other weights make way, used longest ago first. When these
    weights' own fill it, what is there stays: an epoch meets every clip once, so that making room
    would throw away what is needed next.
    """

    def __init__(self, directory: Path, model: TAViS, limit_bytes: int = LIMIT_BYTES) -> None:
        self.directory = directory / weights_key(model)
        self.limit_bytes = limit_bytes

    @property
    def nbytes(self) -> int:
        """Room that the features of these weights take."""
        return _room(self.directory)

    def __len__(self) -> int:
        return len(list(self.directory.glob(FILES)))

    def _file(self, images: Tensor, mel: Tensor) -> Path:
        key = clip_key(images, mel)
        return self.directory / key[:2] / f"{key}.safetensors"

    def get(self, images: Tensor, mel: Tensor) -> FrozenFeatures | None:
        """Give the ``T`` rows of features of a clip if they are kept.

        Takes the clip's `Sample.images` and `Sample.mel`. A file that cannot be read counts as
        missing.
        """
        try:
            # Read, not mapped: a mapped file that changes ends the process.
            found = load(self._file(images, mel).read_bytes())
            return FrozenFeatures(Sound(found["tokens"], found["summary"]), found["seen"])
        except (OSError, SafetensorError, KeyError):
            return None

    def keep(self, images: Tensor, mel: Tensor, features: FrozenFeatures) -> int:
        """Keep the features of a clip; give the bytes written."""
        tensors = {
            "tokens": features.sound.tokens,
            "summary": features.sound.summary,
            "seen": features.seen,
        }
        data = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
        write_atomically(self._file(images, mel), data)
        return len(data)

    def clear(self) -> None:
        """Remove the features of these weights."""
        shutil.rmtree(self.directory, ignore_errors=True)

    @torch.no_grad()
    def fill(
        self,
        model: TAViS,
        dataset: Dataset[Sample],
        *,
        batch_size: int = 4,
        workers: int = 0,
        task: Task | None = None,
    ) -> int:
        """Compute and keep what is missing of a dataset's features; count the clips computed.

        Clips whose files have not changed since they were here are not even read. Fewer are
        computed than are missing if there is no room; cancelled, what was computed is kept.
        """
        task = task or Task()
        total = len(dataset)  # type: ignore[arg-type]
        stamps = [_stamp(dataset, index) for index in range(total)]
        todo = [index for index, stamp in enumerate(stamps) if not self._is_known(stamp)]
        loader = DataLoader(Subset(dataset, todo), batch_size, num_workers=workers, collate_fn=list)
        self.directory.mkdir(parents=True, exist_ok=True)
        os.utime(self.directory)  # of all weights' features, these were used last
        done, computed = total - len(todo), 0
        held, others, numbers = self.nbytes, self._others(), iter(todo)
        for samples in loader:  # in the order of `todo`, so that numbers and samples pair up
            task.check()
            missing = [
                s for s in samples if s.features is None and self.get(s.images, s.mel) is None
            ]
            if missing and self._make_room(held, others):
                held += sum(self._compute(model, missing))
                computed += len(missing)
            for sample, number in zip(samples, numbers, strict=False):
                self._remember(stamps[number], sample)
            done += len(samples)
            task.report(done, total, "computing what is frozen")
        return computed

    def _stamp_file(self, stamp: str) -> Path:
        return self.directory / "stamps" / stamp[:2] / (stamp or "none")

    def _is_known(self, stamp: str) -> bool:
        """Whether the features of a clip of unchanged files are kept."""
        try:
            place, size = self._stamp_file(stamp).read_text().split()
            return (self.directory / place).stat().st_size == int(size)
        except (OSError, ValueError):
            return False

    def _remember(self, stamp: str, sample: Sample) -> None:
        """Note which features belong to the files of a clip, if they are kept."""
        features = self._file(sample.images, sample.mel)
        if stamp and features.is_file():
            note = self._stamp_file(stamp)
            note.parent.mkdir(parents=True, exist_ok=True)
            place = features.relative_to(self.directory).as_posix()
            note.write_text(f"{place} {features.stat().st_size}")

    def _others(self) -> list[tuple[Path, int]]:
        """Give the folders of other weights and their bytes, used longest ago first."""
        found = [folder for folder in self.directory.parent.iterdir() if folder.is_dir()]
        found = sorted(found, key=lambda folder: folder.stat().st_mtime)
        return [(folder, _room(folder)) for folder in found if folder != self.directory]

    def _make_room(self, held: int, others: list[tuple[Path, int]]) -> bool:
        """Remove features of other weights if need be; give whether more may be kept."""
        while True:
            taken = held + sum(size for _, size in others)
            if taken < self.limit_bytes and shutil.disk_usage(self.directory).free > FREE_BYTES:
                return True
            if not others:
                return False
            folder, _ = others.pop(0)
            shutil.rmtree(folder, ignore_errors=True)

    def _compute(self, model: TAViS, samples: list[Sample]) -> Iterable[int]:
        """Compute the features of some clips and keep them; give the bytes of each."""
        batch = collate(samples).to(model.device)
        frames = batch.images.shape[1]
        with inference(model.device, torch.float32):
            found = model.encode_frozen(batch.images.flatten(0, 1), batch.mel.flatten(0, 1))
        for index, sample in enumerate(samples):
            rows = slice(index * frames, index * frames + len(sample.images))
            yield self.keep(sample.images, sample.mel, found.rows(rows))


def _room(folder: Path) -> int:
    """Give the bytes that the features of some weights take."""
    return sum(file.stat().st_size for file in folder.glob(FILES))


def _stamp(dataset: Dataset[Sample], index: int) -> str:
    """Give a sample's stamp, through whatever parts a dataset is put together of."""
    while not isinstance(dataset, ClipDataset):
        if isinstance(dataset, Subset):
            index = dataset.indices[index]
            dataset = dataset.dataset
        elif isinstance(dataset, ConcatDataset):
            number, index = locate(dataset.cumulative_sizes, index)
            dataset = dataset.datasets[number]
        else:
            return ""
    return dataset.stamp(index)


def clip_key(images: Tensor, mel: Tensor) -> str:
    """Hash a clip as the network sees it."""
    digest = hashlib.blake2b(digest_size=20)
    for tensor in (images, mel):
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def weights_key(model: TAViS) -> str:
    """Hash all that decides what a model's frozen encoders make of a clip."""
    digest = hashlib.blake2b(digest_size=10)
    digest.update(f"{FORMAT} {model.config.imagebind}".encode())
    for name, weight in sorted(model.imagebind.state_dict().items()):
        if ".text." not in f".{name}":
            digest.update(name.encode())
            digest.update(
                weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
            )
    return digest.hexdigest()
