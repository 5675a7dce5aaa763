from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_tavis.core.tasks import Cancelled, Task
from napari_tavis.datasets.avsbench import ClipAnnotation
from napari_tavis.lab.evaluation import (
    EvaluationError,
    EvaluationOptions,
    Scores,
    Source,
    evaluate,
    write_report,
)
from napari_tavis.lab.evaluation.charts import silhouette, spread
from napari_tavis.lab.evaluation.evaluator import SCORES_ONLY
from napari_tavis.lab.evaluation.report import PAPER_TABLE_3, _cell, check_report_packages
from napari_tavis.model import TAViS, load_model

ODD = 'a|b <script>"x"</script>'


@pytest.fixture(scope="module")
def scores(clips: list[ClipAnnotation], toy_model: TAViS) -> Scores:
    """All of an evaluation, of clips one of which has an odd name."""
    renamed = [replace(clips[0], name=ODD), *clips[1:]]
    options = EvaluationOptions(examples=1)
    return evaluate(toy_model, renamed, options=options, source=Source("toy", "s4", "test", "data"))


def test_scores_are_those_of_a_model_that_knows_toy_clips(scores: Scores) -> None:
    assert scores.frames == 15
    assert scores.summary["M_J"] > 0.6
    assert scores.summary["accuracy_a2t"] > 0.6
    assert {item.name for item in scores.classes} >= {"bell", "train", "helicopter"}
    assert [shown.kind for shown in scores.examples] == ["best", "worst"]
    assert scores.examples[0].m_j >= scores.examples[1].m_j
    assert scores.embeddings is not None
    assert len(scores.robustness) == 4


def test_one_pass_gives_the_same_scores(
    scores: Scores, clips: list[ClipAnnotation], toy_model: TAViS
) -> None:
    quick = evaluate(toy_model, clips, options=SCORES_ONLY)
    assert quick.robustness == []
    assert quick.examples == []
    for name, value in quick.summary.items():
        assert value == pytest.approx(scores.summary[name])


def test_a_model_in_half_precision_scores_nearly_the_same(
    clips: list[ClipAnnotation],
) -> None:
    options = EvaluationOptions(robustness=False)
    models = (
        load_model("toy", image_size=128, precision=precision)
        for precision in (torch.float32, torch.bfloat16)
    )
    whole, half = (evaluate(model, clips[:1], options=options) for model in models)
    for name, value in half.summary.items():
        assert value == pytest.approx(whole.summary[name], abs=0.1), name


@pytest.fixture(scope="module")
def page(scores: Scores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report, written once over an old one."""
    folder = tmp_path_factory.mktemp("evaluation") / "report"
    write_report(replace(scores, embeddings=None, examples=[]), folder)
    return write_report(scores, folder)


def test_report_is_written_in_three_forms(scores: Scores, page: Path) -> None:
    facts = json.loads((page.parent / "report.json").read_text(), parse_constant=pytest.fail)
    assert facts["M_J"] == round(scores.summary["M_J"], 4)
    assert [row["name"] for row in facts["per_clip"]] == [clip.name for clip in scores.clips]
    text = (page.parent / "report.md").read_text()
    for picture in re.findall(r"!\[[^]]*\]\(([^)]*)\)", text):
        with Image.open(page.parent / picture) as image:
            image.verify()
    assert f"{PAPER_TABLE_3['s4'][2].m_j:.3f}" in text
    rows = [line for line in text.splitlines() if line.startswith("| a\\|b")]
    assert len(rows) == 1
    packed = np.load(page.parent / "embeddings.npz")
    assert len(packed["audio"]) == len(packed["image"]) == len(packed["classes"])
    assert [path.name for path in page.parent.parent.iterdir()] == ["report"]
    assert not list(page.parent.rglob("*.tmp"))


def test_html_needs_no_other_file_and_escapes_names(page: Path) -> None:
    reader = _Reader()
    reader.feed(page.read_text())
    assert reader.sources
    assert all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert not {"script", "link", "iframe"} & reader.tags
    assert ODD in "".join(reader.text)


def test_markdown_escapes_names(page: Path) -> None:
    assert "<" in ODD
    text = page.with_suffix(".md").read_text()
    assert not re.search("<[a-z/!](?!ttps?:)", text)
    assert _cell("[a](javascript:b) *c* `d`\n| <img src=x> ~e~") == (
        "\\[a\\](javascript:b) \\*c\\* \\`d\\` \\| &lt;img src=x&gt; \\~e\\~"
    )


class _Reader(HTMLParser):
    """Collects tags, texts and what pictures are loaded from."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_report_of_little_is_written_too(scores: Scores, tmp_path: Path) -> None:
    little = Scores(
        source=Source("toy", "ms3", "test"),
        protocol="independent",
        summary={"M_J": 0.5, "M_F": float("nan"), "M_F_logits": float("nan")},
        clips=[replace(scores.clips[0], classes=(), m_f=float("nan"))],
    )
    text = write_report(little, tmp_path).with_suffix(".md").read_text()
    assert "## Per class" not in text
    assert "## Beside the paper" in text
    assert "nan" not in text.lower()


def test_a_folder_that_cannot_be_written_is_told(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="another folder"):
        write_report(scores, tmp_path / "file" / "report")


def test_a_missing_package_is_told_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    check_report_packages()
    monkeypatch.setitem(sys.modules, "sklearn", None)  # as if it were not installed
    with pytest.raises(EvaluationError, match=r"scikit-learn: pip install 'napari-tavis\[train\]'"):
        check_report_packages()


def test_nothing_to_evaluate_and_cancelling(clips: list[ClipAnnotation], toy_model: TAViS) -> None:
    with pytest.raises(EvaluationError, match="no clip"):
        evaluate(toy_model, [])
    task = Task()
    task.cancel()
    with pytest.raises(Cancelled):
        evaluate(toy_model, clips, task=task)


def test_classes_that_lie_apart_are_drawn_apart() -> None:
    random = np.random.default_rng(0)
    middles = np.eye(8, dtype=np.float32)[:2]
    vectors = np.repeat(middles, 10, axis=0) + 0.05 * random.normal(size=(20, 8)).astype("f4")
    names = ["bell"] * 10 + ["train"] * 10
    places = spread(vectors)
    assert np.array_equal(places, spread(vectors))
    assert silhouette(places, names) > 0.5
    assert silhouette(vectors, names) > 0.8
    assert np.isnan(silhouette(vectors[:10], names[:10]))
