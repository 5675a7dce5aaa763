from __future__ import annotations

import torch
from torch import Tensor

from napari_tavis.model import TAViS
from napari_tavis.model.features import SoundPrompts


def _prompts(toy: TAViS) -> SoundPrompts:
    generator = torch.Generator().manual_seed(3)
    learned, decomposed = (torch.randn((4, 5, 128), generator=generator) for _ in range(2))
    audio_cls, vision_cls = (torch.randn((4, 128), generator=generator) for _ in range(2))
    encode_text = toy.imagebind.encode_text
    return toy.prompting(learned, decomposed, audio_cls, vision_cls, encode_text)


def _scorer_gradient(toy: TAViS) -> Tensor | None:
    toy.zero_grad(set_to_none=True)
    _prompts(toy).sparse.square().sum().backward()
    return toy.prompting.position_scores.weight.grad


def test_shapes(toy: TAViS) -> None:
    prompts = _prompts(toy)
    assert prompts.sparse.shape == (4, 6, 128)
    assert prompts.dense.shape == (4, 128)
    assert prompts.pseudo_text.shape == (4, 6, 128)


@torch.no_grad()
def test_training_and_evaluation_choose_the_same_pseudo_text(toy: TAViS) -> None:
    hard = _prompts(toy.eval()).pseudo_text
    straight_through = _prompts(toy.train()).pseudo_text
    torch.testing.assert_close(hard, straight_through)


def test_the_scorer_learns_in_training_only(toy: TAViS) -> None:
    gradient = _scorer_gradient(toy.train())
    assert gradient is not None
    assert gradient.abs().max() > 0
    assert _scorer_gradient(toy.eval()) is None


@torch.no_grad()
def test_text_is_encoded_up_to_the_chosen_position_only(toy: TAViS) -> None:
    lengths: list[tuple[int, int]] = []
    trunk = toy.imagebind.modality_trunks["text"]
    trunk.register_forward_pre_hook(
        lambda _, inputs: lengths.append((inputs[0].shape[0], inputs[0].shape[1]))
    )
    with torch.no_grad():
        toy.prompting.position_scores.weight.zero_()
        toy.prompting.position_scores.bias.copy_(torch.tensor([0.0, 0, 1, 0, 0, 0]))
    _prompts(toy)
    assert lengths == [(4 * 6, 3)]
