"""The most memory that this process, and the device, have held."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peaks(device: torch.device) -> None:
    """Let the peaks begin anew from what is held now, where the system can do so (Linux, CUDA)."""
    if device.type == "cuda":
        torch.cuda.init()  # or there are no counters yet
        torch.cuda.reset_peak_memory_stats(device)
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def peak_host_bytes() -> int | None:
    """Give the most memory that this process held, in bytes; None where nobody counts it.

    On Linux this is since `reset_peaks`, and pages of mapped files count; elsewhere it is since
    the process began.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        peak = next((line for line in lines if line.startswith("VmHWM")), None)
        return None if peak is None else 1024 * int(peak.split()[1])
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak_units = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_units if sys.platform == "darwin" else 1024 * peak_units


def peak_device_bytes(device: torch.device) -> int | None:
    """Give the most memory that tensors held on a GPU, in bytes; None where nobody counts it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else None
