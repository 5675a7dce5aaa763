from __future__ import annotations

import pytest

from napari_tavis.widgets.soundtrack.time_axis import describe_time


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [
        (0.0, 2, "0:00.00"),
        (2.4, 2, "0:02.40"),
        (59.999, 2, "1:00.00"),
        (61.5, 1, "1:01.5"),
        (600.0, 0, "10:00"),
        (3599.5, 2, "59:59.50"),
        (3661.0, 0, "1:01:01"),
        (7200.0, 2, "2:00:00.00"),
        (-0.2, 0, "0:00"),
    ],
)
def test_times_are_written_as_minutes_and_seconds(seconds: float, decimals: int, text: str) -> None:
    assert describe_time(seconds, decimals) == text
