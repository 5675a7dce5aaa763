"""What the paper's table 3 says, to hold a run against.

Luo et al., *TAViS: Text-bridged Audio-Visual Segmentation with Foundation Models*, ICCV 2025,
arXiv 2506.11436. Only the rows that a public summary of the paper quotes are here; what it does
not quote is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = (
    "Table 3 of arXiv 2506.11436 as quoted by en.papernotes.org (ICCV 2025, segmentation, TAViS); "
    "not checked against the paper itself"
)


@dataclass(frozen=True)
class PaperRow:
    """A method on one subset.

    Attributes
    ----------
    method, backbone : str
        What it is.
    size : int
        Pixels per side.
    m_j : float
        M_J; for AVSS the mean IoU over classes. In [0, 1].
    m_f : float or None
        M_F; None where it is not quoted. TAViS's release computes it on raw logits.
    """

    method: str
    backbone: str
    size: int
    m_j: float
    m_f: float | None


TABLE_3: dict[str, tuple[PaperRow, ...]] = {
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
"""Rows by subset; AVSS is all of AVSBench-semantic."""
