"""The charts of a report: embeddings per class (figure 4), and reliability curves.

scikit-learn and matplotlib come with the extra ``train``; they are imported where they are used.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_tavis.core.vocabulary import AVSBENCH_CLASSES, class_color
from napari_tavis.lab.evaluation.scores import Embeddings, Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST_POINTS = 8  # fewer embeddings than this give no picture

_SEED = 0
_PERPLEXITY = 30.0
_DOTS_PER_INCH = 110


def spread(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lay unit vectors (n, D) out in the plane by t-SNE, always in the same way: (n, 2)."""
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    method = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=_SEED)
    return np.asarray(method.fit_transform(vectors))


def silhouette(vectors: npt.NDArray[np.float32], classes: Sequence[str]) -> float:
    """Measure how well classes keep apart: the mean silhouette by cosine distance.

    From -1 to 1, of vectors (n, D); NaN unless there are at least two classes and more points than
    classes.
    """
    from sklearn.metrics import silhouette_score

    if not 2 <= len(set(classes)) < len(classes):
        return float("nan")
    return float(silhouette_score(vectors, list(classes), metric="cosine"))


def draw_embeddings(embeddings: Embeddings) -> bytes | None:
    """Draw audio and image embeddings beside each other, a colour per class, as PNG.

    None if there are too few points for a picture.
    """
    if len(embeddings.classes) < FEWEST_POINTS:
        return None
    panels = [("audio, T_a", embeddings.audio), ("image, T_v", embeddings.image)]
    shown = [(title, vectors) for title, vectors in panels if vectors is not None]
    figure = _figure(5.0 * len(shown), 4.6)
    for number, (title, vectors) in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), number + 1)
        axes.set_title(title)
        axes.set_xticks([])
        axes.set_yticks([])
        _scatter(axes, spread(vectors), embeddings.classes)
    return _png(figure)


def _scatter(axes: Axes, places: npt.NDArray[np.float32], classes: Sequence[str]) -> None:
    """Plot points in their classes' colours, with each class's name at its middle."""
    names = np.array(classes)
    for name in dict.fromkeys(classes):
        own = places[names == name]
        color = np.array(class_color(AVSBENCH_CLASSES.index(name))) / 255
        axes.scatter(own[:, 0], own[:, 1], s=10, color=color, alpha=0.7)
        column, row = np.median(own, axis=0)
        axes.text(column, row, name, fontsize=7, ha="center", va="center")


def draw_reliability(curves: Sequence[Reliability]) -> bytes | None:
    """Draw reliability curves beside each other, with the share of cases in each bin, as PNG."""
    if not curves:
        return None
    figure = _figure(4.0 * len(curves), 4.2)
    for number, curve in enumerate(curves):
        axes = figure.add_subplot(1, len(curves), number + 1)
        shares = np.array(curve.count) / sum(curve.count)
        middles = (np.arange(len(shares)) + 0.5) / len(shares)
        axes.bar(middles, shares, width=0.9 / len(shares), color="0.88", label="share of cases")
        axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
        pairs = zip(curve.confidence, curve.outcome, strict=True)
        points = np.array([(sure, true) for sure, true in pairs if sure is not None], float)
        axes.plot(points[:, 0], points[:, 1], marker="o", label="outcome")
        what, _, truth = curve.title.partition(": ")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=what, ylabel=truth)
        axes.set_title(f"expected calibration error {curve.error:.3f}", fontsize=9)
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    """Make a figure, sized in inches, without the global state of pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, layout="tight")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
