"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves either the old content or the new, never a part.

    Parameters
    ----------
    path : Path
        The file; its directory is made if need be.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is unharmed, no temporary file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # not through tempfile, whose files only their owner may read, whatever the umask says
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_file(temporary, data)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _about(error, path) from error
        raise


def write_file(path: Path, data: bytes) -> None:
    """Write a file that nobody reads before it is whole, and wait until it is on the disk.

    Parameters
    ----------
    path : Path
        The file, in a directory that exists.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _about(error, path) from error


def _about(error: OSError, path: Path) -> OSError:
    """Give an error that names the file: writing, unlike opening, does not say which it was."""
    if error.errno is None:
        return error
    return OSError(error.errno, error.strerror, str(path))


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk, where the system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
