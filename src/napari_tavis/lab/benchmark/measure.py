"""Measuring a model: how it loads, what it computes, how long that takes and in what memory."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from napari_tavis.core.errors import BenchmarkError
from napari_tavis.core.tasks import Task
from napari_tavis.engine.device import Cancellable, choose_device, explain_out_of_memory
from napari_tavis.lab.benchmark.counters import (
    count_gflop,
    part_seconds,
    peak_device_bytes,
    peak_host_bytes,
    reset_peaks,
    wait_for,
)
from napari_tavis.lab.benchmark.report import Cost, Report
from napari_tavis.model import TAViS, load_model
from napari_tavis.model.checkpoint import BUNDLED, FORMAT
from napari_tavis.model.config import PRESETS, preset_config
from napari_tavis.model.precision import PRECISIONS, usual_precision

_DEVIATION = 0.02


@dataclass(frozen=True)
class Options:
    """What is measured."""

    # a bundled model, a checkpoint, or a preset, which then gets random weights
    model: str = "large"
    image_size: int | None = None  # pixels per side instead of the model's own
    device: str = "auto"
    frames: int = 5  # of the clip
    repeats: int = 3  # passes whose median counts, after a first one that does not
    protocol: str | None = None  # see `TAViS.forward`
    precision: str = "auto"  # of matrix products and matrices; "auto" is what the plugin uses
    channels_last: bool = False  # keep images with their channels beside each other
    compiled: bool = False  # compile the encoders first, which takes minutes


def measure(options: Options, *, task: Task | None = None) -> Report:
    """Load a model, and take a clip of noise through it.

    Cancelling works in the middle of a pass, too. Raises `BenchmarkError` if there are no frames or
    passes to measure, or no room for random weights; `InferenceError` if the device is absent or
    its memory too small; `CheckpointError` or `ModelError` if there is no such model, or the image
    size does not fit it.
    """
    if options.frames < 1 or options.repeats < 1:
        raise BenchmarkError("A benchmark needs at least one frame and one pass.")
    task = task or Task()
    device = torch.device(choose_device(options.device))
    steps = options.repeats + 4
    task.report(0, steps, "making weights")
    with explain_out_of_memory(), _checkpoint(options.model, task) as path:
        task.report(1, steps, "loading")
        _read_into_cache(path, task)
        reset_peaks(device)
        host_before = peak_host_bytes()
        start = time.perf_counter()
        with Cancellable(task):
            precision = PRECISIONS[options.precision]
            model = load_model(path, str(device), options.image_size, precision)
        wait_for(device)
        load_seconds = time.perf_counter() - start
        host_loading = peak_host_bytes()
        _prepare(model, options)
        clip = _Clip(model, options, task)
        task.report(2, steps, "counting operations")
        gflop = clip.count()
        reset_peaks(device)
        task.report(3, steps, "warming up")
        first_pass_seconds, _ = clip.run()
        passes = []
        for done in range(options.repeats):
            task.report(4 + done, steps, "measuring")
            passes.append(clip.run())
        task.report(steps, steps, "measuring")
        peaks = {
            "host_before": host_before,
            "host_loading": host_loading,
            "host": peak_host_bytes(),
            "device": peak_device_bytes(device),
        }
    parts, total = _costs(gflop, passes, options.frames)
    return Report(
        settings={
            **asdict(options),
            "image_size": model.image_size,
            "device": str(device),
            "protocol": model.segmenter.choose_protocol(options.protocol),
            "precision": str(model.precision or usual_precision(device)).removeprefix("torch."),
            "weights": "random weights" if options.model in _random_presets() else "its weights",
        },
        machine=_machine(device),
        parts=parts,
        total=total,
        attention_gflop=gflop["of it attention"],
        load_seconds=load_seconds,
        first_pass_seconds=first_pass_seconds,
        weights_bytes=sum(value.nbytes for value in model.state_dict().values()),
        peak_bytes=peaks,
    )


class _Clip:
    """A clip of noise, and what it costs to take it through a model."""

    def __init__(self, model: TAViS, options: Options, task: Task) -> None:
        generator = torch.Generator().manual_seed(0)
        side, frames = model.image_size, options.frames
        shape = (frames, side, side, 3)
        self._frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        self._mel = torch.randn((frames, 1, 128, 204), generator=generator)
        self._model, self._options, self._task = model, options, task

    def run(self) -> tuple[float, dict[str, float]]:
        """Segment the clip; give the seconds of all, and of each part."""
        device = self._model.device
        with self._interruptible(), part_seconds(self._model) as parts:
            wait_for(device)
            start = time.perf_counter()
            self._model.segment(self._frames, self._mel, self._options.protocol)
            seconds = time.perf_counter() - start
        return seconds, parts

    def count(self) -> dict[str, float]:
        """Give GFLOP per frame, by part."""
        device = self._model.device
        images = self._frames.permute(0, 3, 1, 2)[None].to(device).float() / 255
        with self._interruptible():
            return count_gflop(
                self._model, images, self._mel[None].to(device), self._options.protocol
            )

    def _interruptible(self) -> Any:
        """Check the task before every function; compiled code is not looked into."""
        self._task.check()
        return nullcontext() if self._options.compiled else Cancellable(self._task)


def _costs(
    gflop: dict[str, float], passes: list[tuple[float, dict[str, float]]], frames: int
) -> tuple[dict[str, Cost], Cost]:
    """Set operations and seconds beside each other: of the parts, and of all."""
    total = statistics.median(seconds for seconds, _ in passes) / frames
    names = [name for name in gflop if name not in ("rest", "total", "of it attention")]
    parts = {
        name: Cost(gflop[name], statistics.median(p.get(name, 0.0) for _, p in passes) / frames)
        for name in names
    }
    rest = statistics.median(seconds - sum(p.values()) for seconds, p in passes) / frames
    parts["rest"] = Cost(gflop["rest"], rest)
    return parts, Cost(gflop["total"], total)


def _random_presets() -> set[str]:
    """Name the presets of which no weights come with the package."""
    return set(PRESETS) - set(BUNDLED)


@contextmanager
def _checkpoint(model: str, task: Task) -> Iterator[Path]:
    """Give the file of a model, made for the purpose if it is a preset without weights."""
    if model in BUNDLED:
        with resources.as_file(resources.files("napari_tavis") / BUNDLED[model]) as path:
            yield path
    elif model in _random_presets():
        with tempfile.TemporaryDirectory(prefix="napari-tavis-bench-") as folder:
            path = Path(folder) / f"{model}.safetensors"
            write_random_checkpoint(model, path, task)
            yield path
    else:
        yield Path(model)


def _read_into_cache(path: Path, task: Task) -> None:
    """Read a file once, so that loading is measured rather than the disk."""
    if not path.is_file():
        return  # loading will say so
    with path.open("rb") as file:
        while file.read(1 << 24):
            task.check()


def _prepare(model: TAViS, options: Options) -> None:
    """Apply the options that only the benchmark has: none of them changes a result."""
    if options.channels_last:
        for weight in model.parameters():
            if weight.ndim == 4:  # `Module.to` stumbles over the kernels of ImageBind, which have 5
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    if options.compiled:
        trunks = model.imagebind.modality_trunks
        encoders: list[nn.Module] = [
            trunks["audio"],
            trunks["vision"],
            model.segmenter.image_encoder,
        ]
        for encoder in encoders:
            encoder.forward = torch.compile(encoder.forward)


def _machine(device: torch.device) -> dict[str, Any]:
    """Describe where the benchmark ran."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    load = [round(value, 1) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    return {
        "device_name": name,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": load,
    }


