"""What all tests share: small clips made by the toy world, and the rules for windows.

A test marked ``gui`` needs a napari window. Where none can be opened it is skipped with the
reason; with ``NAPARI_TAVIS_REQUIRE_GUI=1`` in the environment a skipped one counts as failed.

On a bare machine Qt's own libraries may be missing, so that not even the import works: the
tests then run without pytest-qt (hence ``-p no:pytest-qt`` in pyproject.toml) and without the
modules that import Qt.
"""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest

from napari_tavis.core.display import display_problem
from napari_tavis.core.home import HOME_VARIABLE

try:
    import qtpy.QtWidgets  # noqa: F401
except ImportError as error:
    QT_PROBLEM = str(error)
    pytest_plugins: list[str] = []
else:
    QT_PROBLEM = ""
    pytest_plugins = ["pytestqt.plugin"]

REQUIRE_GUI = "NAPARI_TAVIS_REQUIRE_GUI"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    if QT_PROBLEM and not os.environ.get(REQUIRE_GUI) and collection_path.name == "widgets":
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if QT_PROBLEM and not os.environ.get(REQUIRE_GUI) and "ImportError" in str(report.longrepr):
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 0, f"no napari window: {QT_PROBLEM}")
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    windows = [item for item in items if item.get_closest_marker("gui")]
    problem = display_problem() if windows else None
    if problem is not None:
        for item in windows:
            item.add_marker(pytest.mark.skip(reason=f"no napari window: {problem}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.get_closest_marker("gui") and os.environ.get(REQUIRE_GUI):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Generator[None, None, None]:
    """Keep torch to one thread, also in processes that tests start.

    The small models of the tests are slower with more, and a core is there for each worker.
    """
    import torch

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path, None, None]:
    """Leave the user's own data folder alone."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        yield home


@pytest.fixture(autouse=True)
def _own_home(_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty data folder: a session left in it would be found for its clip."""
    if os.environ[HOME_VARIABLE] == str(_home):  # a module may have set its own
        monkeypatch.setenv(HOME_VARIABLE, str(_home / uuid4().hex))


@pytest.fixture(scope="module", autouse=True)
def _frozen(_one_thread: None) -> None:
    """Keep what is imported out of the garbage collector's way.

    napari collects all garbage whenever a layer goes: half a second with torch in memory.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def toy_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy clip of 5 s with sound: H.264 and AAC, 224 x 224 pixels, 25 frames per second."""
    from napari_tavis.lab.toyworld import sample_scene, write_scene_video

    return write_scene_video(sample_scene(7), tmp_path_factory.mktemp("toy") / "toy.mp4")


@pytest.fixture(scope="session")
def silent_video(toy_video: Path) -> Path:
    """The same clip without a sound track."""
    from imageio_ffmpeg import get_ffmpeg_exe

    path = toy_video.with_name("silent.mp4")
    ffmpeg = [get_ffmpeg_exe(), "-v", "error", "-i", toy_video, "-an", "-c", "copy", path]
    subprocess.run(ffmpeg, check=True)
    return path
