"""What the benchmark says of the toy, and of random weights."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_tavis.cli import main
from napari_tavis.core.errors import BenchmarkError
from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.lab.benchmark import Options, Report, format_report, measure
from napari_tavis.lab.benchmark.counters import count_gflop
from napari_tavis.lab.benchmark.measure import write_random_checkpoint
from napari_tavis.model import TAViS, load_checkpoint, load_model
from napari_tavis.model.checkpoint import read_metadata

SMALL = Options(model="toy", image_size=64, device="cpu", frames=2, repeats=1)


@pytest.fixture(scope="module")
def report() -> Report:
    return measure(SMALL)


def test_parts_add_up_and_are_those_of_the_counter(report: Report) -> None:
    gflop = sum(cost.gflop for cost in report.parts.values())
    seconds = sum(cost.seconds for cost in report.parts.values())
    assert gflop == pytest.approx(report.total.gflop)
    assert seconds == pytest.approx(report.total.seconds)
    assert all(cost.seconds > 0 for cost in report.parts.values())
    toy = load_model("toy", image_size=64)
    counted = count_gflop(toy, torch.rand(1, 2, 3, 64, 64), torch.randn(1, 2, 1, 128, 204))
    assert report.parts["image encoder"].gflop == pytest.approx(counted["image encoder"])
    assert report.frames_per_second == pytest.approx(1 / report.total.seconds)
    assert report.load_seconds > 0


def test_memory_holds_at_least_the_weights(report: Report) -> None:
    toy = load_model("toy")
    assert report.weights_bytes == sum(value.nbytes for value in toy.state_dict().values())
    assert report.peak_bytes["device"] is None
    before, loading, host = (
        report.peak_bytes[name] for name in ("host_before", "host_loading", "host")
    )
    if before is not None and loading is not None and host is not None:
        assert loading >= before > 0
        assert host > report.weights_bytes


def test_another_layout_costs_the_same_operations(report: Report) -> None:
    other = measure(replace(SMALL, channels_last=True))
    assert other.total.gflop == pytest.approx(report.total.gflop)
    assert other.settings["channels_last"]


def test_it_can_be_stopped_before_it_is_done() -> None:
    def stop_at_first_pass(done: int, total: int, what: str) -> None:
        if what == "warming up":
            task.cancel()

    task = Task(stop_at_first_pass)

    with pytest.raises(Cancelled):
        measure(SMALL, task=task)


def test_progress_ends_with_all_done() -> None:
    steps: list[tuple[int, int]] = []
    measure(SMALL, task=Task(lambda done, total, what: steps.append((done, total))))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] == steps[-1][1]


def test_a_clip_needs_frames() -> None:
    with pytest.raises(BenchmarkError, match="at least one frame"):
        measure(Options(model="toy", frames=0))


def test_random_weights_are_a_checkpoint_that_computes(tmp_path: Path) -> None:
    path = tmp_path / "random.safetensors"
    size = write_random_checkpoint("toy", path, Task())
    assert size == pytest.approx(path.stat().st_size, rel=0.05)
    assert read_metadata(path)["preset"] == "toy"
    model = load_checkpoint(path, image_size=64)
    assert isinstance(model, TAViS)
    output = model(torch.rand(1, 2, 3, 64, 64), torch.randn(1, 2, 1, 128, 204))
    assert output.mask_logits.isfinite().all()


def test_the_command_prints_a_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    options = "--model toy --image-size 64 --device cpu --frames 2 --repeats 1 --protocol memory"
    with pytest.raises(SystemExit) as end:
        main(["bench", *options.split(), "--json", os.fspath(file)])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    results = json.loads(file.read_text("utf-8"))
    assert {"parts", "total", "load_seconds", "peak_bytes", "machine"} <= results.keys()
    assert f"{results['total']['gflop_per_frame']:.2f}" in printed
    assert all(part in printed for part in results["parts"])
    assert results["settings"]["frames"] == 2


def test_a_model_without_memory_is_measured_frame_by_frame() -> None:
    report = measure(Options(model="toy_sam", image_size=64, device="cpu", frames=2, repeats=1))
    assert report.settings["protocol"] == "independent"
    assert report.parts["mask decoder"].gflop > 0
    assert report.parts["memory attention"].gflop == 0


def test_bad_options_are_errors_of_the_user(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--model", "nowhere.safetensors"], ["--model", "toy", "--image-size", "65"]):
        with pytest.raises(SystemExit) as end:
            main(["bench", "--device", "cpu", *options])
        assert end.value.code == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_what_nobody_counts_is_said(report: Report) -> None:
    assert "not counted" in format_report(report)
