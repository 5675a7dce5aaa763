"""What an evaluation finds out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_tavis.lab.evaluation.reliability import Reliability


@dataclass(frozen=True)
class Source:
    """What was measured on what; words for the report.

    Attributes
    ----------
    model : str
        Name of the model.
    subset, split : str
        Part of the dataset.
    data : str
        Name of the dataset's folder.
    """

    model: str = ""
    subset: str = ""
    split: str = ""
    data: str = ""


@dataclass(frozen=True)
class ClipScores:
    """The scene mask of one clip.

    Attributes
    ----------
    name : str
        Name or uid.
    classes : tuple of str
        What sounds, as far as the labels say.
    frames : int
        Labelled frames.
    empty : int
        Those of them in which nothing sounds.
    m_j, m_f, m_f_logits : float
        M_J and M_F of this clip alone; NaN where it has nothing to count.
    """

    name: str
    classes: tuple[str, ...]
    frames: int
    empty: int
    m_j: float
    m_f: float
    m_f_logits: float


@dataclass(frozen=True)
class ClassScores:
    """One class; NaN where it has nothing to count.

    Attributes
    ----------
    name : str
        The class.
    frames : int
        Labelled frames in which it sounds and is seen.
    m_j : float
        Mean IoU of the scene mask over them.
    iou, f_score : float
        AVSS, classes told by sound.
    objects : int
        Objects that were looked for.
    found : float
        Share of them that some query covers with an IoU over 0.5.
    accuracy : dict of str to float
        Share of the found ones whose class is right, by ``a2t``, ``i2t`` and ``sum``.
    """

    name: str
    frames: int
    m_j: float
    iou: float
    f_score: float
    objects: int
    found: float
    accuracy: dict[str, float]


@dataclass(frozen=True)
class RobustnessScores:
    """The same clips with another sound; all shares lie between 0 and 1.

    Attributes
    ----------
    sound : str
        What is heard.
    clips : int
        How many clips.
    segmented : float
        Mean share of a frame that the scene mask covers. What is heard belongs to nothing that
        is labelled, so all of it is wrong but for the first row, the clips' own sound.
    alarms : float
        Share of the frames of which it covers more than 2 %.
    overlap : float
        Mean IoU with the mask of what sounds in truth, over frames that have one: how much the
        model segments what it sees whatever it hears.
    """

    sound: str
    clips: int
    segmented: float
    alarms: float
    overlap: float


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Queries that found an object, in ImageBind's space, for figure 4.

    Attributes
    ----------
    classes : tuple of str
        Class of each, ``n`` in all.
    audio : ndarray of float32, shape (n, D)
        ``T_a``, unit length.
    image : ndarray of float32 or None, shape (n, D)
        ``T_v``, unit length.
    """

    classes: tuple[str, ...]
    audio: npt.NDArray[np.float32]
    image: npt.NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Example:
    """A picture of a clip: sound, frames, prediction and truth.

    Attributes
    ----------
    kind : {"best", "worst"}
        Why it is shown.
    name : str
        Name of the clip.
    m_j : float
        Its score.
    picture : ndarray of uint8, shape (H, W, 3)
        RGB.
    """

    kind: Literal["best", "worst"]
    name: str
    m_j: float
    picture: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scores:
    """Everything an evaluation finds out.

    Attributes
    ----------
    source : Source
        What was measured on what.
    protocol : str
        How SAM 2 decoded.
    summary : dict of str to float
        The scores of the whole split by name; see ``docs/evaluation.md``. NaN where there is
        nothing to count.
    clips : list of ClipScores
        In the order of the dataset.
    classes : list of ClassScores
        Classes that occur, alphabetically; none where the labels tell no classes.
    reliability : list of Reliability
        Curves.
    robustness : list of RobustnessScores
        The clips' own sound first; empty if it was not asked for.
    embeddings : Embeddings or None
        None where no object was found.
    examples : list of Example
        Best and worst clips.
    """

    source: Source
    protocol: str
    summary: dict[str, float]
    clips: list[ClipScores]
    classes: list[ClassScores] = field(default_factory=list)
    reliability: list[Reliability] = field(default_factory=list)
    robustness: list[RobustnessScores] = field(default_factory=list)
    embeddings: Embeddings | None = None
    examples: list[Example] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """Labelled frames that were scored."""
        return sum(clip.frames for clip in self.clips)

    def headline(self) -> dict[str, Any]:
        """Give the scores of the whole split as one flat table, ready for JSON."""
        about = {"subset": self.source.subset, "split": self.source.split}
        return {
            "model": self.source.model,
            **about,
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
