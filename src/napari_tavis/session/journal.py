"""The journal: each save adds a few lines to a file instead of writing a whole session.

A save is a batch: a first line that says how many more there are, and those. Each line is a check
sum and a JSON object that stands for itself. A batch that is not whole at the end of the file is
what a crash left of the last save, and is passed over; a damaged line costs what it says.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from napari_tavis.session.documents import (
    DAMAGE,
    Document,
    marks_from_json,
    marks_to_json,
    object_from_json,
    object_to_json,
    record_from_json,
    record_to_json,
    sampling_to_json,
    take_sampling,
    words,
)
from napari_tavis.session.objects import FrameRecord, SessionObject
from napari_tavis.session.pending import Changes
from napari_tavis.session.state import SessionState


def journal_file(directory: Path, generation: int) -> Path:
    """Give the journal that continues a snapshot."""
    return directory / f"journal-{generation:06d}.jsonl"


def encode_batch(changes: Changes) -> list[bytes]:
    """Write changes as the lines of a batch; all of their blobs are on the disk."""
    lines = [_line(document) for document in _documents(changes)]
    head = {
        "batch": len(lines),
        "next_object_id": changes.state.next_id,
        "marks": marks_to_json(changes.state.marks),
    }
    return [_line(head), *lines]


def _documents(changes: Changes) -> Iterator[Document]:
    if changes.sampling:
        yield {"sampling": sampling_to_json(changes.state)}
    if changes.vocabulary:
        yield {"vocabulary": list(changes.state.vocabulary)}
    for number, item in changes.objects.items():
        yield {"gone": number} if item is None else {"object": object_to_json(item)}
    for key, record in changes.frames.items():
        yield {"frame": key, "record": None if record is None else record_to_json(record)}


def _line(document: Document) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


class Replay:
    """Does again what a journal says.

    Parameters
    ----------
    state : SessionState
        The snapshot that the journal continues; changed.
    root : str
        The session's directory.

    Attributes
    ----------
    warnings : list of str
        A sentence for each damaged line.
    whole : bool
        Whether nothing is torn or damaged, so that more can be added to the journal.
    lines : int
        How many lines were read.
    """

    def __init__(self, state: SessionState, root: str) -> None:
        self.warnings: list[str] = []
        self.whole = True
        self.lines = 0
        self._state = state
        self._root = root
        self._gone: set[int] = set()
        self._orphans: dict[int, dict[int, FrameRecord]] = {}

    def read(self, path: Path) -> None:
        """Read a journal; a missing one says nothing."""
        try:
            *lines, rest = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        documents = [_parse(line) for line in lines]
        stop = _end_of_whole_batches(documents)
        if rest or stop < len(lines):
            self.whole = False
        for number, document in enumerate(documents, start=1):
            try:
                if document is None:
                    raise ValueError("damaged")
                if number <= stop:
                    self._apply(document)
            except DAMAGE:
                self.whole = False
                self.warnings.append(
                    f"Line {number} of {path} is damaged: the change that it held, of one frame "
                    f"or object, is lost."
                )
        self.lines += len(lines)

    def finish(self) -> None:
        """Make objects for frames whose own object was lost with a damaged line."""
        for number, frames in self._orphans.items():
            name = self._state.learn(f"object {number}")
            color = self._state.color(name, "object")
            item = SessionObject(number, name, color, 1.0, named_by_person=True)
            self._state.put_object(item)
            self._adopt(number, frames)
            self.warnings.append(
                f"The class of an object of {self._root} is lost with a damaged line: it is called "
                f"{name!r} now, rename it."
            )
        self._orphans.clear()
        self._state.next_id = max(self._state.next_id, max(self._state.objects, default=0) + 1)
        self._state.take_diff()

    def _apply(self, document: Document) -> None:
        state = self._state
        if "batch" in document:
            state.next_id = max(state.next_id, int(document["next_object_id"]))
            state.marks = marks_from_json(document["marks"])
        elif "sampling" in document:
            take_sampling(state, document["sampling"])
        elif "vocabulary" in document:
            state.put_vocabulary(words(document["vocabulary"]))
        elif "gone" in document:
            number = int(document["gone"])
            state.drop_object(number)
            self._orphans.pop(number, None)
            self._gone.add(number)
        elif "object" in document:
            item = object_from_json(document["object"])
            if item.object_id < 1:
                raise ValueError("no object has this number")
            state.put_object(item)
            self._gone.discard(item.object_id)
            self._adopt(item.object_id, self._orphans.pop(item.object_id, {}))
        else:
            self._apply_frame(document)

    def _apply_frame(self, document: Document) -> None:
        number, frame = (int(part) for part in document["frame"])
        if not 0 <= frame < self._state.frame_count or number < 1:
            raise ValueError("the video has no such frame")
        data = document["record"]
        record = None if data is None else record_from_json(data, self._root)
        if number in self._state.objects:
            self._state.put_frame(number, frame, record)
        elif record is not None and number not in self._gone:
            self._orphans.setdefault(number, {})[frame] = record

    def _adopt(self, number: int, frames: dict[int, FrameRecord]) -> None:
        for frame, record in frames.items():
            self._state.put_frame(number, frame, record)


def _parse(line: bytes) -> Document | None:
    """Read a line; None if it is damaged."""
    check, _, text = line.partition(b" ")
    try:
        if int(check, 16) != zlib.crc32(text):
            return None
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _end_of_whole_batches(documents: list[Document | None]) -> int:
    """Give the number of lines before the last batch, if that is torn; of all, if it is not."""
    for position in reversed(range(len(documents))):
        document = documents[position]
        if document is not None and "batch" in document:
            complete = len(documents) - position - 1 >= int(document["batch"])
            return len(documents) if complete else position
    return len(documents)
