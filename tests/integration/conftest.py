"""What several workflows begin with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of 5.9 GB as the authors' is, for slow tests; it goes at the end."""
    path = tmp_path_factory.mktemp("release") / "release.pth"
    script = Path(__file__).with_name("write_release.py")
    subprocess.run([sys.executable, script, path], check=True)
    yield path
    path.unlink()
