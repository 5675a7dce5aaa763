"""A short video with a tone, and sessions of it with objects of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.proposals import Proposal, Proposals
from napari_tavis.media import Clip, open_clip, write_video

SIZE = (48, 64)
RATE = 10
SAMPLED = (9, 19, 29, 39, 49)
MakeSession = Callable[..., AnnotationSession]


def square(frame: int, row: int) -> np.ndarray:
    """A square that moves right, bool ``[H, W]``."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[row : row + 12, frame % 40 : frame % 40 + 16] = True
    return mask


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write five seconds, each frame of another brightness, with a tone."""
    frames = (np.full((*SIZE, 3), 20 + 4 * n, dtype=np.uint8) for n in range(5 * RATE))
    time = np.arange(5 * 16_000) / 16_000
    tone = (0.4 * np.sin(2 * np.pi * 500 * time)).astype(np.float32)
    return write_video(tmp_path_factory.mktemp("formats") / "Old street.mp4", frames, RATE, tone)


@pytest.fixture
def clip(video: Path) -> Iterator[Clip]:
    with open_clip(video) as clip:
        yield clip


@pytest.fixture
def make_session(video: Path, tmp_path: Path) -> MakeSession:
    """Give a function that makes a session: objects, then one rejected and one background."""

    def make(
        classes: Sequence[str] = ("dog", "church bell"),
        name: str = "s",
        frames: Sequence[int] = SAMPLED,
        accepted: bool = True,
    ) -> AnnotationSession:
        objects = [
            Proposal(
                class_name,
                0.9 - place / 10,
                {frame: square(frame, 2 + 14 * place) for frame in frames},
                dict.fromkeys(frames, 0.9 - place / 10),
            )
            for place, class_name in enumerate((*classes, "wind"))
        ]
        masks = {frame: square(frame, 36) for frame in frames}
        objects.append(Proposal("background", 0.3, masks, kind="background"))
        with open_clip(video) as clip:
            times = clip.times
        proposals = Proposals(frames, times[list(frames)], SIZE, objects, frame_count=len(times))
        session = AnnotationSession.create(video, proposals, path=tmp_path / f"{name}.mp4.tavis")
        session.reject(session.objects[len(classes)].object_id)
        if accepted:
            session.accept()
        return session

    return make


def tree_of(root: Path) -> dict[str, bytes]:
    """Give all files under a folder with their content, the lock aside."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".avsbench.lock"
    }
