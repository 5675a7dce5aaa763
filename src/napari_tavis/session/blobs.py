"""Pieces of a session's data, each a file: in memory until saved, on the disk afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path


class BlobDamaged(ValueError):
    """The file of a blob holds something else than it should."""


class Blob:
    """An encoded picture (a mask, or logits) that is held in memory only while no disk has it.

    Two blobs are equal if their contents have the same digest. Make one with `of`, `computed` or
    `stored`.
    """

    __slots__ = ("_data", "_digest", "_make", "_name", "_root")

    def __init__(self) -> None:
        self._data: bytes | None = None
        self._make: Callable[[], bytes] | None = None
        self._digest: str | None = None
        self._root: str | None = None
        self._name: str | None = None

    @classmethod
    def of(cls, data: bytes) -> Blob:
        """Make a blob of its content."""
        blob = cls()
        blob._data = data
        return blob

    @classmethod
    def computed(cls, make: Callable[[], bytes]) -> Blob:
        """Make a blob whose content is computed when it is first asked for, in any thread."""
        blob = cls()
        blob._make = make
        return blob

    @classmethod
    def stored(cls, root: str, name: str) -> Blob:
        """Make a blob of a file, which is read whenever the content is asked for.

        Parameters
        ----------
        root : str
            The session's directory.
        name : str
            The file's path in it, with forward slashes; the name ends with ``-<digest>.png``.
        """
        blob = cls()
        blob.settle(root, name)
        return blob

    @property
    def name(self) -> str | None:
        """The file's path in the session's directory; None while it is on no disk."""
        return self._name

    @property
    def path(self) -> Path | None:
        """Its file; None while it is on no disk."""
        return None if self._root is None or self._name is None else Path(self._root, self._name)

    @property
    def held(self) -> int:
        """Bytes that it takes in memory."""
        data = self._data
        return 0 if data is None else len(data)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that stand for the content."""
        if self._digest is None:
            self._digest = digest_of(self.read())
        return self._digest

    def read(self) -> bytes:
        """Give the content.

        Raises
        ------
        OSError
            If its file cannot be read.
        BlobDamaged
            If its file holds something else.
        """
        data = self._data
        if data is not None:
            return data
        path = self.path
        if path is not None:
            data = path.read_bytes()
            if digest_of(data) != self._digest:
                raise BlobDamaged("its content is not what was saved")
            return data
        make = self._make
        if make is None:  # another thread has computed or settled it in this very moment
            return self.read()
        self._data = data = make()
        self._make = None
        return data

    def settle(self, root: str, name: str) -> None:
        """Note that a file holds the content, and let go of it in memory."""
        self._digest = name.rsplit("-", 1)[1].removesuffix(".png")
        self._name = name
        self._root = root
        self._data = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blob):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Blob({self._name or self._digest or 'in memory'})"


EMPTY = Blob.of(b"")
"""The mask with nothing in it, which takes no file."""


def digest_of(data: bytes) -> str:
    """Give the digest that stands for a content in the name of its file."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
