"""The content of a session, and the few ways in which it changes; no threads, no observers."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_tavis.annotation.history import Diff
from napari_tavis.annotation.objects import FrameRecord, Sampling, SessionObject, proposed_records
from napari_tavis.annotation.proposals import SCENE_NAME, ObjectKind, Proposal
from napari_tavis.core.errors import SessionError
from napari_tavis.core.vocabulary import BACKGROUND, RGB, SCENE_COLOR, class_colors

_PROBE = 1 << 20  # bytes at either end of a video that make its fingerprint

LONGEST_WORD = 200  # letters of a class name


def is_word(name: str) -> bool:
    """Say whether a text can be written and shown as a class name."""
    plain = all(letter >= " " and not "\ud800" <= letter <= "\udfff" for letter in name)
    return bool(name.strip()) and len(name) <= LONGEST_WORD and plain


def require_words(names: Iterable[str]) -> None:
    """Refuse class names that are empty, too long, or hold control characters: `SessionError`."""
    for name in names:
        if not is_word(name):
            shown = ascii(name if len(name) <= 40 else f"{name[:40]}...")
            raise SessionError(
                f"{shown} cannot be an object's class: give it a word such as 'dog', of at "
                f"most {LONGEST_WORD} letters."
            )


@dataclass(frozen=True)
class VideoIdentity:
    """How a video is recognised."""

    name: str  # of the file, without a directory
    size: int  # bytes
    fingerprint: str  # hexadecimal digest of the size and of the first and last MiB

    @classmethod
    def of(cls, video: Path) -> VideoIdentity:
        """Read the identity of a video file; `SessionError` if that cannot be read."""
        try:
            with video.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                digest = hashlib.blake2b(str(size).encode(), digest_size=16)
                digest.update(file.read(_PROBE))
                file.seek(max(size - _PROBE, 0))
                digest.update(file.read(_PROBE))
        except OSError as error:
            reason = error.strerror or error
            raise SessionError(f"Cannot read the video {video} ({reason}).") from error
        return cls(video.name, size, digest.hexdigest())


@dataclass(frozen=True)
class ExportNote:
    """One export of a session."""

    root: str  # of the dataset, or the file written
    format: str  # of the dataset
    name: str  # of the clip in it
    stale: bool  # the session was changed after it


@dataclass
class Marks:
    """What is noted about a session as a whole, as it is saved."""

    done: bool = False  # a person has finished with the video
    worked_seconds: float = 0.0
    edits: int = 0  # how often objects or masks were changed
    # The value of `edits` at the time of each export, by (root, format, name).
    exports: dict[tuple[str, str, str], int] = field(default_factory=dict)
    # A random word that no other session has, except copies of this one.
    born: str = field(default_factory=lambda: secrets.token_hex(8))

    def notes(self) -> tuple[ExportNote, ...]:
        """Give the exports, the latest last."""
        return tuple(ExportNote(*key, at != self.edits) for key, at in self.exports.items())

    def note_export(self, root: str, format: str, name: str, edits: int) -> None:
        """Note that the session was exported as it was after so many edits."""
        self.exports.pop((root, format, name), None)
        self.exports[root, format, name] = edits


@dataclass
class SessionState:
    """All that a session holds, as it is written and read."""

    video: VideoIdentity
    video_place: str  # relative to the session's folder where possible
    frame_count: int  # of the video
    frame_size: tuple[int, int]  # height and width in pixels
    sampling: Sampling  # which frames the model saw
    vocabulary: tuple[str, ...]  # the class names in play, without the background
    next_id: int = 1  # the number that the next object will have
    objects: dict[int, SessionObject] = field(default_factory=dict)  # by number, ascending
    marks: Marks = field(default_factory=Marks)
    diff: Diff = field(default_factory=Diff)  # what the methods here have changed since `take_diff`

    def take_diff(self) -> Diff:
        """Give what was changed since this was last called."""
        diff, self.diff = self.diff, Diff()
        return diff

    def apply(self, diff: Diff) -> None:
        """Make a change again, or take it back; objects that no longer exist are skipped."""
        for _, after in diff.objects.values():
            if after is not None:
                self.put_object(after)
        for (object_id, frame), (_, record) in diff.frames.items():
            if object_id in self.objects:
                self.put_frame(object_id, frame, record)
        for object_id, (_, after) in diff.objects.items():
            if after is None:
                self.drop_object(object_id)
        if diff.vocabulary:
            self.put_vocabulary(diff.vocabulary[1])
        if diff.sampling:
            self.put_sampling(diff.sampling[1])

    def everything(self) -> Diff:
        """Give all objects and masks as a change from nothing."""
        return Diff(
            {
                (item.object_id, frame): (None, record)
                for item in self.objects.values()
                for frame, record in item.frames.items()
            },
            {item.object_id: (None, item.bare()) for item in self.objects.values()},
        )

    # The ways in which it changes, each of them noted in `diff`

    def put_frame(self, object_id: int, frame: int, record: FrameRecord | None) -> None:
        """Set what is known of an object in a frame; None for nothing."""
        frames = self.objects[object_id].frames
        before = frames.get(frame)
        if before is record:
            return
        if record is None:
            del frames[frame]
        else:
            frames[frame] = record
        self.diff.note_frame(object_id, frame, before, record)

    def put_object(self, item: SessionObject) -> None:
        """Add an object without frames, or change an existing one into what `item` says."""
        known = self.objects.get(item.object_id)
        before = known and known.bare()
        if known is None:
            self.objects[item.object_id] = item.bare()
            if item.object_id != max(self.objects):  # one that comes back to its place
                self.objects = dict(sorted(self.objects.items()))
        else:
            # In place, as whoever holds the object is to see the change.
            known.__dict__.update(item.__dict__ | {"frames": known.frames})
        self.diff.note_object(item.object_id, before, item.bare())

    def change_object(self, object_id: int, **changes: Any) -> None:
        """Change what is known of an object apart from its frames."""
        self.put_object(replace(self.objects[object_id].bare(), **changes))

    def drop_object(self, object_id: int) -> None:
        """Remove an object with its frames."""
        item = self.objects.get(object_id)
        if item is None:
            return
        for frame in list(item.frames):
            self.put_frame(object_id, frame, None)
        del self.objects[object_id]
        self.diff.note_object(object_id, item.bare(), None)

    def put_vocabulary(self, vocabulary: tuple[str, ...]) -> None:
        if vocabulary != self.vocabulary:
            self.diff.note_vocabulary(self.vocabulary, vocabulary)
            self.vocabulary = vocabulary

    def put_sampling(self, sampling: Sampling) -> None:
        if not sampling.same_as(self.sampling):
            self.diff.note_sampling(self.sampling, sampling)
            self.sampling = sampling

    # New objects

    def take(self, proposal: Proposal) -> SessionObject:
        """Make an object out of a proposal."""
        records = self.records(proposal)
        fixed = {"scene": SCENE_NAME, "background": BACKGROUND}
        name = fixed.get(proposal.kind) or self.learn(proposal.class_name)
        item = self.new_object(name, proposal.score, proposal.kind)
        for frame, record in records.items():
            self.put_frame(item.object_id, frame, record)
        return item

    def new_object(
        self, class_name: str, score: float, kind: ObjectKind, **facts: Any
    ) -> SessionObject:
        """Make an object without frames."""
        color = self.color(class_name, kind)
        item = SessionObject(self.next_id, class_name, color, float(score), kind, **facts)
        self.next_id += 1
        self.put_object(item)
        return self.objects[item.object_id]

    def records(self, proposal: Proposal) -> dict[int, FrameRecord]:
        """Make the records of a proposal, whose frames must be of this video."""
        records = proposed_records(proposal, self.frame_size)
        for frame in records:
            self.check_frame(frame)
        return records

    # Rules

    def check_frame(self, frame: int) -> None:
        """Raise IndexError for a frame that the video does not have."""
        if not 0 <= frame < self.frame_count:
            raise IndexError(f"the video has frames 0 to {self.frame_count - 1}, no {frame}")

    def learn(self, class_name: str) -> str:
        """Check a class name, and add it to the vocabulary if it is new there."""
        name = class_name.strip()
        if not name or name == BACKGROUND:
            raise SessionError(
                f"{class_name!r} cannot be an object's class: give it a word such as 'dog'."
            )
        require_words([name])
        if name not in self.vocabulary:
            self.put_vocabulary((*self.vocabulary, name))
        return name

    def color(self, class_name: str, kind: ObjectKind) -> RGB:
        """Give the colour of a class; black for what is background."""
        if kind == "scene":
            return SCENE_COLOR
        return class_colors((*self.vocabulary, class_name))[class_name]
