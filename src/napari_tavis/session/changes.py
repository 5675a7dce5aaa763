"""What the observers of a session are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ChangeKind: TypeAlias = Literal[
    "mask",
    "status",
    "state",
    "threshold",
    "added",
    "removed",
    "renamed",
    "replaced",
    "undone",
    "marked",
    "saved",
]


@dataclass(frozen=True)
class SessionChange:
    """One change of a session.

    Parameters
    ----------
    kind : str
        "mask" or "status" of an object in a frame; "state" or "threshold" of an object; an object
        "added", "removed" or "renamed"; all objects "replaced" by a new run of the model; a step
        "undone" or redone; the session "marked" (done, time worked, exports) or "saved".
    object_id : int or None
        The object, where there is one; None for all of them.
    frame_index : int or None
        The video frame, where there is one; None for all of them.
    """

    kind: ChangeKind
    object_id: int | None = None
    frame_index: int | None = None
