"""The quick start's set-up: what it refuses, and how it recovers from an unfinished run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the set-up needs of a clone, in a folder of its own."""
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "quickstart.py", clone / "scripts")
    shutil.copy(ROOT / "pyproject.toml", clone)
    return clone


def quickstart(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the quick start where pip finds no package at all, as without a network."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(
        [sys.executable, clone / "scripts" / "quickstart.py", *arguments],
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("arguments", [(), ("paint",)])
def test_wrong_usage_shows_the_usage(clone: Path, arguments: tuple[str, ...]) -> None:
    result = quickstart(clone, *arguments)
    assert result.returncode == 2
    assert "quickstart.py demo" in result.stderr
    assert not (clone / ".venv").exists()


def test_an_unfinished_environment_is_made_anew_and_no_network_is_said(clone: Path) -> None:
    leftover = clone / ".venv" / "leftover"
    leftover.parent.mkdir()
    leftover.touch()
    (clone / ".venv" / "napari-tavis-setup.json").write_text("{}")
    result = quickstart(clone, "test")
    assert result.returncode == 2
    assert "incomplete or broken" in result.stdout
    assert "could not install PyTorch" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not leftover.exists()


@pytest.mark.slow
def test_without_network_it_starts_anew_next_time(clone: Path) -> None:
    first = quickstart(clone, "demo")
    assert first.returncode == 2
    assert "Making a virtual environment" in first.stdout
    assert "could not install PyTorch" in first.stderr.splitlines()[-1]
    assert "Traceback" not in first.stderr

    leftover = clone / ".venv" / "leftover"
    leftover.touch()
    second = quickstart(clone, "test")
    assert second.returncode == 2
    assert "incomplete or broken" in second.stdout
    assert not leftover.exists()


def test_an_environment_of_the_user_is_left_alone(clone: Path) -> None:
    (clone / ".venv").mkdir()
    config = clone / ".venv" / "pyvenv.cfg"
    config.write_text("home = elsewhere\n")
    result = quickstart(clone, "demo")
    assert result.returncode == 2
    assert "was not made by this script" in result.stderr
    assert config.read_text() == "home = elsewhere\n"


def test_readme_has_the_two_commands() -> None:
    lines = [line.strip() for line in (ROOT / "README.md").read_text("utf-8").splitlines()]
    commands = [line for line in lines if "quickstart.py" in line]
    assert commands == [f"python3 scripts/quickstart.py {name}" for name in ("demo", "test")]
