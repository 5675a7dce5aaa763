"""Encoded pictures (masks, logits): in memory until they are saved, then in the session's file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

DIGEST_BYTES = 16


class BlobDamaged(ValueError):
    """The content that a blob should have is missing, or is something else."""


class BlobSource(Protocol):
    """Where contents are kept, each under its digest."""

    def read_picture(self, digest: bytes) -> bytes:
        """Give the content of a digest; `BlobDamaged` or `OSError` if that is impossible."""


class Blob:
    """An encoded picture that is held in memory only until a disk has it.

    Two blobs are equal if their contents have the same digest. Make one with `of`, `computed` or
    `stored`.
    """

    __slots__ = ("_data", "_digest", "_make", "_source")

    def __init__(
        self, data: bytes | None = None, source: BlobSource | None = None, digest: bytes = b""
    ) -> None:
        self._data = data
        self._source = source
        self._digest = digest
        self._make: Callable[[], bytes] | None = None

    @classmethod
    def of(cls, data: bytes) -> Blob:
        return cls(data)

    @classmethod
    def computed(cls, make: Callable[[], bytes]) -> Blob:
        """Make a blob whose content is computed when it is first asked for, in any thread."""
        blob = cls()
        blob._make = make
        return blob

    @classmethod
    def stored(cls, source: BlobSource, digest: bytes) -> Blob:
        """Make a blob that is read from where it is kept whenever its content is asked for."""
        return cls(None, source, digest)

    @property
    def digest(self) -> bytes:
        """Sixteen bytes that stand for the content."""
        if not self._digest:
            self._digest = digest_of(self.read())
        return self._digest

    @property
    def held(self) -> int:
        """Bytes that it takes in memory."""
        data = self._data
        return 0 if data is None else len(data)

    @property
    def source(self) -> BlobSource | None:
        """Where it is kept; None while it is on no disk."""
        return self._source

    def read(self) -> bytes:
        """Give the content; as `BlobSource.read_picture`."""
        # No lock: other threads only ever go from `_make` to `_data`, and from there to `_source`,
        # setting the next before they drop the last.
        data = self._data
        if data is not None:
            return data
        if self._source is not None:
            return self._source.read_picture(self._digest)
        make = self._make
        if make is None:  # another thread has computed or settled it in this very moment
            return self.read()
        self._data = data = make()
        self._make = None
        return data

    def settle(self, source: BlobSource) -> None:
        """Note that a disk has the content, and drop it from memory."""
        self._digest = self.digest
        self._source = source
        self._data = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blob):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Blob({self._digest.hex() or 'in memory'})"


EMPTY = Blob.of(b"")  # the mask with nothing in it, which is stored nowhere


def digest_of(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
