from __future__ import annotations

from napari_tavis.widgets.controller import Activity


def test_time_between_actions_counts_and_breaks_do_not() -> None:
    times = iter([0.0, 10.0, 25.0, 500.0, 502.5])
    activity = Activity(pause=30.0, clock=lambda: next(times))
    for _ in range(5):
        activity.touch()
    assert activity.take() == 27.0
    assert activity.take() == 0.0


def test_parts_of_seconds_are_kept_for_later() -> None:
    times = iter([0.0, 0.6, 1.2])
    activity = Activity(clock=lambda: next(times))
    activity.touch()
    activity.touch()
    assert activity.take() == 0.0
    activity.touch()
    assert activity.take() == 1.0


def test_another_video_begins_anew() -> None:
    times = iter([0.0, 20.0, 25.0])
    activity = Activity(clock=lambda: next(times))
    activity.touch()
    activity.touch()
    activity.forget()
    activity.touch()
    assert activity.take() == 0.0
