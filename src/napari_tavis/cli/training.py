"""The command that trains: ``train``.

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

    Stop it with Ctrl+C, or let it be killed, and run it again to go on where it was. On several
    GPUs or machines: `accelerate launch -m napari_tavis train ...` (see `accelerate config`).

    The configuration `toy` draws its own clips and makes the bundled model again, in some hours on
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
    """Train on a dataset; the first process of several speaks for all."""
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
