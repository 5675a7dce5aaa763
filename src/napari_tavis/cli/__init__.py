"""The command line: thin commands over the packages that do the work."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from napari_tavis.core.errors import EXIT_INTERRUPTED, EXIT_USER_ERROR


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    What the user can fix (a `TavisError`, wrong usage, a full disk) is one line on stderr and exit
    code 2; a defect keeps its traceback. The exit code is 0 for success, 1 for violations that
    ``validate`` found, 130 after Ctrl+C. The commands are imported in here, so that Ctrl+C is
    answered from the first moment.
    """
    try:
        if arguments is None:
            _take_standard_streams()
            _write_all_characters()
        with _interrupted_afterwards():
            from napari_tavis.cli.app import run
        code = run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        with contextlib.suppress(OSError):
            print("Cancelled.", file=sys.stderr)
    if arguments is None:
        # Python remembers a KeyboardInterrupt that left an exec of text (dataclasses are made so),
        # and would end by the signal instead of our code; the next such exec makes it forget.
        exec("")
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends what is left to do, without a traceback
    sys.exit(code)


def _take_standard_streams() -> None:
    """Occupy the standard streams that whoever started us has closed.

    Otherwise the next file that is opened, perhaps a session, would receive what programs and
    libraries write to standard output or error.
    """
    closed = [number for number in range(3) if not _is_open(number)]
    for _ in closed:  # a file gets the lowest number that is free
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if 2 in closed:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if 1 in closed:
        with contextlib.suppress(OSError):
            print(
                "error: Standard output is closed: let it lead to a terminal or a file.",
                file=sys.stderr,
            )
        sys.exit(EXIT_USER_ERROR)


@contextlib.contextmanager
def _interrupted_afterwards() -> Iterator[None]:
    """Answer Ctrl+C only at the end: during an import it may turn into any other exception."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield
        return
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _write_all_characters() -> None:
    """Let standard output escape what its encoding lacks: no result is lost for one letter."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
