"""Sums over the clips of a split, and the scores that follow from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from napari_tavis.annotation.linking import SMALLEST_AREA
from napari_tavis.core.vocabulary import AVSBENCH_CLASSES
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.datasets.avsbench.metrics import MF, MJ, SemanticMetric, SemanticScores, mask_iou
from napari_tavis.lab.evaluation.objects import (
    FOUND_IOU,
    SoundingObject,
    pairwise_iou,
    sounding_objects,
    true_masks,
)
from napari_tavis.lab.evaluation.prediction import ClipPrediction, Sides, areas
from napari_tavis.lab.evaluation.scores import ClassScores, ClipScores, Embeddings, Reliability

EMBEDDINGS_PER_CLASS = 50
BINS = 10  # of equal width, in a reliability curve
SCRIPT_BATCH = 4  # clips in a batch of AVSBench's own test command


class SceneTally:
    """M_J and M_F of the scene mask, clip by clip and over all."""

    def __init__(self) -> None:
        self.clips: list[ClipScores] = []
        self._mj, self._mf, self._mf_logits = MJ(), MF(), MF("logits")
        self._mj_batch, self._mf_batch = MJ(SCRIPT_BATCH), MF(batch_size=SCRIPT_BATCH)
        self._by_class: dict[int, list[float]] = defaultdict(list)

    def add(self, clip: ClipAnnotation, found: ClipPrediction) -> None:
        labelled = np.asarray(clip.labelled)
        logits, truth = found.scene[labelled], clip.masks[labelled]
        self.clips.append(
            ClipScores(
                name=clip.name,
                classes=clip.class_names,
                frames=int(labelled.sum()),
                empty=int((~truth.any((-2, -1))).sum()),
                m_j=self._mj.add(logits, truth),
                m_f=self._mf.add(logits, truth),
                m_f_logits=self._mf_logits.add(logits, truth),
            )
        )
        self._mj_batch.add(logits, truth)
        self._mf_batch.add(logits, truth)
        for frame, classes, _ in true_masks(clip):
            iou = float(mask_iou(found.scene[frame], clip.masks[frame]))
            for index in classes:
                self._by_class[int(index)].append(iou)

    def summary(self) -> dict[str, float]:
        """Give the scores over all clips."""
        return {
            "M_J": self._mj.value,
            "M_F": self._mf.value,
            "M_F_logits": self._mf_logits.value,
            f"M_J_batch{SCRIPT_BATCH}": self._mj_batch.value,
            f"M_F_batch{SCRIPT_BATCH}": self._mf_batch.value,
        }

    def of_class(self, index: int) -> tuple[int, float]:
        """Give the frames in which a class sounds, and the scene mask's mean IoU over them."""
        return len(self._by_class[index]), _mean(self._by_class[index])


@dataclass
class _ClassCounts:
    """Objects of one class."""

    objects: int = 0
    found: int = 0
    right: dict[Sides, int] = field(default_factory=lambda: defaultdict(int))


class ClassTally:
    """AVSS, zero-shot classification and embeddings; nothing where labels have no classes.

    The mean IoU of a group of classes is given by itself, under the group's name.
    """

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self._groups = {
            name: np.isin(AVSBENCH_CLASSES, list(classes)) for name, classes in groups.items()
        }
        self._semantic: dict[Sides, SemanticMetric] = {}
        self._counts: dict[int, _ClassCounts] = defaultdict(_ClassCounts)
        self._audio: dict[int, list[npt.NDArray[np.float32]]] = defaultdict(list)
        self._image: dict[int, list[npt.NDArray[np.float32]]] = defaultdict(list)

    def add(self, clip: ClipAnnotation, found: ClipPrediction) -> None:
        if clip.class_map is None:
            return
        for sides in found.probabilities:
            if sides != "i2t":  # no setting of the paper classifies by the picture alone
                metric = self._semantic.setdefault(sides, SemanticMetric())
                metric.add(found.class_maps(sides)[clip.labelled], clip.class_map[clip.labelled])
        for item in sounding_objects(clip, found):
            self._count(item, found)

    def _count(self, item: SoundingObject, found: ClipPrediction) -> None:
        counts = self._counts[item.class_index]
        counts.objects += 1
        if not item.found:
            return
        counts.found += 1
        place = item.frame, item.query
        for sides, probabilities in found.probabilities.items():
            best = int(probabilities[place][1:].argmax()) + 1  # the background is no class here
            counts.right[sides] += best == item.class_index
        if counts.found <= EMBEDDINGS_PER_CLASS:  # the first ones; a chart shows no more
            self._audio[item.class_index].append(_unit(found.audio_embedding[place].numpy()))
            if found.image_embedding is not None:
                self._image[item.class_index].append(_unit(found.image_embedding[place].numpy()))

    def summary(self) -> dict[str, float]:
        """Give the scores over all classes; empty where there are none."""
        values: dict[str, float] = {}
        for sides, metric in self._semantic.items():
            scores = metric.scores()
            end = "" if sides == "a2t" else "_zero_shot"
            values[f"mIoU{end}"], values[f"F{end}"] = scores.miou, scores.f_score
            values[f"mIoU_no_background{end}"] = scores.miou_no_background
            values[f"F_no_background{end}"] = scores.f_score_no_background
            occurs = scores.class_frames > 0
            occurs[0] = False
            values[f"mIoU_occurring{end}"] = _mean(scores.class_iou[occurs])
            for name, members in self._groups.items():
                values[f"mIoU_{name}{end}"] = _mean(scores.class_iou[occurs & members])
        objects = sum(counts.objects for counts in self._counts.values())
        found = sum(counts.found for counts in self._counts.values())
        if objects:
            values["objects"], values["found"] = objects, found / objects
            for sides in self._sides():
                right = sum(counts.right[sides] for counts in self._counts.values())
                values[f"accuracy_{sides}"] = right / found if found else float("nan")
        return values

    def classes(self, scene: SceneTally) -> list[ClassScores]:
        """Give the scores of every class that occurs in prediction or truth, but background."""
        if not self._semantic:
            return []
        semantic = self._semantic["a2t"].scores()
        return [
            self._class_scores(int(index), scene, semantic)
            for index in np.flatnonzero(semantic.class_frames)
            if index
        ]

    def _class_scores(self, index: int, scene: SceneTally, semantic: SemanticScores) -> ClassScores:
        counts = self._counts[index]
        frames, m_j = scene.of_class(index)
        return ClassScores(
            name=AVSBENCH_CLASSES[index],
            frames=frames,
            m_j=m_j,
            iou=float(semantic.class_iou[index]),
            f_score=float(semantic.class_f_score[index]),
            objects=counts.objects,
            found=_ratio(counts.found, counts.objects),
            accuracy={s: _ratio(counts.right[s], counts.found) for s in self._sides()},
        )

    def _sides(self) -> tuple[Sides, ...]:
        """Give what classes were decided by."""
        return ("a2t", "i2t", "sum") if "sum" in self._semantic else ("a2t",)

    def embeddings(self) -> Embeddings | None:
        """Give the embeddings of what was found, by class; at most fifty of each."""
        present = sorted(self._audio)
        if not present:
            return None
        rows = [row for index in present for row in self._audio[index]]
        seen = [row for index in present for row in self._image[index]]
        names = [AVSBENCH_CLASSES[index] for index in present for _ in self._audio[index]]
        return Embeddings(tuple(names), np.stack(rows), np.stack(seen) if seen else None)


