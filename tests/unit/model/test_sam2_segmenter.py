from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from napari_tavis.model import TAViS, TAViSOutput


def _same(first: TAViSOutput, second: TAViSOutput, rows: slice = slice(None)) -> None:
    """Compare everything that has a clip axis."""
    for field in fields(TAViSOutput):
        if field.name not in ("image_features", "frame_features"):
            found, expected = getattr(first, field.name), getattr(second, field.name)
            torch.testing.assert_close(found[rows], expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_first_frame_is_segmented_alike_in_both_protocols(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    memory, alone = toy(images, mel, "memory"), toy(images, mel, "independent")
    torch.testing.assert_close(
        memory.mask_logits[:, 0], alone.mask_logits[:, 0], rtol=1e-4, atol=1e-4
    )
    assert not torch.allclose(memory.mask_logits[:, 1], alone.mask_logits[:, 1])


@torch.no_grad()
def test_clips_do_not_see_each_other(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    for protocol in ("memory", "independent"):
        together = toy(images, mel, protocol)
        _same(together, toy(images[:1], mel[:1], protocol), slice(0, 1))
        _same(together, toy(images[1:], mel[1:], protocol), slice(1, 2))


@torch.no_grad()
def test_later_frames_do_not_change_earlier_ones(toy: TAViS, images: Tensor, mel: Tensor) -> None:
    whole, begun = toy(images, mel), toy(images[:, :2], mel[:, :2])
    torch.testing.assert_close(whole.mask_logits[:, :2], begun.mask_logits, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_memory_that_no_later_frame_reads_is_not_made(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    batches: list[int] = []
    toy.sam2.memory_encoder.register_forward_pre_hook(
        lambda _, inputs: batches.append(len(inputs[1]))
    )
    toy(images, mel, "independent")
    assert batches == []
    toy(images, mel, "memory")
    assert batches == [2 * 6, 2 * 6]


@torch.no_grad()
def test_a_frame_reads_at_most_seven_memories(toy: TAViS) -> None:
    read: list[int] = []
    toy.sam2.memory_attention.register_forward_pre_hook(
        lambda _, __, named: read.append(len(named["memory"]) - named["num_obj_ptr_tokens"]),
        with_kwargs=True,
    )
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((1, 20, 3, 128, 128), generator=generator)
    mel = torch.randn((1, 20, 1, 128, 204), generator=generator)
    output = toy(images, mel)
    assert output.mask_logits.isfinite().all()
    assert [tokens // 64 for tokens in read] == [1, 2, 3, 4, 5, 6] + 13 * [7]


@torch.no_grad()
def test_the_candidate_of_highest_predicted_iou_is_chosen(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    output = toy(images, mel)
    best = output.candidate_iou.argmax(dim=-1)[..., None, None, None]
    index = best.expand(*best.shape[:-2], *output.mask_logits.shape[-2:])
    chosen = output.candidate_logits.gather(3, index)[:, :, :, 0]
    torch.testing.assert_close(output.mask_logits, chosen)


@torch.no_grad()
def test_an_absent_object_has_the_pointer_of_none_but_keeps_its_mask(
    toy: TAViS, images: Tensor, mel: Tensor
) -> None:
    present = toy(images, mel, "independent")
    toy.sam2.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(-100.0)
    absent = toy(images, mel, "independent")
    torch.testing.assert_close(absent.mask_logits, present.mask_logits)
    pointers = absent.object_pointer.flatten(0, 2)
    torch.testing.assert_close(pointers, toy.sam2.no_obj_ptr.expand_as(pointers))
