"""Cancelling, and the error that says so."""

from __future__ import annotations

import threading

import pytest

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task


def test_a_fresh_task_lets_work_go_on() -> None:
    task = Task()
    task.report(0, 10, "frames")
    task.check()
    assert not task.cancelled


def test_a_cancelled_task_stops_work_at_every_check() -> None:
    task = Task()
    task.cancel()
    assert task.cancelled
    for _ in range(2):
        with pytest.raises(Cancelled):
            task.check()


def test_cancelling_is_an_error_for_the_user() -> None:
    assert issubclass(Cancelled, TavisError)
    assert str(Cancelled()) == "Cancelled."


def test_a_part_is_cancelled_with_the_whole_and_reports_by_itself() -> None:
    told: list[tuple[str, int]] = []
    whole = Task(lambda done, total, what: told.append(("whole", done)))
    part = whole.part(lambda done, total, what: told.append(("part", done)))
    whole.report(1, 2, "frames")
    part.report(2, 2, "frames")
    assert told == [("whole", 1), ("part", 2)]
    part.check()
    whole.cancel()
    with pytest.raises(Cancelled):
        part.check()


def test_paused_work_waits_and_can_be_cancelled() -> None:
    task = Task()
    task.pause()
    steps: list[str] = []

    def work() -> None:
        try:
            task.check()
            steps.append("went on")
            task.pause()
            task.check()
        except Cancelled:
            steps.append("cancelled")

    thread = threading.Thread(target=work)
    thread.start()
    assert not steps
    task.resume()
    while not steps:
        thread.join(0.01)
    task.cancel()
    thread.join(10)
    assert steps == ["went on", "cancelled"]
    with pytest.raises(Cancelled):
        task.check()
