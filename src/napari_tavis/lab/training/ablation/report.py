"""The paper's tables with the numbers of a study beside the paper's."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_tavis.lab.training.ablation.rows import QUOTED_BY, ROWS, TABLES, TITLES, Row
from napari_tavis.lab.training.ablation.study import Results

MEASURES = {
    "M_J": "M_J",
    "M_F": "M_F",
    "M_J_one": "M_J, one sounds",
    "M_J_several": "M_J, several sound",
    "found": "found",
    "swap_follows": "swap follows",
    "silence_clean": "silence clean",
}
"""Columns: the measures that a study may have, and their headings."""


def tables(results: Results) -> str:
    """Write as Markdown every table of which a study has two rows.

    Parameters
    ----------
    results : dict
        Of `study.run_study`.

    Returns
    -------
    str
        Mean and, of several seeds, standard deviation (of a sample) in percent. The difference
        is taken seed by seed: all rows of a seed see the same batches.
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
    measures = [name for name in MEASURES if name in results[rows[0].name][seeds[0]]]
    heading = [
        "",
        *(MEASURES[name] for name in measures),
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
    """Fill one line of a table."""
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
