"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file, and its folder if need be: a crash leaves the old content or the new.

    An `OSError` leaves what was there before unharmed, and no temporary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not through tempfile, whose files only their owner may read, whatever the umask says.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_file(temporary, data)
        os.replace(temporary, path)  # atomic, as both lie in one folder
    except BaseException as error:  # also Ctrl+C, which must not leave the temporary file
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _about(error, path) from error
        raise


def write_file(path: Path, data: bytes) -> None:
    """Write a file that nobody reads before it is whole, and wait until it is on the disk."""
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _about(error, path) from error


def _about(error: OSError, path: Path) -> OSError:
    """Name the file in an error: writing, unlike opening, does not say which it was."""
    if error.errno is None:
        return error
    return OSError(error.errno, error.strerror, str(path))


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk, where the system can do that."""
    if os.name != "posix":  # Windows opens no directories, and keeps names by itself
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
