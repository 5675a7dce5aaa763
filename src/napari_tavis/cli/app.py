"""The command line as a whole: its commands, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from napari_tavis import __version__
from napari_tavis.cli import (
    ablation,
    annotation,
    bench,
    evaluation,
    experiments,
    improving,
    project,
    training,
)
from napari_tavis.cli.console import say
from napari_tavis.cli.weights import weights
from napari_tavis.errors import TavisError
from napari_tavis.tasks import Cancelled

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="napari-tavis",
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"napari-tavis {__version__}")
        raise typer.Exit


@app.callback()
def napari_tavis(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Annotate what sounds in video, and write the result as AVSBench training data.

    A first look, without a video of your own: `napari-tavis demo`. The usual way:

        napari-tavis annotate street.mp4 --output work
        napari-tavis export work/street.mp4.tavis --dataset data --subset v1m --split train
        napari-tavis validate data

    Between the first two, correct the masks in napari, whose dock widget does all of this, too.
    """


_ANNOTATION = "Annotate"
_EXPERIMENTS = "Train and measure"
app.command("demo", rich_help_panel=_ANNOTATION)(annotation.demo)
app.command("annotate", rich_help_panel=_ANNOTATION)(annotation.annotate)
app.command("export", rich_help_panel=_ANNOTATION)(annotation.export)
app.command("import", rich_help_panel=_ANNOTATION)(annotation.import_dataset)
app.command("validate", rich_help_panel=_ANNOTATION)(annotation.validate)
app.command("stats", rich_help_panel=_ANNOTATION)(project.stats)
app.command("toy", rich_help_panel=_EXPERIMENTS)(experiments.toy)
app.command("toy-test", rich_help_panel=_EXPERIMENTS)(experiments.toy_test)
app.command("train", rich_help_panel=_EXPERIMENTS)(training.train)
app.command("improve", rich_help_panel=_EXPERIMENTS)(improving.improve)
app.command("evaluate", rich_help_panel=_EXPERIMENTS)(evaluation.evaluate)
app.command("ablate", rich_help_panel=_EXPERIMENTS)(ablation.ablate)
app.command("bench", rich_help_panel=_EXPERIMENTS)(bench.bench)
app.add_typer(weights, name="weights", rich_help_panel=_EXPERIMENTS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    What the user can mend (a `TavisError`, wrong usage) is one line on stderr and exit code 2;
    a defect keeps its traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments, those of the process by default.

    Raises
    ------
    SystemExit
        Always: 0 for success, 1 for violations that ``validate`` found, 2 for an error of
        the user's, 130 after Ctrl+C.
    """
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: Sequence[str]) -> int:
    """Run the command line, giving its exit code."""
    try:
        code = app(
            args=list(arguments) or ["--help"], prog_name="napari-tavis", standalone_mode=False
        )
    except Cancelled:
        code = EXIT_INTERRUPTED
    except TavisError as error:
        say(f"error: {error}")
        return EXIT_USER_ERROR
    except typer.TyperException as error:  # unknown options, missing arguments, bad values
        say(f"error: {error.format_message().rstrip('.')}. See: napari-tavis --help")
        return EXIT_USER_ERROR
    if code == EXIT_INTERRUPTED:
        say("Cancelled.")
    return code or 0
