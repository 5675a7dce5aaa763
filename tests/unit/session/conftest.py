"""A small video file and the proposals for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_tavis.inference import Mask, Proposal, Proposals
from napari_tavis.session import AnnotationSession

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


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * 20_000)
    return path


@pytest.fixture
def session(video: Path) -> AnnotationSession:
    bell = Proposal("bell", 0.6, {28: box(10, 25)}, {28: 0.6})
    return AnnotationSession.create(video, make_proposals(dog(), bell, scene()))
