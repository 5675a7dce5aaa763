"""Reading files that somebody else made, which may be anything under any name.

Everything foreign is opened here: datasets, settings, queues, pictures. A file is read only if it
is an ordinary one (a pipe would make us wait forever, a device may do anything), only inside the
folder where it should be, and only up to a size that its kind can have. What it declares about
itself - sizes, depths, counts - is a bound to check, never an order to carry out.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from napari_tavis.core.errors import TavisError

if TYPE_CHECKING:
    from PIL import Image

KILOBYTE, MEGABYTE = 1 << 10, 1 << 20

MOST_PIXELS = 1 << 25  # of a picture: a little more than a frame of 8K video has
MOST_PICTURE_BYTES = 256 * MEGABYTE
MOST_LEVELS = 64  # how deep lists and objects of a JSON file may be nested

# What may hide in a name would otherwise act when it is opened: O_NONBLOCK keeps a pipe from
# blocking, O_NOCTTY a terminal from becoming ours, O_NOFOLLOW a link from replacing the last part
# between the check and the opening. Windows has none of them.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0)
    for name in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK")
)
_MANY_DIGITS = re.compile(r"\d{19}")  # too many for 64 bits
_NESTING = (dict, list)
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")  # a surrogate, with or without its partner


class ForeignFileError(TavisError):
    """A file cannot be read, or is not what it should be.

    `problem` is the message without the path before it: what is wrong and what to do.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{shown(path)} {problem}.")
        self.path = path
        self.problem = problem


class MissingForeignFileError(ForeignFileError):
    pass


def shown(name: object, most: int = 200) -> str:
    """Give a name as it can be printed anywhere: of bounded length, without control characters."""
    text = str(name)
    if len(text) > most:
        text = f"{text[: most // 2]} ... {text[-most // 2 :]}"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def is_utf8(name: str | os.PathLike[str]) -> bool:
    """Say whether a name can be written in UTF-8, as everything that we write is."""
    try:
        os.fspath(name).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def open_file(path: Path, *, root: Path | None = None) -> BinaryIO:
    """Open an ordinary file for reading; it may be reached through links.

    Parameters
    ----------
    path : Path
        The file.
    root : Path, optional
        A folder out of which no link, and no ``..``, may lead. The folder itself may be a link:
        it is what the user named.

    Raises
    ------
    MissingForeignFileError
        If there is no such file.
    ForeignFileError
        If it is a folder, a pipe, a socket or a device, lies outside `root`, may not be read, or
        its name is one that the system does not take.
    """
    try:
        real = Path(os.path.realpath(path))
        if root is not None and not real.is_relative_to(os.path.realpath(root)):
            raise ForeignFileError(
                path, f"lies outside {shown(root)}: put the file itself there instead of a link"
            )
        # Checked before it is opened as well, since opening alone already acts on a device.
        _check_ordinary(path, os.stat(real))
        descriptor = os.open(real, _FLAGS)
        try:
            _check_ordinary(path, os.fstat(descriptor))
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
    except (FileNotFoundError, NotADirectoryError):
        raise MissingForeignFileError(path, "is missing: restore it") from None
    except OSError as error:
        raise ForeignFileError(path, _problem(error)) from error
    except ValueError:  # a NUL, or characters that no file name has
        raise ForeignFileError(path, "is not a possible name of a file: correct it") from None


