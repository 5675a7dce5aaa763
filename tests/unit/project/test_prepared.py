"""Sessions made in advance appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

from napari_tavis.annotation import AnnotationSession, default_path, find_session
from napari_tavis.project.listing import session_files
from napari_tavis.project.prepared import prepare_session, publish_session, staging_path

from .conftest import box, make_session, proposals


def test_a_prepared_session_is_seen_once_it_is_published(folder: Path) -> None:
    video = folder / "clip2.mp4"
    staging = prepare_session(video, proposals())
    assert find_session(video) is None
    assert session_files(folder) == []
    assert publish_session(video, staging)
    assert not staging.exists()
    session = AnnotationSession.open(video)
    assert not session.warnings
    assert not session.read_only
    assert [item.class_name for item in session.objects] == ["dog", "bell"]
    session.close()


def test_what_somebody_has_begun_meanwhile_stays(folder: Path) -> None:
    video = folder / "clip2.mp4"
    staging = prepare_session(video, proposals())
    make_session(video, lambda session: session.set_mask(1, 5, box(7)))
    assert not publish_session(video, staging)
    assert not staging.exists()
    session = AnnotationSession.open(default_path(video), read_only=True)
    assert (session.mask(1, 5) == box(7)).all()


def test_what_a_killed_run_has_left_is_replaced(folder: Path) -> None:
    video = folder / "clip2.mp4"
    staging = staging_path(video)
    staging.write_text("half a sess")
    staging.with_name(f"{staging.name}-journal").write_text("half a journal")
    assert publish_session(video, prepare_session(video, proposals()))
    assert AnnotationSession.open(video, read_only=True).objects
