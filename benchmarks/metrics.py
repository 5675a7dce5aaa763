"""How long the metrics take on the size of S4's test set, and whether they are exact.

Scores 740 clips of 5 frames of 224 x 224 pixels: M_J, M_F of AVSBench and of TAViS's release, and
the AVSS metrics over 71 classes. The clips are smooth random fields, drawn outside the time:

    python benchmarks/metrics.py [--clips 740] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from napari_tavis.datasets.avsbench.metrics import MF, MJ, SemanticMetric, f_curve, thresholds

FRAMES, SIZE, CLASSES = 5, 224, 71
DRAWN = 20
"""Clips that are drawn; they are scored again and again, each time as new ones."""


def main() -> None:
    """Measure, print and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=740, help="clips to score")
    parser.add_argument("--output", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    clips = [draw_clip(seed) for seed in range(DRAWN)]
    numbers: dict[str, Any] = {"clips": options.clips, "frames": FRAMES, "size": SIZE}
    for name, make, score in (
        ("M_J", MJ, lambda metric, clip: metric.add(clip[0], clip[1] > 0)),
        ("M_F", MF, lambda metric, clip: metric.add(clip[0], clip[1] > 0)),
        ("M_F_logits", lambda: MF("logits"), lambda metric, clip: metric.add(clip[0], clip[1] > 0)),
        ("AVSS", SemanticMetric, lambda metric, clip: metric.add(clip[2], clip[1])),
    ):
        numbers[name] = round(seconds(make(), score, clips, options.clips), 2)
        print(f"{name}: {numbers[name]:.2f} s")
    numbers["all"] = round(sum(numbers[name] for name in ("M_J", "M_F", "M_F_logits", "AVSS")), 2)
    print(f"all: {numbers['all']:.2f} s for {options.clips} clips")
    numbers["largest_difference"] = difference(*clips[0][:2])
    print(f"largest difference to 255 comparisons a frame: {numbers['largest_difference']:g}")
    if options.output:
        options.output.write_text(json.dumps(numbers, indent=2) + "\n")


def draw_clip(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw mask logits ``[T, H, W]`` and class maps, the true one and a predicted one."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.normal(size=(FRAMES, SIZE, SIZE)), (0, 12, 12))
    logits = (8 * field / field.std() - 4).astype(np.float32)
    kinds = random.integers(1, CLASSES, size=3)
    truth = np.where(np.roll(logits, 9, 2) > 0, kinds[0], 0).astype(np.uint8)
    return logits, truth, np.where(logits > 0, random.choice(kinds), 0).astype(np.uint8)


def seconds(metric: Any, score: Callable[[Any, Any], Any], clips: list[Any], count: int) -> float:
    """Give how long it takes to score so many clips."""
    start = time.perf_counter()
    for number in range(count):
        score(metric, clips[number % len(clips)])
    return time.perf_counter() - start


def difference(logits: np.ndarray, truth: np.ndarray) -> float:
    """Give the largest difference of the curve to the one by 255 comparisons of a frame."""
    worst = 0.0
    for frame, wanted in zip(logits, truth > 0, strict=True):
        selected = [frame >= threshold for threshold in thresholds()]
        hits = np.array([np.count_nonzero(chosen & wanted) for chosen in selected])
        precision = hits / (np.array([np.count_nonzero(chosen) for chosen in selected]) + 1e-20)
        recall = hits / (np.count_nonzero(wanted) + 1e-20)
        below = 0.3 * precision + recall
        curve = np.divide(1.3 * precision * recall, below, out=np.zeros(255), where=below > 0)
        worst = max(worst, float(np.abs(curve - f_curve(frame, wanted, "logits")).max()))
    return worst


if __name__ == "__main__":
    main()
