"""The command line, run in the tests' own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_tavis.cli import main


def run(*arguments: str | Path) -> int:
    """Run a command, and give its exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    assert isinstance(end.value.code, int)
    return end.value.code
