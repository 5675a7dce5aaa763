"""The command line as a whole: its commands, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from napari_tavis import __version__
from napari_tavis.cli import (
    annotation,
    measuring,
    project,
    training,
)
from napari_tavis.cli.console import drop_unwritten, remember_interrupt, say
from napari_tavis.cli.weights import weights
from napari_tavis.core.boundary import explain
from napari_tavis.core.errors import EXIT_INTERRUPTED, EXIT_USER_ERROR, TavisError
from napari_tavis.core.files import is_utf8, shown
from napari_tavis.core.tasks import Cancelled

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
app.command("toy", rich_help_panel=_EXPERIMENTS)(measuring.toy)
app.command("toy-test", rich_help_panel=_EXPERIMENTS)(measuring.toy_test)
app.command("train", rich_help_panel=_EXPERIMENTS)(training.train)
app.command("improve", rich_help_panel=_EXPERIMENTS)(training.improve)
app.command("evaluate", rich_help_panel=_EXPERIMENTS)(measuring.evaluate)
app.command("ablate", rich_help_panel=_EXPERIMENTS)(training.ablate)
app.command("bench", rich_help_panel=_EXPERIMENTS)(measuring.bench)
app.add_typer(weights, name="weights", rich_help_panel=_EXPERIMENTS)

_MAY_BE_EMPTY = ("--name", "--category", "--licence")  # empty means the default


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; see `napari_tavis.cli.main`.

    Whatever is raised below ends here: as one sentence, or as the traceback of a defect.
    """
    with remember_interrupt() as interrupted:
        try:
            code = _invoke(arguments)
            sys.stdout.flush()
        except BaseException as error:
            ended = _ending(error, interrupted.is_set())
            if ended is None:
                raise
            code, sentence = ended
            if sentence:
                say(sentence)
        finally:
            drop_unwritten()
    return code


def _invoke(arguments: Sequence[str]) -> int:
    for argument in arguments:
        if not is_utf8(argument):
            raise TavisError(
                f"{shown(argument)} is not UTF-8: rename the file, or write the argument in UTF-8."
            )
    _refuse_empty(arguments)
    command = typer.main.get_command(app)
    # Not by calling the app, which ends the process itself where the output is closed.
    with command.make_context("napari-tavis", list(arguments) or ["--help"]) as context:
        command.invoke(context)
    return 0


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse options and arguments with an empty value, such as an unset variable of a shell.

    A path would take it for the current folder.
    """
    for before, argument in pairwise(("", *arguments)):
        name, sign, value = argument.partition("=") if argument else (before, "=", "")
        if name.startswith("--") and sign and not value and name not in _MAY_BE_EMPTY:
            raise TavisError(f"{name} is empty: give it a value, or leave it out.")
        if not argument and not before.startswith("-"):
            raise TavisError("An argument is empty: give it a value, or leave it out.")


def _ending(error: BaseException, interrupted: bool) -> tuple[int, str] | None:
    """Return the exit code and the sentence with which an exception ends a command.

    After Ctrl+C every exception is its consequence: the processes that we run got it, too.
    """
    if isinstance(error, SystemExit) and isinstance(error.__context__, OSError):
        error = error.__context__  # rich leaves the process where the output is closed
    if isinstance(error, KeyboardInterrupt | Cancelled) or interrupted:
        return EXIT_INTERRUPTED, "Cancelled."
    if isinstance(error, typer.Exit):
        return error.exit_code, ""
    if isinstance(error, typer.TyperException):  # unknown options, missing arguments, bad values
        sentence = error.format_message().rstrip(".").replace("Value error, ", "")
        context = getattr(error, "ctx", None)
        command = "napari-tavis" if context is None else context.command_path
        return EXIT_USER_ERROR, f"error: {sentence}. See: {command} --help"
    words = explain(error)
    return None if words is None else (EXIT_USER_ERROR, f"error: {words}")