class ReliabilityTally:
    """Sums of scores and outcomes in ten bins of equal width."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._confidence = np.zeros(BINS)
        self._outcome = np.zeros(BINS)
        self._count = np.zeros(BINS, dtype=np.int64)

    def add(self, confidence: npt.ArrayLike, outcome: npt.ArrayLike) -> None:
        """Count cases: scores from 0 to 1, and what was true, 0 to 1, of the same shape."""
        scores = np.asarray(confidence, dtype=np.float64).ravel()
        bins = np.clip((scores * BINS).astype(np.intp), 0, BINS - 1)
        truth = np.asarray(outcome, dtype=np.float64).ravel()
        self._confidence += np.bincount(bins, scores, BINS)
        self._outcome += np.bincount(bins, truth, BINS)
        self._count += np.bincount(bins, minlength=BINS)

    def curve(self) -> Reliability:
        """Give the curve of what was added so far."""
        total = int(self._count.sum())
        gap = np.abs(self._confidence - self._outcome).sum()
        return Reliability(
            title=self._title,
            confidence=self._means(self._confidence),
            outcome=self._means(self._outcome),
            count=tuple(int(number) for number in self._count),
            error=float(gap / total) if total else float("nan"),
        )

    def _means(self, sums: npt.NDArray[Any]) -> tuple[float | None, ...]:
        pairs = zip(sums, self._count, strict=True)
        return tuple(float(value / number) if number else None for value, number in pairs)


class ReliabilityTallies:
    """Three scores against what they stand for."""

    def __init__(self) -> None:
        self._pixels = ReliabilityTally("probability of the scene mask: pixels that sound")
        self._quality = ReliabilityTally("predicted IoU of the scene mask: its IoU")
        self._objects = ReliabilityTally(
            "score of a proposal: right class and IoU over 0.5 with an object of it"
        )

    def add(self, clip: ClipAnnotation, found: ClipPrediction) -> None:
        labelled = np.asarray(clip.labelled)
        logits, truth = found.scene[labelled], clip.masks[labelled]
        self._pixels.add(expit(logits), truth)
        holds = truth.any((-2, -1))
        if holds.any():
            promised = found.iou[:, -1].numpy()[labelled][holds]
            self._quality.add(promised, mask_iou(logits[holds], truth[holds]))
        if clip.class_map is not None:
            for frame in np.flatnonzero(labelled):
                self._add_proposals(clip.class_map[frame], int(frame), found)

    def _add_proposals(
        self, class_map: npt.NDArray[np.uint8], frame: int, found: ClipPrediction
    ) -> None:
        """Count the queries that the plugin would propose; their score as it shows it."""
        masks = found.queries[frame]
        sure, index = found.probabilities["a2t"][frame].max(-1)
        shown = (index.numpy() > 0) & (areas(masks) >= SMALLEST_AREA * class_map.size)
        for query in np.flatnonzero(shown):
            truth = class_map == int(index[query])
            iou = pairwise_iou(masks[query, None], truth[None])[0, 0]
            score = float(sure[query]) * float(found.iou[frame, query])
            self._objects.add(score, bool(iou > FOUND_IOU))

    def curves(self) -> list[Reliability]:
        """Give the curves that have any case."""
        curves = [item.curve() for item in (self._pixels, self._quality, self._objects)]
        return [curve for curve in curves if sum(curve.count)]


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _mean(values: list[float] | npt.NDArray[np.float64]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