def is_inside(path: Path, root: Path) -> bool:
    """Say whether a path, all links followed, is a folder or lies in it."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def is_file(path: Path, *, root: Path | None = None) -> bool:
    """Say whether there is a file that `open_file` would open; no name makes this fail."""
    try:
        open_file(path, root=root).close()
    except ForeignFileError:
        return False
    return True


def read_bytes(path: Path, *, most: int, root: Path | None = None) -> bytes:
    """Read a whole file of at most `most` bytes; see `open_file` for `root` and the errors."""
    with open_file(path, root=root) as file:
        try:
            # Not by the size it says: files of /proc say 0, and one that is written grows.
            data = file.read(most + 1)
        except OSError as error:
            raise ForeignFileError(path, _problem(error)) from error
    if len(data) > most:
        raise ForeignFileError(
            path, f"is larger than {_size(most)}, too large for a file of its kind: replace it"
        )
    return data


def read_text(path: Path, *, most: int, root: Path | None = None) -> str:
    """Read a text file in UTF-8, with or without a byte order mark; line ends stay as they are."""
    try:
        return read_bytes(path, most=most, root=root).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ForeignFileError(path, "is not UTF-8 text: save it as UTF-8") from None


def read_json(path: Path, *, most: int, root: Path | None = None) -> Any:
    """Read a JSON file; see `open_file` for `root` and the errors, and `parse_json`."""
    return parse_json(read_text(path, most=most, root=root), path)


def parse_json(text: str, path: Path) -> Any:
    """Parse JSON, so that what comes out can be walked, printed and computed with.

    A whole number of 19 digits or more becomes a float, infinite if need be, so that arithmetic
    on it does not fail. NaN and infinities come through: check with `math.isfinite` where a number
    must be one. The value may have any type and shape: check it before use. `path` is for messages.

    Raises
    ------
    ForeignFileError
        If it is not JSON, is nested more than 64 levels deep, or holds half a surrogate pair.
    """
    try:
        # A hook for whole numbers makes parsing slow: only where there may be long ones.
        value = json.loads(text, parse_int=_whole if _MANY_DIGITS.search(text) else None)
    except RecursionError:
        raise ForeignFileError(path, _TOO_DEEP) from None
    except ValueError as error:
        raise ForeignFileError(path, f"is not JSON ({error}): correct it") from None
    # Level by level, not by recursion, which deep nesting would exhaust here and in whoever reads.
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for outer in level
            if type(outer) in _NESTING
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _NESTING  # cheap, for there are millions of numbers
        ]
    if level:
        raise ForeignFileError(path, _TOO_DEEP)
    if _HALF_PAIR.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ForeignFileError(
                path, "holds half a surrogate pair, which is not a character: correct it"
            ) from None
    return value


_TOO_DEEP = f"is nested more than {MOST_LEVELS} levels deep: replace it"


def open_picture(path: Path, *, root: Path | None = None) -> Image.Image:
    """Open and fully decode a picture, PNG or JPEG, of at most `MOST_PIXELS`.

    No other format is tried, whatever the file begins with: Pillow would run Ghostscript on
    PostScript. The declared size is checked before anything is decoded.

    Raises
    ------
    ForeignFileError
        If it cannot be opened (see `open_file`) or decoded, or is larger.
    """
    from PIL import Image

    with open_file(path, root=root) as file:
        if os.fstat(file.fileno()).st_size > MOST_PICTURE_BYTES:
            raise ForeignFileError(
                path, f"is larger than {_size(MOST_PICTURE_BYTES)}: replace the picture"
            )
        try:
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                if image.width * image.height <= MOST_PIXELS:
                    image.load()
                    return image
        except Image.UnidentifiedImageError:
            raise ForeignFileError(
                path, "cannot be read as a picture (neither PNG nor JPEG): replace it"
            ) from None
        # Damaged pictures end in exceptions of any kind, from struct's to IndexError.
        except Exception as error:
            raise ForeignFileError(
                path, f"cannot be read as a picture ({error}): replace it"
            ) from error
    raise ForeignFileError(
        path,
        f"claims to have {image.width} x {image.height} pixels, more than the "
        f"{MOST_PIXELS / 1e6:.0f} million that are read: replace the picture",
    )


def _check_ordinary(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
    raise ForeignFileError(path, f"is {kind}, not a file: put the file itself there")


def _problem(error: OSError) -> str:
    if error.errno == errno.ENAMETOOLONG:
        return "has a name too long for the system: shorten it"
    if error.errno == errno.ELOOP:
        return "is a link that leads to itself: put the file itself there"
    reason = (error.strerror or str(error)).lower()
    return f"cannot be read ({reason}): check the file and its permissions"


def _size(count: int) -> str:
    unit, name = (MEGABYTE, "MB") if count >= MEGABYTE else (KILOBYTE, "kB")
    return f"{count / unit:.4g} {name}"


# Python refuses to read integers of over 4,300 digits, and arithmetic on such takes forever.
def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits)
