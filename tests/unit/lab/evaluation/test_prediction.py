from __future__ import annotations

import numpy as np
import torch

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation.prediction import ClipPrediction, Predictor
from napari_tavis.model import TAViS


def test_class_maps_are_those_of_all_classes() -> None:
    random = torch.Generator().manual_seed(0)
    probabilities = (40 * torch.rand(4, 5, len(AVSBENCH_CLASSES), generator=random)).softmax(-1)
    probabilities[1] = 1 / len(AVSBENCH_CLASSES)  # nothing is sure of anything
    logits = 6 * torch.randn(4, 6, 20, 30, generator=random)
    found = ClipPrediction(
        logits, torch.ones(4, 6), torch.zeros(4, 5, 8), None, {"a2t": probabilities}
    )
    scores = torch.einsum("tnp,tnhw->tphw", probabilities[..., 1:], logits[:, :-1].sigmoid())
    best, index = scores.max(1)
    expected = torch.where(best > 0.5, index + 1, 0).numpy()
    assert np.array_equal(found.class_maps(), expected)
    assert expected.any()
    assert not expected[1].any()


def test_masks_have_the_size_asked_for(clips: list[ClipAnnotation], toy_model: TAViS) -> None:
    found = Predictor(toy_model, "independent", image_embedding=False, size=50).predict(clips[0])
    assert found.mask_logits.shape == (5, 6, 50, 50)


def test_another_sound_gives_other_masks(clips: list[ClipAnnotation], toy_model: TAViS) -> None:
    predictor = Predictor(toy_model, "independent", image_embedding=True)
    own = predictor.predict(clips[0])
    assert own.scene.shape == clips[0].frames.shape[:3]
    assert own.queries.shape == (5, 5, *clips[0].frames.shape[1:3])
    assert set(own.probabilities) == {"a2t", "i2t", "sum"}
    for probabilities in own.probabilities.values():
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(5, 5))
    silent = predictor.predict(clips[0], np.zeros_like(clips[0].waveform))
    assert (silent.scene > 0).mean() < (own.scene > 0).mean() / 2


def test_memory_carries_over_from_frame_to_frame(
    clips: list[ClipAnnotation], toy_model: TAViS
) -> None:
    alone, remembered = (
        Predictor(toy_model, protocol, image_embedding=False).predict(clips[0]).mask_logits
        for protocol in ("independent", "memory")
    )
    torch.testing.assert_close(alone[0], remembered[0], atol=1e-3, rtol=1e-3)
    assert (alone[1:] - remembered[1:]).abs().max() > 0.1
