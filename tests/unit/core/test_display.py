"""Whether a window can be opened is found out without opening one in this process."""

from __future__ import annotations

import sys

import pytest

from napari_tavis.core.display import display_problem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a display is a given")


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert display_problem() == "there is no display"


def test_a_display_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    problem = display_problem()
    assert problem is not None
    assert problem.startswith("Qt cannot open a window")


@pytest.mark.gui
def test_a_display_that_works() -> None:
    assert display_problem() is None
