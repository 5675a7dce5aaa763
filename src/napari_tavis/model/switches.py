"""Parts of TAViS that can be left out: the rows of the paper's tables 1 and 4."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from napari_tavis.core.errors import ModelError
from napari_tavis.core.files import ForeignFileError, parse_json, shown

PseudoText = Literal["text", "mlp", "none"]


@dataclass(frozen=True)
class Switches:
    """Which parts of the network are there. The default is the paper's network.

    A part that is switched off has no weights.

    Parameters
    ----------
    decompose : bool
        Let the sound decide on its queries (IBQD, section 3.2). Without it the queries are ``N``
        learned biases on the sound as a whole, the same for every sound:
        ``t'_a = t_a + Linear(t_W)``, and nothing attends to ``f_a``.
    pseudo_text : {"text", "mlp", "none"}
        Where ``p^t`` comes from (section 3.3): pseudo tokens through the text encoder; an MLP of
        the same input and output, without the text encoder; or nowhere, the prompt being ``p^a``
        alone.
    vision_prompt : bool
        Add the picture's cls token ``t_v`` to the image embedding as a dense prompt.
    """

    decompose: bool = True
    pseudo_text: PseudoText = "text"
    vision_prompt: bool = True

    def __post_init__(self) -> None:
        if self.pseudo_text not in get_args(PseudoText):
            raise ModelError(
                f"There is no pseudo text {self.pseudo_text!r}; choose one of "
                f"{', '.join(get_args(PseudoText))}."
            )

    def to_json(self) -> str:
        """Write the switches as a checkpoint's metadata holds them."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Switches:
        """Read switches from a checkpoint's metadata.

        Raises
        ------
        ModelError
            If the text does not hold switches that this version knows.
        """
        try:
            return cls(**parse_json(text, Path("The metadata")))
        except (ForeignFileError, TypeError) as error:
            raise ModelError(f"{shown(text)} holds no switches that this version knows.") from error


PAPER = Switches()
"""The paper's network."""
