"""Folders of small files that stand for videos, and sessions of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.annotation.masks import Mask
from napari_tavis.annotation.proposals import Proposal, Proposals

SIZE = (24, 40)
FRAMES = (5, 15, 25)


def box(left: int, width: int = 10) -> Mask:
    """A mask of 8 rows, from a column on."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[4:12, left : left + width] = True
    return mask


def proposals(objects: Mapping[str, Mask] | None = None) -> Proposals:
    """Objects by class, each with one mask in all three sampled frames."""
    found = {"dog": box(2), "bell": box(25)} if objects is None else objects
    return Proposals(
        frame_indices=np.array(FRAMES),
        frame_times=np.array(FRAMES) / 10,
        frame_size=SIZE,
        objects=[
            Proposal(name, 0.75, dict.fromkeys(FRAMES, mask), dict.fromkeys(FRAMES, 0.75))
            for name, mask in found.items()
        ],
        model_name="toy",
        vocabulary=("dog", "bell", "drum"),
        frame_count=30,
    )


def make_video(path: Path, content: str | None = None) -> Path:
    """Make a file that is a video by its name; the same content has the same fingerprint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or path.name)
    return path


def make_session(
    video: Path,
    change: Callable[[AnnotationSession], object] = lambda session: None,
    objects: Mapping[str, Mask] | None = None,
) -> Path:
    """Make a saved session of a video, changed as asked for, and give its file."""
    session = AnnotationSession.create(video, proposals(objects))
    change(session)
    session.save()
    session.close()
    return session.path


def spoil(path: Path) -> None:
    """Make a session unreadable, as if a version to come had written it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=99")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three videos, counted as a person counts, and what is none."""
    for name in ("clip10.mp4", "clip2.mp4", "Clip1.MOV"):
        make_video(tmp_path / "videos" / name)
    (tmp_path / "videos" / "notes.txt").write_text("nothing")
    return tmp_path / "videos"
