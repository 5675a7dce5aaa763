"""The command that makes a model better with what was corrected: ``improve``.

The packages are imported where they are used: ``--help`` must not wait for torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_tavis.cli.console import say, terminal_task


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
