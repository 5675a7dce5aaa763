"""What an evaluation measures. All shares and scores are from 0 to 1; NaN where nothing counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Source:
    """What was measured on what; words for the report."""

    model: str = ""
    subset: str = ""
    split: str = ""
    data: str = ""  # name of the dataset's folder


@dataclass(frozen=True)
class ClipScores:
    """The scene mask of one clip."""

    name: str  # or uid
    classes: tuple[str, ...]  # what sounds, as far as the labels say
    frames: int  # labelled ones
    empty: int  # those of them in which nothing sounds
    m_j: float  # of this clip alone, as are the next two
    m_f: float
    m_f_logits: float


@dataclass(frozen=True)
class ClassScores:
    """One class."""

    name: str
    frames: int  # labelled ones in which it sounds and is seen
    m_j: float  # mean IoU of the scene mask over them
    iou: float  # AVSS, classified by sound, as is the next
    f_score: float
    objects: int  # that were looked for
    found: float  # share of them that some query covers with an IoU over 0.5
    # share of the found ones whose class is right, by "a2t", "i2t", "sum"
    accuracy: dict[str, float]


@dataclass(frozen=True)
class RobustnessScores:
    """The same clips with another sound."""

    sound: str  # what is heard
    clips: int
    # Mean share of a frame that the scene mask covers. What is heard belongs to nothing that is
    # labelled, so all of it is wrong but for the first row, the clips' own sound.
    segmented: float
    alarms: float  # share of the frames of which it covers more than 2 %
    # Mean IoU with the mask of what sounds in truth, over frames that have one: how much the model
    # segments what it sees whatever it hears.
    overlap: float


@dataclass(frozen=True)
class Reliability:
    """Whether a score keeps its promise: how often what is called 80 % sure is right."""

    title: str  # what is held against what
    # mean score in each bin of scores; None where a bin is empty
    confidence: tuple[float | None, ...]
    outcome: tuple[float | None, ...]  # mean truth there
    count: tuple[int, ...]  # cases in each bin
    error: float  # expected calibration error: mean distance of the two, weighted by the cases


@dataclass(frozen=True, eq=False)
class Embeddings:
    """``n`` queries that found an object, in ImageBind's space, for figure 4."""

    classes: tuple[str, ...]
    audio: npt.NDArray[np.float32]  # T_a: (n, D), unit length
    image: npt.NDArray[np.float32] | None  # T_v: (n, D), unit length


@dataclass(frozen=True, eq=False)
class Example:
    """A picture of a clip: sound, frames, prediction and truth."""

    kind: Literal["best", "worst"]  # why it is shown
    name: str
    m_j: float
    picture: npt.NDArray[np.uint8]  # (H, W, 3), RGB


@dataclass(frozen=True, eq=False)
class Scores:
    """Everything an evaluation measures."""

    source: Source
    protocol: str  # how SAM 2 decoded
    summary: dict[str, float]  # of the whole split by name; see docs/evaluation.md
    clips: list[ClipScores]  # in the order of the dataset
    # those that occur, alphabetically; none where the labels have no classes
    classes: list[ClassScores] = field(default_factory=list)
    reliability: list[Reliability] = field(default_factory=list)
    # the clips' own sound first; empty if it was not asked for
    robustness: list[RobustnessScores] = field(default_factory=list)
    embeddings: Embeddings | None = None  # None where no object was found
    examples: list[Example] = field(default_factory=list)  # best and worst clips

    @property
    def frames(self) -> int:
        """Labelled frames that were scored."""
        return sum(clip.frames for clip in self.clips)

    def headline(self) -> dict[str, Any]:
        """Give the scores of the whole split as one flat table, ready for JSON."""
        return {
            "model": self.source.model,
            "subset": self.source.subset,
            "split": self.source.split,
            "protocol": self.protocol,
            "clips": len(self.clips),
            "frames": self.frames,
            **{name: rounded(value) for name, value in self.summary.items()},
        }

    def as_dict(self) -> dict[str, Any]:
        """Give everything but pictures and embeddings, ready for JSON: NaN becomes None."""
        return {
            **self.headline(),
            "data": self.source.data,
            "per_clip": [_plain(asdict(clip)) for clip in self.clips],
            "per_class": [_plain(asdict(item)) for item in self.classes],
            "reliability": [_plain(asdict(curve)) for curve in self.reliability],
            "robustness": [_plain(asdict(row)) for row in self.robustness],
            "examples": [{"kind": shown.kind, "name": shown.name} for shown in self.examples],
        }


def rounded(value: float | None) -> float | None:
    """Round a score to four digits, and leave a count; None if it is not a number."""
    if isinstance(value, int):
        return value
    return None if value is None or np.isnan(value) else round(float(value), 4)


def _plain(value: Any) -> Any:
    """Round all numbers in dicts and tuples."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return rounded(value) if isinstance(value, float) else value
