"""What passes between the parts of a segmentation backbone, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from napari_tavis.model.rows import Rows


@dataclass
class Features(Rows):
    """Frames as the decoder sees them; ``R`` rows, coarse size ``(h, w)``, stride 16.

    Backbones add what else their decoder looks at.

    Attributes
    ----------
    embedding : Tensor, shape (R, C, h, w)
        Coarsest level of the pyramid.
    """

    embedding: Tensor

    @property
    def finer(self) -> tuple[Tensor, ...]:
        """Finer levels that the decoder looks at, finest first."""
        return ()

    @property
    def mask_size(self) -> tuple[int, int]:
        """Height and width of decoded masks and of mask prompts, stride 4."""
        height, width = self.embedding.shape[-2:]
        return 4 * height, 4 * width


@dataclass
class Masks:
    """What the decoder says about ``R`` objects: see `TAViSOutput` for the meanings.

    Attributes
    ----------
    logits : Tensor, shape (R, 4 h, 4 w)
    candidate_logits : Tensor, shape (R, M, 4 h, 4 w)
    candidate_iou : Tensor, shape (R, M)
    score : Tensor, shape (R,)
    pointer : Tensor, shape (R, C)
    """

    logits: Tensor
    candidate_logits: Tensor
    candidate_iou: Tensor
    score: Tensor
    pointer: Tensor
