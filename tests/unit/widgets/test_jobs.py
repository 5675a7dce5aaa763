from __future__ import annotations

import threading

import pytest
from napari.utils.notifications import notification_manager

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.widgets.jobs import JobRunner, TimeLeft, describe_progress, report_error

pytestmark = pytest.mark.gui


@pytest.fixture
def jobs(qapp) -> JobRunner:
    return JobRunner()


def test_work_runs_in_another_thread_and_its_result_comes_back_in_this_one(
    qtbot, jobs: JobRunner
) -> None:
    came: list[tuple[int, threading.Thread]] = []
    progress: list[tuple[int, int, str]] = []
    jobs.progressed.connect(lambda *report: progress.append(report))

    def work(task: Task) -> threading.Thread:
        task.report(1, 2, "counting")
        return threading.current_thread()

    with qtbot.waitSignal(jobs.busy_changed, check_params_cb=lambda busy: not busy, timeout=60_000):
        jobs.start(work, lambda result: came.append((result, threading.current_thread())))
        assert jobs.busy
    assert not jobs.busy
    ((worker, receiver),) = came
    assert worker is not receiver
    assert receiver is threading.main_thread()
    assert progress == [(1, 2, "counting")]


def test_one_job_at_a_time(qtbot, jobs: JobRunner) -> None:
    go = threading.Event()
    jobs.start(lambda task: go.wait(), lambda result: None)
    with pytest.raises(RuntimeError):
        jobs.start(lambda task: None, lambda result: None)
    go.set()
    qtbot.waitUntil(lambda: not jobs.busy, timeout=60_000)


def test_a_cancelled_job_fails_with_cancelled(qtbot, jobs: JobRunner) -> None:
    started = threading.Event()
    errors: list[BaseException] = []

    def work(task: Task) -> None:
        started.set()
        idle = threading.Event()
        while not idle.wait(0.01):  # what waits in earnest leaves the window its time
            task.check()

    jobs.start(work, lambda result: errors.append(AssertionError()), errors.append)
    qtbot.waitUntil(started.is_set, timeout=60_000)
    jobs.cancel()
    qtbot.waitUntil(lambda: not jobs.busy, timeout=60_000)
    assert [type(error) for error in errors] == [Cancelled]


def test_closing_waits_for_the_job_and_drops_its_result(qtbot, jobs: JobRunner) -> None:
    started, ended = threading.Event(), threading.Event()
    came: list[object] = []

    def work(task: Task) -> str:
        started.set()
        while not task.cancelled:
            task.report(0, 1, "waiting")
        ended.set()
        return "too late"

    jobs.start(work, came.append, came.append)
    qtbot.waitUntil(started.is_set, timeout=60_000)
    jobs.close()
    assert ended.is_set()
    qtbot.wait(50)
    assert came == []


def test_a_result_that_comes_too_late_can_be_let_go_of(qtbot, jobs: JobRunner) -> None:
    came: list[object] = []
    dropped: list[str] = []
    given = threading.Event()

    def work(task: Task) -> str:
        given.set()
        return "a file"

    jobs.start(work, came.append, came.append, on_dropped=dropped.append)
    assert given.wait(60)
    jobs.close()
    assert dropped == ["a file"]
    qtbot.wait(50)
    assert (came, dropped) == ([], ["a file"])


def test_closing_before_the_job_began_does_not_wait(qtbot, jobs: JobRunner) -> None:
    came: list[object] = []
    jobs.start(lambda task: came.append("ran"), came.append, came.append)
    jobs.close()
    qtbot.wait(100)
    assert came == []


def test_a_users_error_is_said_in_its_own_words(qtbot, jobs: JobRunner) -> None:
    def work(task: Task) -> None:
        raise TavisError("Choose another file.")

    jobs.start(work, lambda result: None)
    qtbot.waitUntil(lambda: not jobs.busy, timeout=60_000)
    assert notification_manager.records[-1].message == "Choose another file."


def test_being_cancelled_is_no_error_to_show() -> None:
    count = len(notification_manager.records)
    report_error(Cancelled())
    assert len(notification_manager.records) == count


def test_the_pace_so_far_tells_the_time_left() -> None:
    times = iter([0.0, 2.0, 6.0])
    left = TimeLeft(lambda: next(times))
    assert left.update(0, 10, "segmenting") is None
    assert left.update(1, 10, "segmenting") == pytest.approx(18.0)
    assert left.update(4, 10, "segmenting") == pytest.approx(9.0)


def test_another_kind_of_step_has_its_own_pace() -> None:
    times = iter([0.0, 1.0, 100.0, 101.0])
    left = TimeLeft(lambda: next(times))
    left.update(0, 10, "decoding")
    left.update(10, 10, "decoding")
    assert left.update(0, 5, "segmenting") is None
    assert left.update(1, 5, "segmenting") == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((0, 0, "loading the model", None), "Loading the model"),
        ((2, 5, "segmenting frames", None), "Segmenting frames · 2 of 5"),
        ((2, 5, "segmenting frames", 12.4), "Segmenting frames · 2 of 5 · about 12 s left"),
        ((2, 5, "segmenting frames", 200.0), "Segmenting frames · 2 of 5 · about 3 min left"),
        ((5, 5, "segmenting frames", 0.0), "Segmenting frames · 5 of 5"),
        ((0, 0, "", None), "Working"),
        ((120, 900, "downloading s4, MB", 5.0), "Downloading s4 · 120 of 900 MB · about 5 s left"),
    ],
)
def test_progress_in_one_line(arguments, line: str) -> None:
    assert describe_progress(*arguments) == line
