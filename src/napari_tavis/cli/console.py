"""What the command line writes on the terminal while it works; results alone go to stdout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from napari_tavis.tasks import Progress as Report


def say(message: str) -> None:
    """Write one line for the user on stderr.

    Parameters
    ----------
    message : str
        The line; line breaks in it become spaces.
    """
    line = " ".join(message.split())
    Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bar() -> Iterator[Report]:
    """Show a progress bar with the time left on stderr, gone when the work is done.

    Yields
    ------
    Progress
        To be called as ``progress(done, total, what)``, from any thread.
    """
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        task = bars.add_task("", total=None)

        def report(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total, description=what)

        yield report
