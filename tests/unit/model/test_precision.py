"""The network in half precision, as it runs on a GPU, here on the CPU."""

from __future__ import annotations

import pytest
import torch

from napari_tavis.model import TAViS, load_model
from napari_tavis.model.precision import place, usual_precision

CPU = torch.device("cpu")
SIZE = 128


@pytest.fixture
def frames() -> torch.Tensor:
    """Three frames of a bright square on dark, which moves."""
    frames = torch.full((3, SIZE, SIZE, 3), 40, dtype=torch.uint8)
    for t in range(3):
        frames[t, 30:80, 20 + 10 * t : 70 + 10 * t] = 220
    return frames


@pytest.fixture
def sound() -> torch.Tensor:
    """The sound of three windows."""
    return torch.randn((3, 1, 128, 204), generator=torch.Generator().manual_seed(2))


def _half() -> TAViS:
    model = load_model("toy", image_size=SIZE)
    model.precision = torch.bfloat16
    return place(model, "cpu", torch.bfloat16)


def test_masks_are_nearly_those_of_full_precision(
    frames: torch.Tensor, sound: torch.Tensor
) -> None:
    full, half = load_model("toy", image_size=SIZE), _half()
    for protocol in ("memory", "independent"):
        expected = full.segment(frames, sound, protocol)
        found = half.segment(frames, sound, protocol)
        assert found.mask_logits.dtype == found.audio_embedding.dtype == torch.float32
        same = (found.mask_logits > 0) == (expected.mask_logits > 0)
        assert same.float().mean() > 0.97  # processors round half precision in ways of their own
        assert not torch.equal(found.mask_logits, expected.mask_logits)


def test_annotating_by_hand_runs_in_half_precision(
    frames: torch.Tensor, sound: torch.Tensor
) -> None:
    model = _half()
    features = model.encode_frames(frames, sound).features
    first = features.rows(slice(0, 1))
    seen = model.segment_prompts(first, torch.tensor([[0.4, 0.4]]), torch.tensor([1]))
    again = model.segment_prompts(
        first, torch.tensor([[0.4, 0.4]]), torch.tensor([1]), mask_logits=seen.logits
    )
    assert again.logits.isfinite().all()
    tracker = model.track_object()
    tracker.condition(0, first, (seen.logits > 0).float())
    followed = tracker.step(1, features.rows(slice(1, 2)))
    assert followed.logits.dtype == torch.float32
    assert followed.logits.isfinite().all()
    assert model.embed_regions(frames, torch.randn(3, 6, 32, 32)).isfinite().all()
    assert model.embed_texts(["A dog", "A bell"]).isfinite().all()


def test_vectors_stay_as_they_are_and_the_way_back_is_open() -> None:
    model = _half()
    kinds = {p.dtype for p in model.parameters() if p.ndim > 1}
    assert kinds == {torch.bfloat16}
    assert {p.dtype for p in model.parameters() if p.ndim <= 1} == {torch.float32}
    place(model, "cpu")
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_model_is_loaded_as_it_would_be_placed() -> None:
    loaded = load_model("toy", image_size=SIZE, precision=torch.bfloat16)
    assert loaded.precision == torch.bfloat16
    placed = _half().state_dict()
    for name, weight in loaded.state_dict().items():
        assert weight.dtype == placed[name].dtype, name
        assert torch.equal(weight, placed[name]), name


def test_cpus_compute_in_full_precision_unless_asked() -> None:
    assert usual_precision(CPU) == torch.float32
    model = load_model("toy", image_size=SIZE)
    with model.inference():
        assert not torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
    model.precision = torch.bfloat16
    with model.inference():
        assert torch.get_autocast_dtype("cpu") == torch.bfloat16
        assert torch.is_autocast_enabled("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_gpus_compute_in_half_precision() -> None:
    assert usual_precision(torch.device("cuda")) in (torch.bfloat16, torch.float16)