def _processor() -> str:
    """Name the processor, as well as the system knows it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_random_checkpoint(preset: str, path: Path, task: Task) -> int:
    """Write a checkpoint of a preset, in bfloat16, of weights that compute without overflow.

    Gives the bytes of the weights; raises `BenchmarkError` if the disk is too small.
    """
    config = preset_config(preset)
    shapes = TAViS.without_weights(config).state_dict()
    size = 2 * sum(value.numel() for value in shapes.values())
    if shutil.disk_usage(path.parent).free < size:
        raise _no_space(path, size)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        task.check()
        weights[name] = _random(name, shape, generator)
    facts = {"format": FORMAT, "preset": preset, "image_size": str(config.image_size)}
    try:
        save_file(weights, path, metadata=facts)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_space(path, size) from error
        raise BenchmarkError(f"{path} cannot be written: {error.strerror}.") from error
    return size


def _random(name: str, shape: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a matrix; biases are 0, the weights of norms 1, and what is no weight stays."""
    if not shape.is_meta:
        return shape.to(torch.bfloat16)
    value = torch.empty(shape.shape, dtype=torch.bfloat16)
    if shape.ndim > 1:
        return value.normal_(std=_DEVIATION, generator=generator)
    return value.fill_(0.0 if name.endswith("bias") else 1.0)


def _no_space(path: Path, size: int) -> BenchmarkError:
    return BenchmarkError(
        f"Random weights need {size / 1e9:.1f} GB in {path.parent} for as long as they are "
        "measured: free some space, or set TMPDIR to another folder."
    )
