"""A person who paints, undoes, merges, follows and segments in another process, until it is killed.

Run as a script with the path of a video, it goes on with its session for ever and says before and
after each save what the session holds; `Killer` kills it at random moments and looks at what is
left. ``benchmarks/kill_sessions.py`` does so a thousand times.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from napari_tavis.inference import Proposal, Proposals
from napari_tavis.session import AnnotationSession

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


def work(video: Path, seed: int) -> None:
    """Work until killed; now and then close and open again, as a person does."""
    dice = random.Random(seed)
    path = AnnotationSession.default_path(video)
    session = None
    if path.exists() and path.stat().st_size:
        session = AnnotationSession.open(video)
    if session is None:
        session = AnnotationSession.create(video, proposals(dice))
    assert not session.read_only, session.warnings
    print("ready", flush=True)
    while True:
        for _ in range(dice.choice([1, 1, 1, 5])):
            act(session, dice)
        print("saving", content(session), flush=True)
        session.save()
        print("saved", flush=True)
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
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.acknowledged = 0
        self._dice = random.Random(seed)
        self._video = folder / "clip.mp4"
        self._video.write_bytes(bytes(range(256)) * 8000)
        self._last: str | None = None

    def round(self) -> None:
        """Let the person work for a moment, kill them, and check what is on the disk."""
        command = [sys.executable, __file__, str(self._video), str(self._dice.getrandbits(31))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            until = time.monotonic() + self._dice.expovariate(3)
            text = b""
            while (left := until - time.monotonic()) > 0:
                if select.select([process.stdout], [], [], left)[0]:
                    data = os.read(process.stdout.fileno(), 1 << 16)
                    assert data, "the person left"
                    text += data
            process.kill()
            text += process.stdout.read()
        assert said[0] == b"ready\n", said
        may_be = [self._last]
        for line in text.split(b"\n")[:-1]:
            word, *rest = line.decode().split()
            if word == "saving":
                may_be.append(rest[0])
            elif word == "saved":
                may_be = may_be[-1:]
                self.acknowledged += 1
        path = AnnotationSession.default_path(self._video)
        if may_be[-1] is None or (may_be[0] is None and not _begun(path)):
            self._last = None
            return
        session = AnnotationSession.open(self._video)
        assert not session.read_only, session.warnings
        assert session.warnings == []
        self._last = content(session)
        assert self._last in may_be, "an acknowledged save is lost"
        session.close()


def _begun(path: Path) -> bool:
    try:
        AnnotationSession.open(path, read_only=True).close()
    except Exception:
        return False
    return True


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
