from __future__ import annotations

from napari.utils.notifications import notification_manager

from napari_tavis.widgets.listeners import Listeners, attempt


class Panel:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def take(self, first: int) -> None:
        self.seen.append(first)


def fail(*values: object) -> None:
    raise ValueError("a panel's trouble")


def last_problem() -> str:
    return notification_manager.records[-1].message


def test_one_that_fails_stops_neither_the_others_nor_who_tells() -> None:
    listeners, seen = Listeners(), []
    listeners.connect(fail)
    listeners.connect(lambda *values: seen.append(values))
    listeners.emit(1, "two")
    assert seen == [(1, "two")]
    assert "a panel's trouble" in last_problem()


def test_a_listener_gets_as_many_values_as_it_takes_and_goes_with_its_object() -> None:
    listeners, panel = Listeners(), Panel()
    listeners.connect(panel.take)
    listeners.emit(1, "two")
    seen = panel.seen
    del panel
    listeners.emit(2, "two")
    assert (seen, len(listeners)) == ([1], 0)


def test_who_disconnects_hears_no_more() -> None:
    listeners, panel = Listeners(), Panel()
    listeners.connect(panel.take)
    listeners.connect(fail)
    listeners.disconnect(fail)
    listeners.disconnect(panel.take)
    listeners.disconnect(panel.take)
    listeners.emit(1)
    assert panel.seen == []


def test_who_is_connected_meanwhile_hears_the_next_time() -> None:
    listeners, seen = Listeners(), []
    listeners.connect(lambda: listeners.connect(lambda: seen.append("later")))
    listeners.emit()
    assert seen == []
    listeners.emit()
    assert seen == ["later"]


def test_a_step_that_fails_is_reported() -> None:
    assert attempt(lambda: None)
    assert not attempt(fail)
    assert "a panel's trouble" in last_problem()
