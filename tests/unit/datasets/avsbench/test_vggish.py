from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_tavis.core.errors import DatasetError
from napari_tavis.datasets.avsbench.vggish import log_mel_examples, read_log_mel, write_log_mel


def literal_log_mel(samples: np.ndarray) -> np.ndarray:
    """State VGGish's front end window by window and band by band."""
    hertz = np.linspace(0, 8000, 257)
    mel = 1127 * np.log(1 + hertz / 700)
    edges = np.linspace(1127 * np.log(1 + 125 / 700), 1127 * np.log(1 + 7500 / 700), 66)
    window = np.array([0.5 - 0.5 * np.cos(2 * np.pi * n / 400) for n in range(400)])
    rows = []
    for start in range(0, len(samples) - 399, 160):
        piece = samples[start : start + 400] / 32768.0
        magnitude = np.abs(np.fft.rfft(np.pad(piece * window, (0, 112))))
        bands = []
        for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
            up, down = (mel - low) / (centre - low), (high - mel) / (high - centre)
            weight = np.maximum(0, np.minimum(up, down))
            weight[0] = 0
            bands.append(np.log(weight @ magnitude + 0.01))
        rows.append(bands)
    examples = [rows[n : n + 96] for n in range(0, len(rows) - 95, 96)]
    return np.array(examples)[:, None]


@pytest.fixture
def samples() -> np.ndarray:
    random = np.random.default_rng(0)
    tone = 8000 * np.sin(2 * np.pi * 700 * np.arange(80_000) / 16_000)
    return (tone + random.normal(0, 500, 80_000)).astype(np.int16)


def test_log_mel_agrees_with_the_recipe(samples: np.ndarray) -> None:
    measured = log_mel_examples(samples)
    assert measured.shape == (5, 1, 96, 64)
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, literal_log_mel(samples), atol=1e-5)


def test_last_example_is_repeated_where_the_sound_ends_early(samples: np.ndarray) -> None:
    measured = log_mel_examples(samples[:40_000])
    assert measured.shape == (5, 1, 96, 64)
    assert np.array_equal(measured[1], measured[2])
    assert np.array_equal(measured[1], measured[4])
    assert not np.array_equal(measured[0], measured[1])


def test_silence_is_the_logarithm_of_the_offset() -> None:
    assert log_mel_examples(np.zeros(80_000, dtype=np.int16)) == pytest.approx(np.log(0.01))


def test_pickle_is_a_plain_one_of_a_cpu_tensor(tmp_path: Path, samples: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pkl"
    write_log_mel(path, log_mel_examples(samples))
    with path.open("rb") as file:
        tensor = pickle.load(file).detach()
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.float32
    assert tuple(tensor.shape) == (5, 1, 96, 64)
    assert np.array_equal(tensor.numpy(), read_log_mel(path))


def test_tensor_of_the_authors_preprocessing_is_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pkl"
    values = torch.tensor(np.ones((5, 96, 64)), requires_grad=True)[:, None, :, :].float()
    path.write_bytes(pickle.dumps(values))
    assert read_log_mel(path).shape == (5, 1, 96, 64)


class Attack:
    """Unpickling this carelessly makes a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return Path.mkdir, (self.target,)


def test_pickle_cannot_run_anything(tmp_path: Path) -> None:
    path, target = tmp_path / "a.pkl", tmp_path / "attacked"
    path.write_bytes(pickle.dumps(Attack(target)))
    with pytest.raises(DatasetError, match=r"a\.pkl is not a plain pickle of a tensor"):
        read_log_mel(path)
    assert not target.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_storage_inside_a_pickle_cannot_run_anything(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path, target = tmp_path / "a.pkl", tmp_path / "attacked"

    class Nested:
        def __reduce__(self) -> tuple:
            return torch.storage._load_from_bytes, (pickle.dumps(Attack(target)),)

    path.write_bytes(pickle.dumps(Nested()))
    with pytest.raises(DatasetError, match=r"a\.pkl"):
        read_log_mel(path)
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps([1, 2]), pickle.dumps({"a": 1})])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.pkl"):
        read_log_mel(path)
    with pytest.raises(DatasetError, match=r"b\.pkl"):
        read_log_mel(tmp_path / "b.pkl")
