from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_tavis.model import CheckpointError, TAViS, load_checkpoint, load_model, save_checkpoint
from napari_tavis.model.checkpoint import read_metadata


@pytest.fixture
def saved(toy: TAViS, tmp_path: Path) -> Path:
    return save_checkpoint(toy, tmp_path / "toy.safetensors", {"seed": "7"})


def _resave(path: Path, weights: dict[str, torch.Tensor]) -> None:
    save_file(weights, path, metadata=read_metadata(path))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 0.0), (torch.float16, 1e-3)])
def test_weights_survive(toy: TAViS, tmp_path: Path, dtype: torch.dtype, tolerance: float) -> None:
    path = save_checkpoint(toy, tmp_path / "new" / "toy.safetensors", dtype=dtype)
    loaded = load_checkpoint(path)
    assert loaded.image_size == toy.image_size
    assert not loaded.training
    expected = toy.state_dict()
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, expected[name], rtol=tolerance, atol=1e-4), name
    assert [entry.name for entry in path.parent.iterdir()] == ["toy.safetensors"]


def test_a_checkpoint_may_be_read_by_whom_the_system_allows(saved: Path) -> None:
    other = saved.with_name("other")
    other.touch()
    assert saved.stat().st_mode == other.stat().st_mode


def test_metadata_says_what_the_weights_are(saved: Path) -> None:
    facts = read_metadata(saved)
    assert facts["preset"] == "toy"
    assert facts["image_size"] == "128"
    assert facts["seed"] == "7"


def test_weights_serve_at_any_image_size(saved: Path) -> None:
    model = load_model(saved, image_size=224)
    found = model.segment(
        torch.zeros((2, 50, 60, 3), dtype=torch.uint8), torch.zeros(2, 1, 128, 204)
    )
    assert found.mask_logits.shape == (2, 6, 224, 224)


def test_a_loaded_model_can_be_trained_on(saved: Path) -> None:
    assert all(parameter.requires_grad for parameter in load_model(saved).parameters())


def test_missing_surplus_and_misshaped_weights_are_named(saved: Path) -> None:
    weights = load_file(saved)
    del weights["decomposition.queries"]
    weights["decomposition.more"] = torch.zeros(1)
    weights["prompting.position_scores.bias"] = torch.zeros(7)
    _resave(saved, weights)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(saved)
    message = str(caught.value)
    assert str(saved) in message
    assert "missing: decomposition.queries" in message
    assert "surplus: decomposition.more" in message
    assert "prompting.position_scores.bias (is (7,), needs (6,))" in message


def test_weights_that_are_no_numbers_are_refused(toy: TAViS, saved: Path) -> None:
    weights = load_file(saved)
    weights["decomposition.queries"][0, 0] = float("nan")
    _resave(saved, weights)
    with pytest.raises(CheckpointError, match=r"broken values in decomposition\.queries"):
        load_checkpoint(saved)
    with torch.no_grad():
        toy.decomposition.queries[0, 0] = 1e6
    good = saved.read_bytes()
    with pytest.raises(CheckpointError, match=r"decomposition\.queries would not be finite"):
        save_checkpoint(toy, saved)
    assert saved.read_bytes() == good


@pytest.mark.parametrize("kept", [0, 5, 1000, 1_000_000])
def test_a_truncated_file_is_called_damaged(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="is damaged or not a safetensors file"):
        load_model(saved)


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="was not saved by napari-tavis"):
        load_model(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no model file .*none\.safetensors"):
        load_model(tmp_path / "none.safetensors")


class _Malicious:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_code_in_a_release_file_is_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    torch.save({"model": _Malicious(trace)}, path)
    with pytest.raises(CheckpointError, match="cannot be read as a PyTorch checkpoint"):
        load_model(path)
    path.write_bytes(pickle.dumps(_Malicious(trace)))
    with pytest.raises(CheckpointError, match="cannot be read as a PyTorch checkpoint"):
        load_model(path)
    assert not trace.exists()


def test_a_release_file_of_another_network_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "sam2.pth"
    torch.save({"model": {"no_mem_embed": torch.zeros(1, 1, 256)}}, path)
    with pytest.raises(CheckpointError, match="missing: imagebind"):
        load_model(path)
    torch.save([1, 2], path)
    with pytest.raises(CheckpointError, match="holds no weights by name"):
        load_model(path)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("image_size", "100000000000"),
        ("image_size", "1e11"),
        ("image_size", "9" * 5000),
        ("image_size", "-224"),
        ("switches", "[" * 90_000),
        ("switches", "[" * 90_000 + "]" * 90_000),
        ("switches", "3"),
        ("preset", "x" * 100_000),
    ],
)
def test_metadata_that_cannot_be_is_a_sentence(saved: Path, key: str, text: str) -> None:
    facts = read_metadata(saved)
    save_file(load_file(saved), saved, metadata={**facts, key: text})
    with pytest.raises(CheckpointError) as caught:
        load_model(saved)
    assert len(str(caught.value)) < 1000


def test_a_release_file_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 20))
        archive.writestr("archive/version", "3")
    with pytest.raises(CheckpointError, match="packed as no PyTorch checkpoint is"):
        load_model(path)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({1: torch.zeros(3)}, "no weights by name"),
        ({"a": torch.zeros(1).expand(1 << 40)}, "more than plain tensors"),
        ({"a": torch.zeros(3, device="meta")}, "more than plain tensors"),
        ({"a": torch.zeros(3, 3).to_sparse()}, "more than plain tensors"),
        ({"a": torch.zeros(9)[None].expand(1 << 20, 9)}, "more than plain tensors"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_release_file_with_more_than_plain_tensors_is_refused(
    tmp_path: Path, state: dict[object, torch.Tensor], words: str, zipped: bool
) -> None:
    path = tmp_path / "a.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=words):
        load_model(path)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".pth", "a\0b", "/dev/zero", ""])
def test_what_no_model_file_can_be_is_a_sentence(name: str) -> None:
    with pytest.raises(CheckpointError, match="There is no model file"):
        load_model(name)
