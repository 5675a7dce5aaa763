"""What tests of several packages share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def killed() -> Callable[[Callable[[], object], int], bool]:
    """Give a function that does work in a child process which kills itself at a step.

    A step is a move, or the waiting for a file to reach the disk. Called with the work and the
    number of the step, it says whether the child lived to be killed.
    """

    def run(work: Callable[[], object], at: int) -> bool:
        child = os.fork()
        if child == 0:
            try:
                _die_at_step(at)
                work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)

    return run


def _die_at_step(at: int) -> None:
    done = 0

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any) -> Any:
            nonlocal done
            done += 1
            if done > at:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments)

        return stepped

    os.replace = counted(os.replace)
    os.fsync = counted(os.fsync)
