"""What the command line writes to the terminal while it works; only results go to stdout."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from napari_tavis.core.boundary import explain
from napari_tavis.core.files import shown
from napari_tavis.core.tasks import Cancelled, Task


def say(message: str) -> None:
    """Write one line for the user on stderr, with control characters escaped."""
    line = " ".join(message.split())
    with contextlib.suppress(OSError):  # nobody hears us: the exit code must do
        print(shown(line, most=len(line)), file=sys.stderr, flush=True)


def tell_failure(error: Exception, hint: str = "") -> None:
    """Say why one of several things failed, so that the others can go on.

    After Ctrl+C, or if it is a defect, the error is raised again.
    """
    words = None if isinstance(error, Cancelled) else explain(error)
    if words is None:
        raise error
    say(f"error: {words}{hint}")


def drop_unwritten() -> None:
    """Discard what standard output and error no longer take.

    Python would try once more when it ends, and print a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), stream.fileno())


@contextmanager
def remember_interrupt() -> Iterator[threading.Event]:
    """Yield an event that Ctrl+C sets, whatever becomes of the `KeyboardInterrupt`."""
    pressed = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield pressed
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def terminal_task(shown: bool = True) -> Iterator[Task]:
    """Yield a task for work that a person waits for at a terminal; any thread may report to it.

    A bar on stderr, if that is a terminal, shows the progress and disappears when the work is
    done. The first Ctrl+C asks the work to stop at its next step, and a second one ends it. Raises
    `Cancelled` if the work failed after it was asked to stop: Ctrl+C also reaches the processes it
    runs, whose end it may take for a failure.
    """
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    ) as bars:
        bar = bars.add_task("", total=None)

        def report(done: int, total: int, what: str) -> None:
            bars.update(bar, completed=done, total=total, description=what)

        task = Task(report)
        with _cancelled_by_interrupt(task):
            yield task


@contextmanager
def _cancelled_by_interrupt(task: Task) -> Iterator[None]:
    """Let the first Ctrl+C cancel a task, and a second one end the work."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)  # so that the next one raises KeyboardInterrupt
        task.cancel()
        say("Stopping ... (Ctrl+C again to stop at once)")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    except Exception as error:
        if task.cancelled:
            raise Cancelled from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
