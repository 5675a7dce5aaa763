"""Does a model listen? The same clips with a sound that belongs to nothing in the picture.

The three sounds are those of AVSBench-Robust (Li et al., *Do Audio-Visual Segmentation Models
Truly Segment Sounding Objects?*, arXiv 2502.00358): silence, noise, and the sound of something
that is not there. The measures are this project's own; see `RobustnessScores`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.datasets.avsbench.metrics import iou_of_masks
from napari_tavis.lab.evaluation.prediction import ClipPrediction, Predictor, areas
from napari_tavis.lab.evaluation.scores import RobustnessScores

ALARM_SHARE = 0.02  # masks of less of a frame than this are no false alarm

NOISE_LEVEL = 0.05  # root mean square of the noise where a clip is silent itself

OWN, SILENCE, NOISE, OFF_SCREEN = "own sound", "silence", "white noise", "off-screen sound"
_TRIES = 30

Waveform = npt.NDArray[np.float32]


class RobustnessTest:
    """Plays other sounds to a model and counts what it segments then.

    Among the clips of the dataset, sounds that are off-screen are looked for.
    """

    def __init__(self, predictor: Predictor, dataset: Sequence[ClipAnnotation]) -> None:
        self._predictor = predictor
        self._dataset = dataset
        self._tallies = {name: _Tally(name) for name in (OWN, SILENCE, NOISE, OFF_SCREEN)}

    def add(
        self, number: int, clip: ClipAnnotation, truth: ClipAnnotation, heard: ClipPrediction
    ) -> None:
        """Test one clip, at its position in the dataset.

        ``truth`` is the clip at the size of the predictor's masks, ``heard`` the result with its
        own sound.
        """
        self._tallies[OWN].add(heard.scene > 0, truth)
        sounds: dict[str, Waveform | None] = {
            SILENCE: np.zeros_like(clip.waveform),
            NOISE: white_noise(clip),
            OFF_SCREEN: self._off_screen(number, clip),
        }
        for name, waveform in sounds.items():
            if waveform is not None:
                found = self._predictor.predict(clip, waveform)
                self._tallies[name].add(found.scene > 0, truth)

    def scores(self) -> list[RobustnessScores]:
        """Give the shares of what was added so far, the clips' own sound first."""
        return [tally.scores() for tally in self._tallies.values()]

    def _off_screen(self, number: int, clip: ClipAnnotation) -> Waveform | None:
        """Take the sound of a clip in which other things sound; None if there is none.

        The search starts half the dataset away, as lists are sorted by class. Where the labels give
        no classes, that is all that keeps the two apart.
        """
        own = heard_classes(clip)
        total = len(self._dataset)
        for step in range(min(_TRIES, total - 1)):  # each of them reads a clip
            other = self._dataset[(number + total // 2 + step) % total]
            theirs = heard_classes(other)
            known = clip.class_map is None or bool(theirs)
            if other.name != clip.name and known and not own & theirs:
                return np.resize(other.waveform, clip.waveform.shape)  # repeated if need be
        return None


def heard_classes(clip: ClipAnnotation) -> set[str]:
    """Name what sounds in a clip, seen or not, as far as it is known."""
    return {*clip.class_names, *clip.sound_classes}


def white_noise(clip: ClipAnnotation) -> Waveform:
    """Make noise as long and as loud (in root mean square) as a clip, in [-1, 1].

    Always the same for a clip of that name.
    """
    random = np.random.default_rng(zlib.crc32(clip.name.encode()))
    level = float(np.sqrt(np.mean(np.square(clip.waveform, dtype=np.float64))))
    noise = random.normal(0, level or NOISE_LEVEL, clip.waveform.size)
    return np.clip(noise, -1, 1).astype(np.float32)


class _Tally:
    def __init__(self, sound: str) -> None:
        self._sound = sound
        self._clips = 0
        self._shares: list[float] = []
        self._overlaps: list[float] = []

    def add(self, segmented: npt.NDArray[np.bool_], clip: ClipAnnotation) -> None:
        self._clips += 1
        truth = clip.masks
        shares = areas(segmented) / (segmented.shape[-2] * segmented.shape[-1])
        self._shares.extend(float(share) for share in shares[clip.labelled])
        seen = clip.labelled & truth.any((-2, -1))
        if seen.any():
            self._overlaps.extend(iou_of_masks(segmented[seen], truth[seen]))

    def scores(self) -> RobustnessScores:
        shares = np.array(self._shares)
        return RobustnessScores(
            sound=self._sound,
            clips=self._clips,
            segmented=float(shares.mean()) if len(shares) else float("nan"),
            alarms=float((shares > ALARM_SHARE).mean()) if len(shares) else float("nan"),
            overlap=float(np.mean(self._overlaps)) if self._overlaps else float("nan"),
        )
