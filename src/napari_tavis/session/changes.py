"""What the observers of a session are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ChangeKind: TypeAlias = Literal[
    "mask", "status", "added", "removed", "renamed", "replaced", "saved"
]


@dataclass(frozen=True)
class SessionChange:
    """One change of a session.

    Parameters
    ----------
    kind : str
        "mask" or "status" of an object in a frame; an object "added", "removed" or "renamed";
        all objects "replaced" by a new run of the model; the session "saved".
    object_id : int or None
        The object, where there is one; None for all of them.
    frame_index : int or None
        The video frame, where there is one; None for all of them.
    """

    kind: ChangeKind
    object_id: int | None = None
    frame_index: int | None = None
