"""An export of any format that is killed leaves the old dataset or the new one."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation import AnnotationSession
from napari_tavis.core.home import HOME_VARIABLE
from napari_tavis.datasets.transaction import STAGING_PREFIX, tree_lock
from napari_tavis.exchange.exporting import export
from napari_tavis.exchange.format import ExportRequest

from .conftest import SIZE, MakeSession, tree_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

FORMATS = {
    "s4": {"subset": "s4"},
    "v1m": {"subset": "v1m"},
    "coco": {"format": "coco"},
    "davis": {"format": "davis"},
    "youtube-vos": {"format": "youtube-vos"},
    "overlay": {"format": "overlay"},
}


def content(root: Path) -> dict[str, bytes]:
    """Give all files; of tensors without the address in memory that torch writes into them."""
    return {
        name: re.sub(rb"\d{10,20}", b"", data) if name.endswith(".pkl") else data
        for name, data in tree_of(root).items()
    }


class Replaced:
    """A dataset, and an export that replaces its video in another split and is killed.

    What it takes is told in ``seconds``.
    """

    def __init__(self, session: AnnotationSession, root: Path, choices: dict[str, str]) -> None:
        self.session, self.root = session, root
        mapping = {"church bell": "bell"}
        first = ExportRequest(root, split="train", mapping=mapping, **choices)  # type: ignore[arg-type]
        export(session, first)
        session.set_mask(1, 9, np.ones(SIZE, dtype=bool))
        self.request = replace(first, split="val", overwrite=True)
        self.kept = root.with_name("kept")
        shutil.copytree(root, self.kept)
        self.old = content(root)
        begin = time.monotonic()
        export(session, self.request)
        self.seconds = time.monotonic() - begin
        self.new = content(root)
        assert self.old != self.new

    def export(self) -> None:
        """Do the export that is killed."""
        export(self.session, self.request)

    def restore(self) -> None:
        """Go back to the old dataset."""
        shutil.rmtree(self.root)
        shutil.copytree(self.kept, self.root)

    def check(self, home: Path) -> None:
        """Begin another export, and see what there is then."""
        tree = next((path for path in self.root.glob("Single-source")), self.root)
        with tree_lock(tree):
            found = content(self.root)
        assert found in (self.old, self.new)
        assert not list(self.root.rglob(f"{STAGING_PREFIX}*"))
        assert list((home / "exports").glob("*.json")) == []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", FORMATS)
def test_wherever_it_is_killed_among_its_moves(
    make_session: MakeSession,
    tmp_path: Path,
    home: Path,
    killed: Callable[[Callable[[], object], int], bool],
    name: str,
) -> None:
    replaced = Replaced(make_session(), tmp_path / "data", FORMATS[name])

    moves = random.Random(name).sample(range(2, 7), 2)
    for count in (0, *moves):
        replaced.restore()
        killed(replaced.export, count)
        replaced.check(home)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_wherever_it_is_killed_in_time(
    make_session: MakeSession,
    tmp_path: Path,
    home: Path,
    killed: Callable[[Callable[[], object], int], bool],
    name: str,
) -> None:
    replaced = Replaced(make_session(), tmp_path / "data", FORMATS[name])
    draw = random.Random(name)
    count = 0
    for _ in range(40):

        def work(seconds: float = draw.uniform(0.0, 1.1 * replaced.seconds)) -> None:
            alarm = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
            alarm.daemon = True
            alarm.start()
            replaced.export()

        replaced.restore()
        count += killed(work, 10**6)
        replaced.check(home)
    assert count > 5
