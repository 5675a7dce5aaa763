"""The engine of this process: one model, one video, one place for encoded frames."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.annotation.prompts import Prompts
from napari_tavis.core.errors import CheckpointError, InferenceError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.engine import Engine, EngineOptions, LocalEngine
from napari_tavis.model import TAViS, save_checkpoint

TOY = EngineOptions(device="cpu", vocabulary=("dog", "bell"))
CLICK = Prompts(points=((40.0, 20.0),), labels=(True,))


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    engine = LocalEngine()
    yield engine
    engine.close()


def ready(engine: LocalEngine, frames: range) -> list[int]:
    """The frames in which a click is answered at once."""
    encoder = engine._encoder
    assert encoder is not None
    return [frame for frame in frames if encoder.is_ready(frame)]


def test_it_is_an_engine_that_begins_without_torch() -> None:
    _engine: Engine = LocalEngine()
    code = "import sys; from napari_tavis.engine import LocalEngine; LocalEngine(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frames_that_were_segmented_are_ready_for_clicks(engine: LocalEngine, short: Path) -> None:
    found = engine.segment(short, TOY, keep=True)
    sampled = found.frame_indices.tolist()
    engine.prompt(short, sampled[0], CLICK, TOY)
    assert ready(engine, range(50)) == sampled
    before = engine._encoder
    other_rate = EngineOptions(device="cpu", fps=3)
    engine.prompt(short, sampled[0], CLICK, other_rate, sampled=sampled)
    assert engine._encoder is not before
    assert ready(engine, range(50)) == sampled
    after = engine._encoder
    engine.prompt(short, sampled[0], CLICK, TOY, sampled=sampled)
    assert engine._encoder is after


def test_what_is_segmented_ahead_leaves_no_frames_behind(engine: LocalEngine, short: Path) -> None:
    engine.segment(short, TOY)
    assert engine._cache is None


def test_frames_are_made_ready_ahead(engine: LocalEngine, short: Path) -> None:
    told: list[str] = []
    engine.prepare(short, [7, 3], TOY, task=Task(lambda done, total, what: told.append(what)))
    assert told == ["loading the model", "getting this frame ready", ""]
    assert ready(engine, range(50)) == [3, 7]


def test_clicks_and_following_share_what_is_encoded(engine: LocalEngine, short: Path) -> None:
    found = engine.prompt(short, 7, CLICK, TOY)
    assert found.mask.shape == (90, 122)
    disc = np.zeros((90, 122), dtype=bool)
    disc[30:60, 10:40] = True
    frames = [frame for frame, _, _ in engine.follow(short, {7: disc}, [8, 9], TOY)]
    assert frames == [8, 9]
    assert ready(engine, range(50)) == [7, 8, 9]


def test_another_model_finds_the_memory_of_the_one_before(
    engine: LocalEngine, short: Path, tmp_path: Path
) -> None:
    engine.prompt(short, 0, CLICK, TOY)
    assert engine._model is not None
    before = weakref.ref(engine._model)
    other = save_checkpoint(TAViS.from_preset("toy"), tmp_path / "other.safetensors")
    engine.load(EngineOptions(model=other, device="cpu"))
    gc.collect()
    assert before() is None
    assert engine._cache is not None
    assert engine._cache.nbytes == 0


def test_a_model_is_loaded_anew_when_its_file_has_changed(
    engine: LocalEngine, tmp_path: Path
) -> None:
    file = save_checkpoint(TAViS.from_preset("toy"), tmp_path / "mine.safetensors")
    options = EngineOptions(model=file, device="cpu")
    engine.load(options)
    first = engine._model
    engine.load(options)
    assert engine._model is first
    save_checkpoint(TAViS.from_preset("toy"), file)
    engine.load(options)
    assert engine._model is not first


def test_a_released_video_is_let_go_of(engine: LocalEngine, short: Path) -> None:
    engine.prompt(short, 0, CLICK, TOY)
    engine.release()
    assert engine._encoder is None
    assert engine.prompt(short, 0, CLICK, TOY).mask.shape == (90, 122)


def test_cancelled_work_ends_before_it_begins(engine: LocalEngine, short: Path) -> None:
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        engine.prompt(short, 0, CLICK, TOY, task=task)
    with pytest.raises(Cancelled):
        engine.segment(short, TOY, task=task)


def test_unknown_models_and_devices_are_said(engine: LocalEngine) -> None:
    with pytest.raises(CheckpointError, match="no model file"):
        engine.load(EngineOptions(model="missing", device="cpu"))
    with pytest.raises(InferenceError, match="no device 'tpu'"):
        engine.load(EngineOptions(device="tpu"))
