"""The results of a benchmark, as a table and for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from napari_tavis.lab.benchmark.counters import PARTS

_GB = 1e9


@dataclass(frozen=True)
class Cost:
    """What one part, or all of them, costs for one frame of a clip."""

    gflop: float  # billions of operations, those of attention among them
    seconds: float  # median of the passes

    @property
    def gflop_per_second(self) -> float | None:
        """How fast this machine computes the part; None for what takes no time."""
        return self.gflop / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True)
class Report:
    """What a model costs on a machine."""

    settings: dict[str, Any]  # what was measured, and how
    machine: dict[str, Any]  # where, and how busy it was
    parts: dict[str, Cost]  # per frame; what belongs to no part is "rest"
    total: Cost  # per frame, from decoded frames to masks
    attention_gflop: float  # how much of the total is the products of queries, keys and values
    load_seconds: float  # from a file in the system's cache to a model on its device
    first_pass_seconds: float  # the whole clip for the first time, with what is compiled then
    weights_bytes: int  # memory that the weights take on the device
    # The most memory held: "host_before" loading (by Python and PyTorch alone), "host_loading",
    # "host" and "device".
    peak_bytes: dict[str, int | None]

    @property
    def frames_per_second(self) -> float:
        return 1 / self.total.seconds

    def as_dict(self) -> dict[str, Any]:
        """Give everything in plain types."""
        return {
            **asdict(self),
            "parts": {name: _cost(cost) for name, cost in self.parts.items()},
            "total": _cost(self.total),
            "frames_per_second": self.frames_per_second,
        }


def _cost(cost: Cost) -> dict[str, float | None]:
    return {
        "gflop_per_frame": cost.gflop,
        "seconds_per_frame": cost.seconds,
        "gflop_per_second": cost.gflop_per_second,
    }


def format_report(report: Report) -> str:
    """Lay out a report for a terminal: a table of the parts, then the rest."""
    width = max(map(len, (*PARTS, "rest", "total")))
    lines = [f"{'part':<{width}} {'GFLOP/frame':>12} {'s/frame':>9} {'GFLOP/s':>9}"]
    for name, cost in (*report.parts.items(), ("total", report.total)):
        rate = cost.gflop_per_second
        reached = "" if rate is None else f"{rate:9.1f}"
        lines.append(f"{name:<{width}} {cost.gflop:12.2f} {cost.seconds:9.4f} {reached:>9}")
    settings, machine = report.settings, report.machine
    facts = {
        "model": f"{settings['model']} at {settings['image_size']} pixels, {settings['weights']}",
        "clip": f"{settings['frames']} frames, {settings['protocol']} protocol, median of "
        f"{settings['repeats']} passes",
        "device": f"{machine['device_name']}, {settings['precision']}, "
        f"{machine['threads']} threads, load {machine['load_average']}",
        "of it attention": f"{report.attention_gflop:.2f} GFLOP/frame",
        "frames per second": f"{report.frames_per_second:.2f}",
        "load time": f"{report.load_seconds:.2f} s",
        "first pass": f"{report.first_pass_seconds:.2f} s",
        "weights": _gigabytes(report.weights_bytes),
        **{f"peak, {k.replace('_', ' ')}": _gigabytes(v) for k, v in report.peak_bytes.items()},
        "loading / weights": _loading_share(report),
    }
    return "\n".join([*lines, "", *(f"{name:<20} {value}" for name, value in facts.items())])


def _loading_share(report: Report) -> str:
    """Give the memory that loading took at most, besides Python and PyTorch, in weights."""
    before, loading = (report.peak_bytes[name] for name in ("host_before", "host_loading"))
    if before is None or loading is None:
        return "not counted"
    return f"{(loading - before) / report.weights_bytes:.2f}"


def _gigabytes(count: int | None) -> str:
    return "not counted" if count is None else f"{count / _GB:.2f} GB"
