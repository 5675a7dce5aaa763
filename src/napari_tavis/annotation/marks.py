"""What is noted of a session as a whole: finished, time worked, exports."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class ExportNote:
    """One export of a session.

    Parameters
    ----------
    root : str
        The dataset's root, or the file written.
    format : str
        Of the dataset.
    name : str
        The clip's name there.
    stale : bool
        Whether the session was changed after it.
    """

    root: str
    format: str
    name: str
    stale: bool


@dataclass
class Marks:
    """The notes as they are saved.

    Parameters
    ----------
    done : bool
        Whether a person has finished with the video.
    worked_seconds : float
        How long somebody worked on it.
    edits : int
        How often objects or masks were changed.
    born : str
        A random word that no other session has, but a copy of this one.
    exports : dict
        The value of `edits` at the time of each export, by (root, format, name).
    """

    done: bool = False
    worked_seconds: float = 0.0
    edits: int = 0
    exports: dict[tuple[str, str, str], int] = field(default_factory=dict)
    born: str = field(default_factory=lambda: secrets.token_hex(8))

    def copy(self) -> Marks:
        """Give a copy that later changes do not touch."""
        return replace(self, exports=dict(self.exports))

    def notes(self) -> tuple[ExportNote, ...]:
        """Give the exports, the latest last."""
        return tuple(ExportNote(*key, at != self.edits) for key, at in self.exports.items())

    def note_export(self, root: str, format: str, name: str) -> None:
        """Note that what there is now was exported."""
        self.exports.pop((root, format, name), None)
        self.exports[root, format, name] = self.edits
