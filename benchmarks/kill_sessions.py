"""Kill a process that paints, undoes, merges, follows and segments, and look for what is lost.

    python benchmarks/kill_sessions.py [--kills 1000] [--seed 0]

The process works on one session, with masks that repeat as well as random ones, and says before
and after each save what the session holds. It is killed at random moments; what is on the disk
then must be what was acknowledged last, or what was just being saved. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import select
import signal
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from napari_tavis.annotation import AnnotationSession, holds_session
from napari_tavis.annotation.proposals import Proposal, Proposals

SIZE = (24, 40)
FRAMES = 60


def content(session: AnnotationSession) -> str:
    """Give a word for all that a session holds."""
    facts = [
        session.vocabulary,
        session.frame_indices.tolist(),
        [
            (
                item.object_id,
                item.class_name,
                str(item.state),
                item.threshold,
                [
                    (frame, str(status), session.mask(item.object_id, frame).tobytes().hex())
                    for frame, status in session.statuses(item.object_id).items()
                ],
            )
            for item in session.objects
        ],
        session.undo_label,
        session.redo_label,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def mask(dice: random.Random) -> np.ndarray:
    """Draw a mask: one of three that come again and again, or one that never was."""
    if dice.random() < 0.5:
        found = np.zeros(SIZE, dtype=bool)
        found[4:12, 5 * dice.randrange(1, 4) :][:, :10] = True
        return found
    return np.random.default_rng(dice.getrandbits(32)).random(SIZE) < 0.5


def proposals(dice: random.Random) -> Proposals:
    """Propose two objects and the scene in some frames."""
    frames = sorted(dice.sample(range(FRAMES), 6))
    names = (("dog", "object"), (dice.choice(["bell", "drum"]), "object"), ("scene", "scene"))
    objects = [
        Proposal(name, 0.5, {frame: mask(dice) for frame in frames}, kind=kind)  # type: ignore[arg-type]
        for name, kind in names
    ]
    times = np.array(frames) / 10
    return Proposals(np.array(frames), times, SIZE, objects, "toy", (), frame_count=FRAMES)


def act(session: AnnotationSession, dice: random.Random) -> None:
    """Do something that a person does."""
    objects = [item.object_id for item in session.objects if item.kind == "object"]
    what = dice.choice(
        ["paint"] * 4 + ["undo"] * 3 + ["redo", "accept", "follow", "add", "segment", "rename"]
        + ["merge", "split", "delete", "threshold", "mark"]
    )  # fmt: skip
    if what == "segment" or not objects:
        session.replace_proposals(proposals(dice), replace_edits=dice.random() < 0.2)
        return
    one = dice.choice(objects)
    frames = session.annotated_frames(one)
    if what == "paint":
        session.set_mask(one, dice.randrange(FRAMES), mask(dice))
    elif what in ("undo", "redo"):
        for _ in range(dice.randrange(1, 6)):
            session.undo() if what == "undo" else session.redo()
    elif what == "accept":
        session.accept(one)
    elif what == "follow":
        start = dice.randrange(FRAMES - 20)
        session.propose_masks(one, {start + at: mask(dice) for at in range(20)})
    elif what == "add" and len(objects) < 6:
        session.add_object(dice.choice(["cat", "dog", "bell"]))
    elif what == "rename":
        session.rename(one, dice.choice(["cat", "dog", "theremin"]))
    elif what == "merge" and len(objects) > 1:
        session.merge(*dice.sample(objects, 2))
    elif what == "split" and len(frames) > 1:
        session.split(one, dice.choice(frames[1:]))
    elif what == "delete" and len(objects) > 2:
        session.remove_object(one)
    elif what == "threshold":
        session.set_threshold(one, dice.random())
    elif what == "mark":
        session.set_done(dice.random() < 0.5)


def work(video: Path, seed: int, told: int) -> None:
    """Work until killed; now and then close and open again, as a person does."""
    dice = random.Random(seed)
    if holds_session(AnnotationSession.default_path(video)):
        session = AnnotationSession.open(video)
    else:
        session = AnnotationSession.create(video, proposals(dice))
    while True:
        assert not session.read_only, session.warnings
        for _ in range(dice.choice([1, 1, 1, 5])):
            act(session, dice)
        os.write(told, f"saving {content(session)}\n".encode())
        session.save()
        os.write(told, b"saved\n")
        if dice.random() < 0.1:
            session.close()
            session = AnnotationSession.open(video)


class Killer:
    """Kills a person at work again and again, and holds what is left against what they said.

    Parameters
    ----------
    folder : Path
        Where the video lies.
    seed : int
        Of the chance.

    Attributes
    ----------
    acknowledged : int
        How many saves were said to be done.
    torn : int
        How many kills came between the beginning and the end of a save.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.acknowledged = self.torn = 0
        self._dice = random.Random(seed)
        self._video = folder / "clip.mp4"
        self._video.write_bytes(bytes(range(256)) * 8000)
        self._path = AnnotationSession.default_path(self._video)
        self._last: str | None = None

    def round(self) -> None:
        """Let the person work for a moment, kill them, and check what is on the disk."""
        if self._dice.random() < 0.02:  # a new session now and then
            self._path.unlink(missing_ok=True)
            self._last = None
        text = self._kill_at_work()
        may_be = [self._last]
        saves = 0
        for line in text.split(b"\n")[:-1]:
            word, *rest = line.decode().split()
            if word == "saving":
                may_be.append(rest[0])
            elif word == "saved":
                may_be = may_be[-1:]
                saves += 1
        self.acknowledged += saves
        self.torn += len(may_be) > 1
        if not holds_session(self._path):
            assert may_be[0] is None, "an acknowledged session is gone"
            self._last = None
            return
        session = AnnotationSession.open(self._video)
        assert not session.read_only, session.warnings
        assert session.warnings == [], session.warnings
        self._last = content(session)
        session.close()
        assert self._last in may_be, "an acknowledged save is lost"

    def _kill_at_work(self) -> bytes:
        """Give all that the person said."""
        ours, theirs = os.pipe()
        seed = self._dice.getrandbits(31)
        number = os.fork()
        if not number:
            os.close(ours)
            status = 1
            try:
                work(self._video, seed, theirs)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(theirs)
        text = os.read(ours, 1 << 16)  # until they have begun
        assert text, "the person left by an error of their own"
        until = time.monotonic() + self._dice.expovariate(8)
        while (left := until - time.monotonic()) > 0:
            if select.select([ours], [], [], left)[0]:
                data = os.read(ours, 1 << 16)
                if not data:
                    raise AssertionError("the person left by an error of their own")
                text += data
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        while data := os.read(ours, 1 << 16):
            text += data
        os.close(ours)
        return text


def main() -> None:
    """Kill as often as asked for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killer = Killer(Path(folder), options.seed)
        for _ in range(options.kills):
            killer.round()
    print(
        f"{options.kills} kills, {killer.torn} of them during a save: all of {killer.acknowledged} "
        f"acknowledged saves are there."
    )


if __name__ == "__main__":
    main()
