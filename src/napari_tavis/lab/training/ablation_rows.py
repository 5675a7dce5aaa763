"""The rows of the paper's tables 1, 2, 4 and 5, as changes of the network, and their print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.losses import PAPER_LOSS, LossSwitches
from napari_tavis.model.config import PAPER, Switches

# where the paper's numbers of tables 1 and 2 are quoted; tables 4 and 5 are not there
QUOTED_BY = "https://en.papernotes.org/ICCV2025/segmentation/tavis_text-bridged_audio-visual_segmentation_with_foundation_models/"


# what was measured, by row, seed and name of the measure
Results = dict[str, dict[int, dict[str, float]]]

# the measures that a study may have, and their headings
COLUMNS = {
    "M_J": "M_J",
    "M_F": "M_F",
    "M_J_one": "M_J, one sounds",
    "M_J_several": "M_J, several sound",
    "found": "found",
    "swap_follows": "swap follows",
    "silence_clean": "silence clean",
}


@dataclass(frozen=True)
class Row:
    """One row of an ablation."""

    name: str  # on the command line
    label: str  # in the paper
    switches: Switches = PAPER
    losses: LossSwitches = PAPER_LOSS  # the terms of the alignment
    segmenter: str = "sam2"  # or "sam"
    # its M_J in percent, by dataset (s4, ms3; 224 pixels); empty where not known here
    paper: Mapping[str, float] = field(default_factory=dict)
    note: str = ""  # what should be known about the row


_NO_PROMPT_TEXT = Switches(pseudo_text="none")
_UNCLEAR = (
    "The paper's number is left out: the quotation has one row `L_a2i` (83.1 and 66.5) and calls "
    "it both alone and added."
)

ROWS = {
    row.name: row
    for row in (
        Row("paper", "TAViS", paper={"s4": 84.8, "ms3": 68.2}),
        Row("no-ibqd", "w/o IBQD", Switches(decompose=False), paper={"s4": 79.6, "ms3": 58.5}),
        Row(
            "no-tbas",
            "w/o TbAS",
            losses=LossSwitches(a2t=False, i2t=False),
            paper={"s4": 83.6, "ms3": 64.9},
            note="Which class a query has is not learned then, as the scene mask does not ask.",
        ),
        Row(
            "no-tbhp",
            "w/o TbHP",
            Switches(pseudo_text="none", vision_prompt=False),
            LossSwitches(a2pt=False),
            paper={"s4": 83.9, "ms3": 65.1},
        ),
        Row(
            "no-a2t",
            "w/o L_a2t",
            losses=LossSwitches(a2t=False),
            paper={"s4": 83.8, "ms3": 65.2},
        ),
        Row(
            "no-i2t",
            "w/o L_i2t",
            losses=LossSwitches(i2t=False),
            paper={"s4": 84.0, "ms3": 64.4},
        ),
        Row("with-a2i", "L_a2t + L_i2t + L_a2i", losses=LossSwitches(a2i=True), note=_UNCLEAR),
        Row(
            "a2i-alone",
            "L_a2i",
            losses=LossSwitches(a2t=False, i2t=False, a2i=True),
            note=_UNCLEAR,
        ),
        Row("no-text", "w/o p^t", _NO_PROMPT_TEXT, LossSwitches(a2pt=False)),
        Row(
            "mlp-text",
            "p^t by an MLP",
            Switches(pseudo_text="mlp"),
            note="`L_a2pt` pulls the MLP's output to the text, as it does the text encoder's.",
        ),
        Row("no-vision", "w/o t_v", Switches(vision_prompt=False)),
        Row(
            "sam",
            "SAM as the backbone",
            segmenter="sam",
            note="The toy has no trained SAM: on the toy world this row begins from nothing.",
        ),
    )
}

TABLES: dict[int, tuple[str, ...]] = {
    1: ("no-ibqd", "no-tbas", "no-tbhp", "paper"),
    2: ("no-a2t", "no-i2t", "with-a2i", "a2i-alone", "paper"),
    4: ("no-text", "mlp-text", "no-vision", "paper"),
    5: ("sam", "paper"),
}

TITLES = {
    1: "the parts of TAViS",
    2: "the losses of the alignment",
    4: "the prompts",
    5: "the segmentation backbone",
}


def choose_rows(tables: Sequence[int] = (), names: Sequence[str] = ()) -> list[Row]:
    """Give the rows of some tables, and some by name, each once, in the order of `ROWS`.

    Raises `TrainingError` if there is no such table or row.
    """
    for table in tables:
        if table not in TABLES:
            raise TrainingError(
                f"There is no ablation in table {table}; choose from {', '.join(map(str, TABLES))}."
            )
    for name in names:
        if name not in ROWS:
            raise TrainingError(f"There is no row {name!r}; choose from {', '.join(ROWS)}.")
    wanted = {name for table in tables for name in TABLES[table]} | set(names)
    return [row for name, row in ROWS.items() if name in wanted]


def tables(results: Results) -> str:
    """Write as Markdown every table of which a study has two rows.

    Cells are mean and, of several seeds, standard deviation (of a sample) in percent. The
    difference is taken seed by seed: all rows of a seed see the same batches.
    """
    parts = [
        _table(number, [ROWS[name] for name in names if name in results], results)
        for number, names in TABLES.items()
        if sum(name in results for name in names) > 1
    ]
    quoted = any(ROWS[name].paper for name in results)
    source = f"The paper's numbers are as quoted by <{QUOTED_BY}>.\n" if quoted else ""
    return "\n".join([*parts, source])


def _table(number: int, rows: list[Row], results: Results) -> str:
    """Write one table and the notes on its rows."""
    seeds = sorted({seed for row in rows for seed in results[row.name]})
    measures = [name for name in COLUMNS if name in results[rows[0].name][seeds[0]]]
    heading = [
        "",
        *(COLUMNS[name] for name in measures),
        "M_J less TAViS's",
        "paper: S4",
        "paper: MS3",
    ]
    lines = [
        f"**Table {number}: {TITLES[number]}** (seeds {', '.join(map(str, seeds))})\n",
        _line(heading),
        _line(["---"] * len(heading)),
        *(_line(_cells(row, results, measures)) for row in rows),
        "",
        *(f"- {row.label}: {row.note}" for row in rows if row.note),
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Row, results: Results, measures: list[str]) -> list[str]:
    own = results[row.name]
    cells = [row.label, *(spread(run[name] for run in own.values()) for name in measures)]
    difference = ""
    if row.name != "paper" and "paper" in results:
        whole = results["paper"]
        steps = [own[seed]["M_J"] - whole[seed]["M_J"] for seed in own if seed in whole]
        difference = spread(steps, signed=True)
    return [*cells, difference, *(str(row.paper.get(name, "")) for name in ("s4", "ms3"))]


def spread(values: Iterable[float], signed: bool = False) -> str:
    """Write the mean of shares in percent and, of several, their standard deviation.

    Examples
    --------
    >>> spread([0.5, 0.6])
    '55.0 ± 7.1'
    >>> spread([0.123], signed=True)
    '+12.3'
    """
    percent = 100 * np.array(list(values), dtype=float)
    mean = f"{percent.mean():{'+' if signed else ''}.1f}"
    return mean if len(percent) < 2 else f"{mean} ± {percent.std(ddof=1):.1f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
