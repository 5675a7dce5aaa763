"""Measuring a model: how it loads, what it computes, how long that takes and in what memory."""

from __future__ import annotations

import os
import platform
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
from torch import nn

from napari_tavis.core.tasks import Task
from napari_tavis.engine.device import Cancellable, choose_device, explain_out_of_memory
from napari_tavis.lab.benchmark.memory import peak_device_bytes, peak_host_bytes, reset_peaks
from napari_tavis.lab.benchmark.random_weights import BenchmarkError, write_random_checkpoint
from napari_tavis.lab.benchmark.report import Cost, Report
from napari_tavis.lab.benchmark.timing import part_seconds, wait_for
from napari_tavis.model import TAViS, load_model
from napari_tavis.model.checkpoint import BUNDLED
from napari_tavis.model.config import PRESETS
from napari_tavis.model.flops import count_gflop
from napari_tavis.model.precision import PRECISIONS, usual_precision


@dataclass(frozen=True)
class Options:
    """What is measured.

    Attributes
    ----------
    model : str
        A bundled model, a checkpoint, or a preset, which then gets random weights.
    image_size : int, optional
        Pixels per side instead of the model's own.
    device : {"auto", "cuda", "mps", "cpu"}
        Where.
    frames : int
        Frames of the clip.
    repeats : int
        Passes whose median counts, after a first one that does not.
    protocol : {"memory", "independent"}, optional
        See `TAViS.forward`.
    precision : {"auto", "float32", "bfloat16", "float16"}
        Number format of matrix products and matrices; "auto" is what the plugin uses.
    channels_last : bool
        Keep images with their channels beside each other.
    compiled : bool
        Compile the encoders first, which takes minutes.
    """

    model: str = "large"
    image_size: int | None = None
    device: str = "auto"
    frames: int = 5
    repeats: int = 3
    protocol: str | None = None
    precision: str = "auto"
    channels_last: bool = False
    compiled: bool = False


def measure(options: Options, *, task: Task | None = None) -> Report:
    """Load a model, and take a clip of noise through it.

    Parameters
    ----------
    options : Options
        What is measured.
    task : Task, optional
        Told how far it is; stops the work when cancelled, also in the middle of a pass.

    Returns
    -------
    Report
        The results.

    Raises
    ------
    BenchmarkError
        If there are no frames or passes to measure, or no room for random weights.
    InferenceError
        If the device is absent or its memory too small.
    CheckpointError, ModelError
        If there is no such model, or the image size does not fit it.
    Cancelled
        If `task` was cancelled.
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
        """Look at the task before every function; compiled code is not looked into."""
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
