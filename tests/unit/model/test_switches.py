"""Parts of the network that can be left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_tavis.core.errors import ModelError
from napari_tavis.model import CheckpointError, Switches, TAViS, load_checkpoint, save_checkpoint
from napari_tavis.model.checkpoint import read_metadata
from napari_tavis.model.config import preset_config

ROWS = [
    Switches(decompose=False),
    Switches(pseudo_text="mlp"),
    Switches(pseudo_text="none"),
    Switches(vision_prompt=False),
]


def _build(switches: Switches) -> TAViS:
    torch.manual_seed(0)
    return TAViS(preset_config("toy", 64, switches))


def _clip() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(1, 2, 3, 64, 64, generator=generator)
    return images, torch.randn(1, 2, 1, 128, 204, generator=generator)


@pytest.mark.parametrize("switches", ROWS)
def test_all_weights_that_are_left_learn_and_survive(switches: Switches, tmp_path: Path) -> None:
    model = _build(switches).train()
    output = model(*_clip(), "independent")
    parts = (output.mask_logits, output.audio_embedding, output.pseudo_text)
    torch.stack([part.square().sum() for part in parts]).sum().backward()
    bridge = (model.decomposition, model.prompting)
    assert all(p.grad is not None for part in bridge for p in part.parameters())

    model.eval()
    path = save_checkpoint(model, tmp_path / "part.safetensors", dtype=torch.float32)
    loaded = load_checkpoint(path)
    assert loaded.config.switches == switches
    with torch.no_grad():
        before, after = (m(*_clip(), "independent").mask_logits for m in (model, loaded))
    torch.testing.assert_close(before, after)


def test_without_decomposition_queries_differ_by_the_same_from_every_sound() -> None:
    decomposition = _build(ROWS[0]).decomposition
    tokens, sounds = torch.randn(2, 96, 128), torch.randn(2, 128)
    learned, decomposed = decomposition(tokens, sounds)
    torch.testing.assert_close(learned[0], learned[1])
    biases = decomposed - sounds[:, None]
    torch.testing.assert_close(biases[0], biases[1])
    assert biases[0].std(dim=0).min() > 0


def test_without_a_vision_prompt_the_picture_prompts_nothing() -> None:
    model = _build(ROWS[3]).eval()
    images, mel = _clip()
    encoded = model.encode_frames(images[0].permute(0, 2, 3, 1).mul(255).byte(), mel[0], cues=True)
    assert encoded.cues is not None
    assert not encoded.cues.prompts.dense.any()


def test_the_papers_network_needs_no_word_of_switches(tmp_path: Path) -> None:
    path = save_checkpoint(_build(Switches()), tmp_path / "whole.safetensors")
    assert "switches" not in read_metadata(path)
    assert load_checkpoint(path).config == replace(preset_config("toy"), image_size=64)


def test_switches_that_do_not_exist_are_named() -> None:
    with pytest.raises(ModelError, match="'words'"):
        Switches(pseudo_text="words")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="version"):
        Switches.from_json('{"sound": false}')


def test_a_file_with_unknown_switches_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "later.safetensors"
    save_checkpoint(_build(Switches()), path, {"switches": '{"sound": false}'})
    with pytest.raises(CheckpointError, match="save it again"):
        load_checkpoint(path)
