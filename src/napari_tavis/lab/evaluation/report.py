"""An evaluation as JSON, as Markdown, and as one HTML page with its pictures in it."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_tavis.core.atomic import write_atomically
from napari_tavis.core.errors import EvaluationError
from napari_tavis.lab.evaluation.charts import draw_embeddings, draw_reliability, silhouette
from napari_tavis.lab.evaluation.scores import Scores

PICTURES = "pictures"
EMBEDDINGS = "embeddings.npz"
_PACKAGES = {"jinja2": "jinja2", "matplotlib": "matplotlib", "sklearn": "scikit-learn"}

# what each score of the summary is
MEANINGS = {
    "M_J": "scene mask, mean IoU, a clip being a batch",
    "M_F": "scene mask, maximal F over thresholds of the sigmoid (AVSBench), batch of one clip",
    "M_F_logits": "the same with thresholds on raw logits, as TAViS's release computes it",
    "M_J_batch4": "M_J with four clips in a batch, as AVSBench's test command has it",
    "M_F_batch4": "M_F with four clips in a batch",
    "mIoU": "AVSS: mean over 71 classes, those that never occur counting as 0",
    "F": "AVSS: F, likewise",
    "mIoU_no_background": "AVSS over 70 classes; the published scripts drop the last one instead",
    "F_no_background": "AVSS F over 70 classes, likewise",
    "mIoU_occurring": "AVSS over the classes that occur, without background",
    "mIoU_zero_shot": "AVSS with classes by the sum of a2t and i2t (zero-shot setting)",
    "F_zero_shot": "AVSS F, likewise",
    "mIoU_no_background_zero_shot": "the same over 70 classes",
    "F_no_background_zero_shot": "the same over 70 classes",
    "mIoU_occurring_zero_shot": "the same over the classes that occur, without background",
    "objects": "sounding objects, frame by frame",
    "found": "share of them that a query covers with an IoU over 0.5, whatever its class",
    "accuracy_a2t": "share of the found ones whose class is right by sound, of 70",
    "accuracy_i2t": "likewise by what the query highlights",
    "accuracy_sum": "likewise by both (zero-shot setting)",
}


PAPER_SOURCE = (
    "Table 3 of arXiv 2506.11436 as quoted by en.papernotes.org (ICCV 2025, segmentation, TAViS); "
    "not checked against the paper itself"
)


def check_report_packages() -> None:
    """Make sure that a report can be written, before hours are spent on its numbers.

    Raises `EvaluationError` if a package is missing, and says how to install it.
    """
    missing = [name for module, name in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise EvaluationError(
            f"A report needs {', '.join(missing)}: pip install 'napari-tavis[train]'."
        )


def write_report(scores: Scores, directory: Path) -> Path:
    """Write ``report.json``, ``report.md`` and ``report.html``, each whole or not at all.

    Gives the HTML page. The folder is made if need be. Its pictures (`PICTURES`) are those of the
    Markdown page; the HTML page needs no other file. Embeddings are kept as ``embeddings.npz``.
    Raises `EvaluationError` if a package is missing, or the folder cannot be written.
    """
    check_report_packages()
    pictures = _pictures(scores)
    facts = {**scores.as_dict(), **_separation(scores)}
    context = {
        "scores": facts,
        "headline": {name: facts[name] for name in scores.summary},
        "meanings": {name: _meaning(name) for name in scores.summary},
        "paper": PAPER_TABLE_3.get(scores.source.subset, ()),
        "paper_source": PAPER_SOURCE,
        "examples": [(shown, _slot(number)) for number, shown in enumerate(scores.examples)],
        "folder": PICTURES,
    }
    try:
        for name, data in pictures.items():
            write_atomically(directory / PICTURES / f"{name}.png", data)
        if scores.embeddings is not None:
            write_atomically(directory / EMBEDDINGS, _packed(scores))
        text = json.dumps(facts, indent=2)
        write_atomically(directory / "report.json", f"{text}\n".encode())
        page = _render("report.md.j2", {**context, "pictures": pictures})
        write_atomically(directory / "report.md", page.encode())
        inline = {name: _data_uri(data) for name, data in pictures.items()}
        page = _render("report.html.j2", {**context, "pictures": inline})
        write_atomically(directory / "report.html", page.encode())
    except OSError as error:
        raise EvaluationError(
            f"The report cannot be written to {directory}: {error}. Choose another folder."
        ) from error
    return directory / "report.html"


def _meaning(name: str) -> str:
    """Say what a score is; one that is not listed is of a group of classes."""
    if name in MEANINGS:
        return MEANINGS[name]
    group, zero_shot, _ = name.removeprefix("mIoU_").partition("_zero_shot")
    sides = "a2t and i2t" if zero_shot else "a2t"
    return f"AVSS over the {group} classes that occur, classes by {sides}"


def _slot(number: int) -> str:
    """Give the name of the picture of an example: names of clips may be no file names."""
    return f"example-{number + 1}"


def _pictures(scores: Scores) -> dict[str, bytes]:
    """Draw everything, as PNG by name."""
    charts = {"reliability": draw_reliability(scores.reliability)}
    if scores.embeddings is not None:
        charts["embeddings"] = draw_embeddings(scores.embeddings)
    for number, shown in enumerate(scores.examples):
        buffer = io.BytesIO()
        Image.fromarray(shown.picture).save(buffer, format="PNG", optimize=True)
        charts[_slot(number)] = buffer.getvalue()
    return {name: data for name, data in charts.items() if data is not None}


def _separation(scores: Scores) -> dict[str, Any]:
    """Give in numbers how far classes keep apart, beside the picture of it."""
    found = scores.embeddings
    if found is None:
        return {}
    values = {"audio": silhouette(found.audio, found.classes)}
    if found.image is not None:
        values["image"] = silhouette(found.image, found.classes)
    known = {name: round(value, 4) for name, value in values.items() if not np.isnan(value)}
    return {"silhouette": known, "embedded": len(found.classes)}


def _packed(scores: Scores) -> bytes:
    """Pack embeddings for a figure of one's own."""
    found = scores.embeddings
    assert found is not None
    arrays = {"audio": found.audio, "classes": np.array(found.classes)}
    if found.image is not None:
        arrays["image"] = found.image
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _data_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _render(template: str, context: dict[str, Any]) -> str:
    """Fill a template of the package; what comes from the data is escaped in HTML."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("napari_tavis.lab.evaluation"),
        autoescape=jinja2.select_autoescape(["html.j2"], default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = _number
    environment.filters["cell"] = _cell
    return environment.get_template(template).render(context)


def _number(value: float | None) -> str:
    """Write a score with three digits, a count as it is, and nothing for nothing."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """Write a name into Markdown, where it is a name and neither HTML nor a link."""
    plain = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", plain)


@dataclass(frozen=True)
class PaperRow:
    """A method on one subset."""

    method: str
    backbone: str
    size: int  # pixels per side
    m_j: float  # 0 to 1; for AVSS the mean IoU over classes
    m_f: float | None  # None where it is not quoted; TAViS's release computes it on raw logits


# Rows by subset; AVSS is all of AVSBench-semantic. Only the rows that a public summary of the paper
# (Luo et al., ICCV 2025) quotes are here.
PAPER_TABLE_3: dict[str, tuple[PaperRow, ...]] = {
    "s4": (
        PaperRow("COMBO", "PVT-v2", 224, 0.847, 0.919),
        PaperRow("SAMA-AVS", "ViT-H", 1024, 0.832, 0.901),
        PaperRow("TAViS", "ViT-L", 224, 0.848, 0.912),
        PaperRow("TAViS", "ViT-L", 1024, 0.870, 0.926),
    ),
    "ms3": (
        PaperRow("COMBO", "PVT-v2", 224, 0.592, 0.712),
        PaperRow("SAMA-AVS", "ViT-H", 1024, 0.669, 0.754),
        PaperRow("TAViS", "ViT-L", 224, 0.682, 0.759),
        PaperRow("TAViS", "ViT-L", 1024, 0.712, 0.796),
    ),
    "avss": (
        PaperRow("COMBO", "PVT-v2", 224, 0.421, None),
        PaperRow("TAViS", "ViT-L", 224, 0.442, None),
    ),
}
