"""What has changed since a session was saved last."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_tavis.session.diff import Diff
from napari_tavis.session.objects import FrameRecord, SessionObject
from napari_tavis.session.state import SessionState


@dataclass
class Changes:
    """What is to be written, as it was at one moment.

    Parameters
    ----------
    state : SessionState
        Where the small parts are taken from, which are written each time or replaced as a whole.
    objects : dict
        Objects without their frames by number; None for one that is no more.
    frames : dict
        Records by (object number, frame index); None for one that is no more.
    vocabulary : bool
        Whether the class names are among it.
    sampling : bool
        Whether the sampled frames are among it.
    """

    state: SessionState
    objects: dict[int, SessionObject | None]
    frames: dict[tuple[int, int], FrameRecord | None]
    vocabulary: bool
    sampling: bool

    @classmethod
    def everything(cls, state: SessionState) -> Changes:
        """Give all of a session as changes."""
        frames: dict[tuple[int, int], FrameRecord | None] = {
            (item.object_id, frame): record
            for item in state.objects.values()
            for frame, record in item.frames.items()
        }
        return cls(state, dict(state.objects), frames, True, True)


@dataclass
class Pending:
    """Names what has to be written; its content is taken from the state then.

    Parameters
    ----------
    frames : set of tuple of int
        (object number, frame index) of changed records.
    objects : set of int
        Numbers of objects that came, went, or changed apart from their frames.
    vocabulary : bool
        Whether the class names changed.
    sampling : bool
        Whether the sampled frames and the model's name changed.
    """

    frames: set[tuple[int, int]] = field(default_factory=set)
    objects: set[int] = field(default_factory=set)
    vocabulary: bool = False
    sampling: bool = False

    def add(self, diff: Diff) -> None:
        """Note what a change touched."""
        self.frames |= diff.frames.keys()
        self.objects |= diff.objects.keys()
        self.vocabulary |= diff.vocabulary is not None

    def restore(self, earlier: Pending) -> None:
        """Note again what could not be written."""
        self.frames |= earlier.frames
        self.objects |= earlier.objects
        self.vocabulary |= earlier.vocabulary
        self.sampling |= earlier.sampling

    def collect(self, state: SessionState) -> Changes:
        """Take what it names from a state.

        Parameters
        ----------
        state : SessionState
            The session; whatever changes it is held back by the caller.
        """
        known = state.objects
        return Changes(
            state.without_objects(),
            {number: known[number].bare() if number in known else None for number in self.objects},
            {
                (number, frame): known[number].frames.get(frame)
                for number, frame in self.frames
                if number in known
            },
            self.vocabulary,
            self.sampling,
        )
