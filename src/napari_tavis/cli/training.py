"""The commands that train: ``train``, ``improve`` and ``ablate``.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_tavis.cli.console import say, terminal_task
from napari_tavis.core.boundary import require_writable

if TYPE_CHECKING:
    from napari_tavis.lab.training.settings import ToyConfig, TrainConfig


from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_tavis.lab.training.ablation_study import Trial


def train(
    output: Annotated[
        Path,
        typer.Option(help="Folder of the run: state, log, pictures, checkpoints.", file_okay=False),
    ],
    config: Annotated[
        str,
        typer.Option(
            help="A YAML file, or one of s4_224, s4_1024, ms3_224, ms3_1024, avss_224, ov_224, "
            "finetune, toy."
        ),
    ] = "toy",
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Settings that override the configuration's."),
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke", help="toy only: run a few steps, to see whether everything works here."
        ),
    ] = False,
) -> None:
    """Train TAViS on AVSBench data as the paper does, or on your own export.

    After Ctrl+C, or if it is killed, run it again: it resumes where it was. On several
    GPUs or machines: `accelerate launch -m napari_tavis train ...` (see `accelerate config`).

    The configuration `toy` draws its own clips and rebuilds the bundled model, in some hours on
    two CPU cores and with 13 GB of disk. On Linux, MALLOC_MMAP_THRESHOLD_=33554432 and
    MALLOC_TRIM_THRESHOLD_=4000000000 in the environment nearly halve its time.

    For example:

        napari-tavis train --config s4_224 --output runs/s4 data.root=AVSBench model.start=start
        napari-tavis train --config finetune --output runs/mine data.root=export model.start=toy
        napari-tavis train --config toy --output runs/toy
    """
    from napari_tavis.lab.training.configurations import read_configuration
    from napari_tavis.lab.training.settings import TrainConfig

    require_writable(output)
    chosen = read_configuration(config, [*(settings or []), *(["smoke=true"] if smoke else [])])
    if isinstance(chosen, TrainConfig):
        _train_on_data(chosen, output)
    else:
        _train_toy(chosen, output)


def _train_on_data(config: TrainConfig, output: Path) -> None:
    """Train on a dataset; the first process of several reports for all."""
    from napari_tavis.lab.training.configurations import needs_training_extra

    with needs_training_extra():
        from accelerate import PartialState

        from napari_tavis.lab.training.dataset_recipe import DatasetRecipe
        from napari_tavis.lab.training.starting import describe_parts
        from napari_tavis.lab.training.trainer import Trainer
    first = PartialState(cpu=config.device == "cpu").is_main_process
    with terminal_task(first) as task:
        trainer = Trainer(DatasetRecipe(config), output, task=task)
        if first:
            say(describe_parts(trainer.model, trainer.parts))
        trainer.run(task)
    if first:
        print(trainer.best)


def _train_toy(config: ToyConfig, output: Path) -> None:
    """Train the toy model on clips that it draws."""
    from napari_tavis.engine import choose_device
    from napari_tavis.lab.training.configurations import needs_training_extra
    from napari_tavis.lab.training.settings import TOY_SMOKE, ToyTrainingConfig

    with needs_training_extra():
        from napari_tavis.lab.training.toy_recipe import train_toy
    with terminal_task() as task:
        checkpoint = train_toy(
            output,
            config=TOY_SMOKE if config.smoke else ToyTrainingConfig(),
            seed=config.seed,
            device=choose_device(config.device),
            task=task,
        )
    print(checkpoint)


def improve(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE...", help="Folders, lists, videos or sessions."),
    ],
    name: Annotated[str, typer.Option(help="What to call the new model.")],
    model: Annotated[
        str, typer.Option(help="'toy' (bundled), an installed model, or a checkpoint file.")
    ] = "toy",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A setting to use instead of finetune's. Repeatable."
        ),
    ] = None,
) -> None:
    """Fine-tune a model on the clips that you corrected and accepted.

    Videos that are done or exported count, and those of which every mask is accepted. A fifth of
    them is held out; the new model is installed only if it does better there.

    For example:

        napari-tavis improve videos --model tavis_s4 --name my_s4
    """
    from napari_tavis.lab.improvement.finetuning import improve as learn
    from napari_tavis.lab.improvement.request import ImprovementRequest

    request = ImprovementRequest(
        tuple(str(source) for source in sources), model, name, tuple(settings or ())
    )
    with terminal_task() as task:
        found = learn(request, task=task)
    for reason in found.left_out:
        say(reason)
    print(found)


def ablate(
    output: Annotated[
        Path,
        typer.Option(help="Folder of the study: its numbers, by row and seed.", file_okay=False),
    ],
    config: Annotated[
        str, typer.Option(help="toy, or what `train` takes: s4_224, ms3_224 ... or a YAML file.")
    ] = "toy",
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Settings that override the configuration's."
        ),
    ] = None,
    table: Annotated[
        list[int] | None, typer.Option(help="A table of the paper: 1, 2, 4 or 5. Repeatable.")
    ] = None,
    row: Annotated[list[str] | None, typer.Option(help="A row by name. Repeatable.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 3,
    clips: Annotated[
        Path | None,
        typer.Option(help="Only toy: clips/128 of a `train` run, to render none.", file_okay=False),
    ] = None,
    sam_start: Annotated[
        str | None, typer.Option(help="Except with toy: the model that the row sam starts from.")
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option("--smoke", help="Only toy: a few steps, to see whether everything runs here."),
    ] = False,
) -> None:
    """Train TAViS with parts left out, and print the paper's tables with the scores beside.

    Without --table and --row: table 1. After Ctrl+C, run it again: it resumes; in the
    same folder, later tables reuse existing rows. Rows: paper, no-ibqd, no-tbas, no-tbhp,
    no-a2t, no-i2t, with-a2i, a2i-alone, no-text, mlp-text, no-vision, sam.

    For example:

        napari-tavis ablate --config toy --output runs/ablation --table 1 --seeds 3
        napari-tavis ablate --config toy --output runs/longer --table 1 steps=1000
        napari-tavis ablate --config s4_224 --output runs/s4 --seeds 1 data.root=AVSBench
    """
    from napari_tavis.lab.training.ablation_rows import choose_rows, tables
    from napari_tavis.lab.training.configurations import needs_training_extra

    with needs_training_extra():
        from napari_tavis.lab.training.ablation_study import run_study

    require_writable(output)
    chosen = choose_rows(table or ([] if row else [1]), row or [])
    if config == "toy":
        trial = _toy_trial(output, clips, smoke, settings or [])
    else:
        trial = _dataset_trial(output, config, settings or [], sam_start)
    with terminal_task() as task:
        results = run_study(output, chosen, range(seeds), trial, task=task)
    print(tables(results))


def _toy_trial(output: Path, clips: Path | None, smoke: bool, settings: list[str]) -> Trial:
    from napari_tavis.core.errors import TrainingError
    from napari_tavis.lab.training.ablation_study import ToyTrial
    from napari_tavis.lab.training.configurations import read_settings
    from napari_tavis.lab.training.settings import ABLATION_SMOKE, ToyAblation

    if smoke and settings:
        raise TrainingError(f"--smoke has settings of its own: leave out {settings[0]}.")
    chosen = ABLATION_SMOKE if smoke else ToyAblation()
    if settings:
        chosen = read_settings(ToyAblation, settings)
    return ToyTrial(chosen, output / "clips", clips)


def _dataset_trial(output: Path, config: str, settings: list[str], sam_start: str | None) -> Trial:
    from napari_tavis.core.errors import TrainingError
    from napari_tavis.lab.training.ablation_study import DatasetTrial
    from napari_tavis.lab.training.configurations import read_configuration
    from napari_tavis.lab.training.settings import TrainConfig

    chosen = read_configuration(config, settings)
    if not isinstance(chosen, TrainConfig):
        raise TrainingError(f"{config} is not the configuration of a dataset; try --config toy.")
    return DatasetTrial(chosen, output / "runs", sam_start)
