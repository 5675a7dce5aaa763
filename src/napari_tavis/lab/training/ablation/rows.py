"""The rows of the paper's tables 1, 2, 4 and 5, as changes of the network and of its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from napari_tavis.core.errors import TrainingError
from napari_tavis.lab.training.losses import PAPER_LOSS, LossSwitches
from napari_tavis.model.switches import PAPER, Switches

QUOTED_BY = "https://en.papernotes.org/ICCV2025/segmentation/tavis_text-bridged_audio-visual_segmentation_with_foundation_models/"
"""Where the paper's numbers of tables 1 and 2 are quoted; those of tables 4 and 5 are not there."""


@dataclass(frozen=True)
class Row:
    """One row of an ablation.

    Parameters
    ----------
    name : str
        By which the command line calls it.
    label : str
        As the paper calls it.
    switches : Switches
        The network.
    losses : LossSwitches
        The terms of the alignment.
    segmenter : str
        ``"sam2"`` or ``"sam"``.
    paper : mapping of str to float
        The paper's M_J, in percent, by dataset (``s4``, ``ms3``; 224 pixels); empty where it is
        not known here.
    note : str
        What should be known about the row.
    """

    name: str
    label: str
    switches: Switches = PAPER
    losses: LossSwitches = PAPER_LOSS
    segmenter: str = "sam2"
    paper: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


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
"""All rows by name."""

TABLES: dict[int, tuple[str, ...]] = {
    1: ("no-ibqd", "no-tbas", "no-tbhp", "paper"),
    2: ("no-a2t", "no-i2t", "with-a2i", "a2i-alone", "paper"),
    4: ("no-text", "mlp-text", "no-vision", "paper"),
    5: ("sam", "paper"),
}
"""The rows of each table."""

TITLES = {
    1: "the parts of TAViS",
    2: "the losses of the alignment",
    4: "the prompts",
    5: "the segmentation backbone",
}


def choose_rows(tables: Sequence[int] = (), names: Sequence[str] = ()) -> list[Row]:
    """Give the rows of some tables, and some by name, each once.

    Parameters
    ----------
    tables : sequence of int
        Numbers of tables.
    names : sequence of str
        Names of rows.

    Returns
    -------
    list of Row
        In the order of `ROWS`.

    Raises
    ------
    TrainingError
        If there is no such table or row.
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
