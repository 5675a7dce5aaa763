"""Cancelling, and the error that says so."""

from __future__ import annotations

import pytest

from napari_tavis.core.errors import TavisError
from napari_tavis.core.tasks import Cancelled, CancelToken, no_progress


def test_a_fresh_token_lets_work_go_on() -> None:
    token = CancelToken()
    token.check()
    assert not token.cancelled


def test_a_cancelled_token_stops_work_at_every_check() -> None:
    token = CancelToken()
    token.cancel()
    assert token.cancelled
    for _ in range(2):
        with pytest.raises(Cancelled):
            token.check()


def test_cancelling_is_an_error_for_the_user() -> None:
    assert issubclass(Cancelled, TavisError)
    assert str(Cancelled()) == "Cancelled."


def test_no_progress_takes_any_report() -> None:
    no_progress(0, 10, "frames")
