"""Learning in a process of its own: what comes back, and how it ends."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from napari_tavis.cli import main
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.lab.improvement.process import improve_in_process
from napari_tavis.lab.improvement.request import Improvement, ImprovementRequest
from napari_tavis.weights.store import Store

QUICK = (
    "epochs=2",
    "model.image_size=64",
    "optimizer.learning_rate=1e-3",
    "optimizer.warm_up=0",
    "loss.i2t=false",
    "device=cpu",
)


@pytest.fixture
def request_(corrected: Path, store: Store) -> ImprovementRequest:
    return ImprovementRequest((str(corrected),), "toy", "mine", QUICK)


@pytest.mark.slow
def test_nothing_is_installed_where_nothing_got_better(
    request_: ImprovementRequest, store: Store
) -> None:
    idle = replace(request_, settings=(*QUICK, "epochs=1", "optimizer.learning_rate=0"))
    found = improve_in_process(idle)
    assert found.name == ""
    assert found.after == found.before
    assert "did not get better" in str(found)
    assert (found.learned_from, found.held_out) == (4, 1)
    assert [Path(path).name for path in found.pictures] == ["epoch-000.png"]
    assert Improvement.from_json(found.to_json()) == found
    assert store.cards() == []


def test_cancelling_ends_the_process_and_leaves_nothing(
    request_: ImprovementRequest, store: Store
) -> None:
    began: list[float] = []

    def stop_at_first_step(done: int, total: int, what: str) -> None:
        if what.startswith("epoch"):
            began.append(time.monotonic())
            task.cancel()

    task = Task(stop_at_first_step)

    endless = replace(request_, settings=(*QUICK, "epochs=10000"))
    with pytest.raises(Cancelled):
        improve_in_process(endless, task)
    assert began
    assert store.cards() == []
    assert not list(store.home.glob(".improving-*"))


def test_the_command_line_says_what_is_missing(
    corrected: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    session = next(corrected.glob("*.tavis"))
    with pytest.raises(SystemExit) as end:
        main(["improve", str(session), "--name", "mine"])
    assert end.value.code == 2
    assert "1 clips of five seconds are accepted" in capsys.readouterr().err
    assert store.cards() == []
