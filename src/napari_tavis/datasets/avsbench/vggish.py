"""The log-mel examples of VGGish, which S4 and MS3 keep as a pickled tensor.

Source: VGGish's audio front end (Hershey et al., ICASSP 2017) as AVSBench's preprocessing runs it.
A *plain* pickle of a tensor is what its loaders open with ``pickle.load``; such a file can run any
code when opened carelessly, so reading here goes through an unpickler that knows the tensor's own
constructors and nothing else. (``torch.load(weights_only=True)`` refuses plain pickles; the
storage inside, however, is in its format and is read by it.)
"""

from __future__ import annotations

import collections
import io
import pickle
import pickletools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_tavis.core.errors import DatasetError
from napari_tavis.core.files import MEGABYTE, ForeignFileError, read_bytes
from napari_tavis.datasets.avsbench.sound import FULL_SCALE, SAMPLE_RATE

EXAMPLES = 5
EXAMPLE_FRAMES = 96
BANDS = 64
SHAPE = (EXAMPLES, 1, EXAMPLE_FRAMES, BANDS)

_WINDOW = 400
_HOP = 160
_FFT = 512
_LOWEST_HZ, _HIGHEST_HZ = 125.0, 7500.0
_LOG_OFFSET = 0.01
_MOST_BYTES = 4 * MEGABYTE
_MOST_STEPS = 1000


def log_mel_examples(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Compute the log-mel examples, (5, 1, 96, 64), of a wav's samples, (samples,).

    The samples are PCM16 at 16 kHz, at least one example long (15,600 samples). An example has 96
    windows of 25 ms every 10 ms in 64 mel bands, ``ln(mel + 0.01)``; the last one is repeated
    where the sound ends early.
    """
    windows = np.lib.stride_tricks.sliding_window_view(samples / FULL_SCALE, _WINDOW)[::_HOP]
    # VGGish's own choices: a periodic window, and magnitudes rather than powers.
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    magnitude = np.abs(np.fft.rfft(windows * hann, _FFT))
    log_mel = np.log(magnitude @ _mel_bands() + _LOG_OFFSET)
    count = min(len(log_mel) // EXAMPLE_FRAMES, EXAMPLES)
    examples = log_mel[: count * EXAMPLE_FRAMES].reshape(count, 1, EXAMPLE_FRAMES, BANDS)
    order = np.minimum(np.arange(EXAMPLES), count - 1)
    return examples[order].astype(np.float32)


@cache
def _mel_bands() -> npt.NDArray[np.float64]:
    """Return the triangles of 64 bands in HTK's mel scale, (257, 64); the DC bin counts nowhere."""
    bins = _to_mel(np.linspace(0.0, SAMPLE_RATE / 2, _FFT // 2 + 1))[:, None]
    edges = np.linspace(_to_mel(np.array(_LOWEST_HZ)), _to_mel(np.array(_HIGHEST_HZ)), BANDS + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return np.asarray(weights)


def _to_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1127.0 * np.log(1.0 + hertz / 700.0))


def write_log_mel(path: Path, examples: npt.NDArray[np.float32]) -> None:
    """Pickle the examples, (5, 1, 96, 64), as a CPU tensor."""
    import torch

    with path.open("wb") as file:
        pickle.dump(torch.from_numpy(np.ascontiguousarray(examples)), file)


def read_log_mel(path: Path, root: Path | None = None) -> npt.NDArray[Any]:
    """Read a pickled tensor without letting the file run anything.

    It may have any shape and type. Raises `DatasetError` if the file is missing, damaged, outside
    `root`, or holds anything but a tensor on the CPU.
    """
    import torch

    try:
        data = read_bytes(path, most=_MOST_BYTES, root=root)
    except ForeignFileError as error:
        raise DatasetError(str(error)) from error
    try:
        _check_steps(data)
        value = _TensorUnpickler(io.BytesIO(data)).load()
    except Exception as error:
        raise DatasetError(
            f"{path} is not a plain pickle of a tensor ({error}): write it again from its wav file."
        ) from error
    if not isinstance(value, torch.Tensor) or value.device.type != "cpu":
        raise DatasetError(f"{path} holds no CPU tensor: write it again from its wav file.")
    return np.asarray(value.detach().numpy())


def _check_steps(data: bytes) -> None:
    """Refuse a pickle with more steps than a tensor needs, or with one that allocates by itself.

    A number in a single step can ask for gigabytes: the place where an object is remembered, or
    the length of a bytearray. And a tensor needs no step that sets an object's state.
    """
    for steps, (step, value, _) in enumerate(pickletools.genops(data)):
        remembers = step.name in ("PUT", "LONG_BINPUT") and int(value or 0) > _MOST_STEPS
        if remembers or steps > _MOST_STEPS or step.name in ("BYTEARRAY8", "BUILD"):
            raise pickle.UnpicklingError(f"{step.name} is not allowed")


class _TensorUnpickler(pickle.Unpickler):
    """Unpickles a torch tensor; any other constructor is an error instead of being called."""

    def find_class(self, module: str, name: str) -> Any:
        import torch

        allowed = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
            ("torch.storage", "_load_from_bytes"): _load_storage,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return allowed[module, name]


def _load_storage(data: bytes) -> Any:
    """Read a tensor's storage; torch's own function of this place would unpickle anything."""
    import torch

    if data.startswith(b"PK"):  # a zip, which unpacks to any size; a storage is never in one
        raise pickle.UnpicklingError("a zip is not allowed")
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
