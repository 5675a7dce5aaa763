"""What the dialog *Models* has done off the GUI thread. No Qt here.

Files are converted with torch, which is imported then and not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_tavis.core.tasks import Task
from napari_tavis.engine import import_torch
from napari_tavis.lab.improvement.process import improve_in_process
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest
from napari_tavis.weights import installing
from napari_tavis.weights.installing import DEFAULT_DTYPE
from napari_tavis.weights.sources import Source
from napari_tavis.weights.store import ModelCard, Store


@dataclass(frozen=True)
class InstallOptions:
    """How a model shall be kept.

    Parameters
    ----------
    dtype : {"float16", "bfloat16", "float32"}
        Number format on the disk.
    image_size : int, optional
        Pixels per side that the model has by default; its file's own if not said, or 224.
    """

    dtype: str = DEFAULT_DTYPE
    image_size: int | None = None


def download_model(
    store: Store,
    source: Source,
    options: InstallOptions,
    accept_changed: bool,
    task: Task,
) -> ModelCard:
    """Download official weights and install them; see `installing.download_model`."""
    _prepare(task)
    return installing.download_model(
        store,
        source,
        dtype=options.dtype,
        image_size=options.image_size,
        accept_changed=accept_changed,
        task=task,
    )


def import_files(
    store: Store,
    files: Sequence[str],
    name: str,
    options: InstallOptions,
    replace: bool,
    task: Task,
) -> ModelCard:
    """Install a model from files; see `installing.import_files`."""
    _prepare(task)
    return installing.import_files(
        store,
        files,
        name,
        dtype=options.dtype,
        image_size=options.image_size,
        replace=replace,
        task=task,
    )


def check_models(store: Store, cards: Sequence[ModelCard], task: Task) -> dict[str, str]:
    """Read models' files whole, and say what is wrong with each; empty texts if nothing is."""
    return {card.name: store.verify(card, task) for card in cards}


def improve_model(request: ImprovementRequest, task: Task) -> Improvement:
    """Fine-tune a model in another process; see `improvement.finetuning.improve`."""
    task.report(0, 0, "beginning")
    return improve_in_process(request, task)


def _prepare(task: Task) -> None:
    """Import what converts files, safely beside napari's canvas."""
    task.report(0, 0, "loading PyTorch")
    import_torch()
