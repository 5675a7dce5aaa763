"""Loading a model onto the device that it shall run on."""

from __future__ import annotations

import os

import torch

from napari_tavis.engine.batching import explain_out_of_memory
from napari_tavis.engine.device import choose_device
from napari_tavis.model import TAViS, load_model


def load_on_device(
    name_or_path: str | os.PathLike[str],
    device: str = "auto",
    precision: torch.dtype | None = None,
) -> TAViS:
    """Load a model onto a device, see `load_model`.

    Parameters
    ----------
    name_or_path : str or path-like
        Name or file of the model.
    device : {"auto", "cuda", "mps", "cpu"}
        As `choose_device` takes it.
    precision : torch.dtype, optional
        Number format of matrices instead of the device's usual one.

    Returns
    -------
    TAViS
        In evaluation mode.

    Raises
    ------
    CheckpointError
        If there is no such model, or its file does not fit.
    InferenceError
        If there is no such device, or too little memory on it.
    """
    where = choose_device(device)
    with explain_out_of_memory():
        return load_model(name_or_path, where, precision=precision)
