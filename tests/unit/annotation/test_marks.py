from __future__ import annotations

from pathlib import Path

from napari_tavis.annotation import AnnotationSession, ExportNote, SessionChange

from .conftest import box, reopened


def test_done_and_the_time_worked_are_kept(session: AnnotationSession, video: Path) -> None:
    assert not session.done
    session.save()
    session.set_done(True)
    session.add_work(12.5)
    session.add_work(30)
    assert session.dirty
    session.save()
    again = reopened(video)
    assert again.done
    assert again.worked_seconds == 42.5
    session.set_done(False)
    session.save()
    assert not reopened(video).done


def test_an_export_is_stale_after_a_change(session: AnnotationSession, video: Path) -> None:
    session.note_export(Path("data"), "avsbench-v2", "clip_0")
    session.note_export("coco", "coco", "clip")
    assert session.exports == (
        ExportNote("data", "avsbench-v2", "clip_0", False),
        ExportNote("coco", "coco", "clip", False),
    )
    session.save()
    session.set_mask(1, 28, box(0, 0))
    assert [note.stale for note in session.exports] == [True, True]
    session.note_export("data", "avsbench-v2", "clip_0")
    session.add_work(3)
    session.save()
    assert reopened(video).exports == (
        ExportNote("coco", "coco", "clip", True),
        ExportNote("data", "avsbench-v2", "clip_0", False),
    )


def test_marks_are_no_steps(session: AnnotationSession) -> None:
    heard: list[SessionChange] = []
    session.changed.connect(heard.append)
    session.set_done(True)
    session.add_work(1)
    session.note_export("data", "coco", "clip")
    assert session.undo() is None
    assert heard == [SessionChange("marked")] * 3
