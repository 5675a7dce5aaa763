"""What has changed since a session was saved last."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_tavis.session.diff import Diff


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
