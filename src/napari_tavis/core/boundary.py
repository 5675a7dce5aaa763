"""Failures from outside the package (disk, memory, names, output), explained in one sentence.

The command line and the window take every exception here last. What none of this explains is a
defect, and keeps its traceback.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import tempfile
from pathlib import Path

from napari_tavis.core.errors import TavisError, UnwritablePlaceError
from napari_tavis.core.files import is_utf8, shown

_LOG = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_WORDS = {
    errno.EROFS: "is on a disk that cannot be written to: choose another place",
    errno.EACCES: "may not be used: check its permissions, or choose another place",
    errno.EPERM: "may not be used: check its permissions, or choose another place",
    errno.ENOENT: "is missing: check the path",
    errno.ENOTDIR: "is missing, for a part of its path is a file: check the path",
    errno.EISDIR: "is a folder, not a file: check the path",
    errno.EEXIST: "is there already: move it away, or choose another place",
    errno.ENOTEMPTY: "is not empty: move what is in it away, or choose another place",
    errno.ENAMETOOLONG: "has a name too long for the system: choose a shorter one",
    errno.ELOOP: "is a link that leads to itself: mend the link",
    errno.EBUSY: "is in use by another program: close it there, then try again",
    errno.ETXTBSY: "is in use by another program: close it there, then try again",
    errno.EIO: "cannot be read or written, for its disk reports a fault: check the disk",
    errno.ESTALE: "is on a network drive that is gone: connect it, then try again",
}
_NO_MEMORY = ("can't allocate memory", "not enough memory", "cannot allocate memory")


def explain(error: BaseException) -> str | None:
    """Explain an exception to a user, with what to do, in one sentence; None for a defect."""
    if isinstance(error, TavisError):
        return str(error)
    words = _explain(error)
    if words is not None:
        _LOG.debug("%s", words, exc_info=error)  # for whoever looks for the cause
    return words


def _explain(error: BaseException) -> str | None:
    if isinstance(error, OSError):
        return _explain_system(error)
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _NO_MEMORY)
    ):
        return (
            "The memory of this computer is used up: close other programs, or take fewer frames "
            "per second, a shorter video or a smaller model."
        )
    if isinstance(error, UnicodeError):
        return (
            f"A name or text holds characters that cannot be written ({error.reason}): rename the "
            "file, or change the text."
            if isinstance(error, UnicodeEncodeError | UnicodeDecodeError)
            else "A name or text is not UTF-8: rename the file, or change the text."
        )
    if isinstance(error, RecursionError):
        return "What was given is nested too deep to be read: give something simpler."
    return None


def _explain_system(error: OSError) -> str:
    name = error.filename2 or error.filename  # of a rename that failed, the target
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    what = shown(name) if isinstance(name, str | os.PathLike) and str(name) else ""
    if error.errno == errno.EPIPE:
        return "The output was closed before all of it was written: keep what reads it open."
    if error.errno in _FULL:
        return f"{what or 'The output'} cannot be written, for its disk is full: make room there."
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "Too many files are open at once: close other programs, then try again."
    if error.errno == errno.ENOMEM:
        return "The memory of this computer is used up: close other programs, then try again."
    if what and error.errno in _WORDS:
        return f"{what} {_WORDS[error.errno]}."
    reason = shown(error.strerror or error) or type(error).__name__
    if what:
        return f"{what} cannot be used ({reason}): check the path and the disk."
    return f"The system refuses what was asked ({reason}): check disk, permissions and connection."


def require_writable(path: Path) -> None:
    """Make sure that a file or a folder can be written, before hours are spent on its content.

    The path need not exist. Nothing is left behind, and missing folders are not made yet.
    Raises `UnwritablePlaceError`.
    """
    try:
        if not is_utf8(path):
            raise UnwritablePlaceError(f"{shown(path)} is not UTF-8: choose another name.")
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            mode = 0
        if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UnwritablePlaceError(
                f"{shown(path)} is a pipe, socket or device: name a file to write instead."
            )
        folder = path if stat.S_ISDIR(mode) else path.parent
        # The nearest folder that exists stands for those that are still to be made in it.
        while not os.path.lexists(folder) and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))  # names may still find room on a full disk
    except OSError as error:
        # The name of the temporary file would tell nobody anything.
        about = error if error.errno == errno.ENAMETOOLONG else OSError(error.errno, "", str(path))
        raise UnwritablePlaceError(_explain_system(about)) from error
    except ValueError as error:
        raise UnwritablePlaceError(
            f"{shown(path)} is not a possible name of a file: choose another one."
        ) from error
