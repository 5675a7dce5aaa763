from __future__ import annotations

import numpy as np
import torch

from napari_tavis.lab.toyworld import clip_seed, make_clip
from napari_tavis.lab.toyworld.hand_evaluation import hand_test
from napari_tavis.model import TAViS
from napari_tavis.model.outputs import PromptedMask

SEED, SIZE = 3, 96


class Oracle(TAViS):
    """A network that knows the true masks of one clip, and gives the one that is pointed at."""

    truth: np.ndarray

    def segment_prompts(self, features, points, labels, mask_logits=None) -> PromptedMask:
        column, row = (points.mean(0) if int(labels[0]) > 1 else points[0]) * SIZE
        label = self.truth[0][int(row), int(column)]
        return PromptedMask(torch.from_numpy(self.truth[0] == label).float() * 2 - 1, 1.0, 1.0)


def test_right_answers_to_clicks_count_as_right() -> None:
    torch.manual_seed(0)
    model = Oracle(TAViS.from_preset("toy", image_size=SIZE).config).eval()
    model.truth = make_clip(clip_seed(SEED, 0), size=SIZE).instances
    found = hand_test(model, 1, SEED, size=SIZE)
    assert found["objects"] >= 1
    assert found["click"] == found["corrected"] == 1.0
    assert 0 <= found["last_frame"] <= 1


def test_an_untrained_network_is_measured_the_same_way_twice() -> None:
    torch.manual_seed(0)
    model = TAViS.from_preset("toy", image_size=SIZE)
    first = hand_test(model, 2, SEED, size=SIZE)
    assert first == hand_test(model, 2, SEED, size=SIZE)
    assert all(0 <= first[name] <= 1 for name in ("click", "corrected", "box", "next_frame"))
