"""The paper's tables with the numbers of a study beside the paper's."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_tavis.training.ablation.rows import QUOTED_BY, ROWS, TABLES, TITLES, Row
from napari_tavis.training.ablation.study import Results

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
        Mean and, of several seeds, standard deviation (of a sample) in percent; the difference
        to TAViS is that of the means.
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
        "difference in M_J",
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
        means = [
            np.mean([run["M_J"] for run in results[name].values()]) for name in (row.name, "paper")
        ]
        difference = f"{100 * (means[0] - means[1]):+.1f}"
    return [*cells, difference, *(str(row.paper.get(name, "")) for name in ("s4", "ms3"))]


def spread(values: Iterable[float]) -> str:
    """Write the mean of shares in percent and, of several, their standard deviation.

    Examples
    --------
    >>> spread([0.5, 0.6])
    '55.0 ± 7.1'
    """
    percent = 100 * np.array(list(values), dtype=float)
    mean = f"{percent.mean():.1f}"
    return mean if len(percent) < 2 else f"{mean} ± {percent.std(ddof=1):.1f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
