"""A small video file and the proposals for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.proposals import Proposal, Proposals

SIZE = (24, 40)


def box(top: int, left: int, height: int = 8, width: int = 10) -> Mask:
    mask = np.zeros(SIZE, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def make_proposals(*objects: Proposal, indices: tuple[int, ...] = (28, 58, 88)) -> Proposals:
    return Proposals(
        frame_indices=np.array(indices),
        frame_times=np.array(indices) / 29.97,
        frame_size=SIZE,
        objects=list(objects),
        model_name="toy",
        vocabulary=("dog", "bell", "Theremin"),
        frame_count=150,
    )


def dog(left: int = 2, frames: tuple[int, ...] = (28, 58, 88)) -> Proposal:
    masks = {frame: box(4, left + number) for number, frame in enumerate(frames)}
    return Proposal("dog", 0.75, masks, dict.fromkeys(frames, 0.75))


def scene() -> Proposal:
    return Proposal("scene", 0.5, {28: box(0, 0, 20, 30)}, {28: 0.5}, kind="scene")


def reopened(path: Path) -> AnnotationSession:
    """Look at what is on the disk, whoever has the session open."""
    return AnnotationSession.open(path, read_only=True)


def path_of(video: Path) -> Path:
    return video.with_name(f"{video.name}.tavis")


def rows(video: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    """Ask the file of a video's session something."""
    with closing(sqlite3.connect(path_of(video), isolation_level=None)) as connection:
        return connection.execute(query, values).fetchall()


def change(video: Path, *statements: str) -> None:
    """Change the file of a video's session behind its back."""
    with closing(sqlite3.connect(path_of(video), isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def write_protected(path: Path) -> Iterator[None]:
    """Let nobody write to a file, whoever runs the tests: even root cannot, if it is a link."""
    away = path.with_name("kept away")
    path.rename(away)
    path.symlink_to(away)
    try:
        yield
    finally:
        path.unlink()
        away.rename(path)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * 20_000)
    return path


@pytest.fixture
def session(video: Path) -> AnnotationSession:
    bell = Proposal("bell", 0.6, {28: box(10, 25)}, {28: 0.6})
    return AnnotationSession.create(video, make_proposals(dog(), bell, scene()))
