"""Learning from accepted clips, and installing the model that results.

Imports torch when it begins.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock

from napari_tavis.core.tasks import Task
from napari_tavis.core.workspace import workspace
from napari_tavis.lab.improvement.clips import CLIPS, Accepted, find_accepted, write_clips
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest, run_folder
from napari_tavis.weights.installing import import_files
from napari_tavis.weights.store import Store

TOY = "toy"
_LOCK = ".improving.lock"
# what stays of a run; the rest is in the installed model, or of no more use
_KEPT = ("log.jsonl", "log.csv", "config.json", "pictures")


def improve(
    request: ImprovementRequest,
    *,
    store: Store | None = None,
    task: Task | None = None,
) -> Improvement:
    """Fine-tune a model on what a person has accepted, and install the result if it is better.

    Every fifth video is held out. The model that is installed is the one that did best on these,
    before learning (then none is installed) or after any epoch. The store is the user's own by
    default.

    Raises `TavisError` if there are too few clips, the name is taken or invalid, the model cannot
    be loaded, or learning fails; nothing is installed then. Cancelled, nothing is left behind.
    """
    store, task = store or Store(), task or Task()
    store.check_name(request.name)
    recipe = "finetune_toy" if _is_small(request.model, store) else "finetune"
    accepted = find_accepted([Path(source) for source in request.sources], task)
    splits = accepted.divide()
    store.home.mkdir(parents=True, exist_ok=True)
    alone = FileLock(store.home / _LOCK)
    with workspace(store.home, ".improving-", alone) as work:
        data, run = work / "data", work / "run"
        write_clips(splits, data, task)
        best, before, after, epoch = _train(request, recipe, data, run, task)
        better = epoch > 0
        if better:
            _install(request, best, accepted, store, task)
        folder = run_folder(store.home, request.name)
        _keep(run, folder)
    pictures = [folder / "pictures" / f"epoch-{number:03d}.png" for number in sorted({0, epoch})]
    return Improvement(
        name=request.name if better else "",
        before=before,
        after=after,
        learned_from=sum(split == "train" for split in splits.values()),
        held_out=sum(split == "val" for split in splits.values()),
        folder=str(folder),
        pictures=tuple(str(path) for path in pictures if path.is_file()),
        left_out=accepted.left_out,
    )


def _is_small(model: str, store: Store) -> bool:
    """Whether a model is the bundled one, or was made from it: it learns at a higher rate."""
    return model == TOY or any(
        card.name == model and card.preset.startswith(TOY) for card in store.cards()
    )


def _train(
    request: ImprovementRequest,
    recipe: str,
    data: Path,
    run: Path,
    task: Task,
) -> tuple[Path, float, float, int]:
    """Train; give the best checkpoint, the first and the best score, and the best one's epoch."""
    task.report(0, 0, "loading PyTorch")
    from napari_tavis.lab.training.configurations import needs_training_extra, read_configuration
    from napari_tavis.lab.training.run_folder import read_log
    from napari_tavis.lab.training.settings import TrainConfig

    with needs_training_extra():
        from napari_tavis.lab.training.dataset_recipe import DatasetRecipe
        from napari_tavis.lab.training.trainer import Trainer

    own = (
        f"model.start={request.model}",
        f"data.root={data}",
        f"data.subset={CLIPS.subset}",
        "data.holdout=0",
    )
    config = read_configuration(recipe, (*own, *request.settings))
    assert isinstance(config, TrainConfig)
    trainer = Trainer(DatasetRecipe(config), run, task=task)
    trainer.run(task)
    log = read_log(run / "log.jsonl")
    scores = {entry["epoch"]: entry[config.monitor] for entry in log if entry["kind"] == "epoch"}
    epoch = max(scores, key=lambda number: (scores[number], -number))  # of equals the earliest
    return trainer.best, scores[0], scores[epoch], epoch


def _install(
    request: ImprovementRequest,
    checkpoint: Path,
    accepted: Accepted,
    store: Store,
    task: Task,
) -> None:
    """Put the new model where models are, with a word on where it comes from."""
    origin = f"{request.model}, fine-tuned on clips of {accepted.videos} corrected videos"
    import_files(store, [checkpoint], request.name, origin=origin, task=task)


def _keep(run: Path, folder: Path) -> None:
    """Keep what a person may want to look at later."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _KEPT:
        if (run / name).exists():
            shutil.move(run / name, folder / name)
