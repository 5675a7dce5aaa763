from __future__ import annotations

import threading

import pytest

from napari_tavis.widgets.correction.latest_job import LatestJob


@pytest.fixture
def jobs(qapp):
    jobs = LatestJob()
    yield jobs
    jobs.close()


def test_only_the_last_of_those_that_wait_is_run(qtbot, jobs: LatestJob) -> None:
    go, done, ended = threading.Event(), [], []

    def first(task) -> str:
        go.wait(10)
        task.check()
        return "first"

    jobs.ask(first, done.append, ended.append)
    jobs.ask(lambda task: "second", done.append)
    jobs.ask(lambda task: "third", done.append)
    go.set()
    qtbot.waitUntil(lambda: not jobs.busy and bool(done), timeout=60_000)
    assert done == ["third"]
    assert len(ended) == 1, "the first was cancelled"


def test_what_is_forgotten_never_begins(qtbot, jobs: LatestJob) -> None:
    go, done, ended = threading.Event(), [], []

    def first(task) -> None:
        go.wait(10)
        task.check()

    jobs.ask(first, done.append, ended.append)
    jobs.ask(lambda task: "second", done.append)
    jobs.forget()
    go.set()
    qtbot.waitUntil(lambda: not jobs.busy, timeout=60_000)
    assert (done, len(ended)) == ([], 1)
