"""Where the model runs."""

from __future__ import annotations

import torch

from napari_tavis.core.errors import InferenceError

DEVICES = ("auto", "cuda", "mps", "cpu")
"""What a user may choose."""


def choose_device(name: str = "auto") -> str:
    """Choose the device that the model runs on.

    Parameters
    ----------
    name : {"auto", "cuda", "mps", "cpu"}
        "auto" takes an NVIDIA or Apple GPU where there is one, and the CPU otherwise.

    Returns
    -------
    str
        "cuda", "mps" or "cpu".

    Raises
    ------
    InferenceError
        If this machine, or its PyTorch, does not have the device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return next(device for device, there in present.items() if there)
    if name not in present:
        raise InferenceError(f"There is no device {name!r}: choose one of {', '.join(DEVICES)}.")
    if not present[name]:
        reason = (
            "PyTorch finds no NVIDIA GPU (is its driver installed, and a PyTorch with CUDA?)"
            if name == "cuda"
            else "PyTorch finds no Apple GPU"
        )
        raise InferenceError(f"The device {name!r} cannot be used: {reason}. Choose 'auto'.")
    return name
