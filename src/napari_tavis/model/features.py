"""What passes between the parts of the network: tensors with one row per frame.

Nothing that the encoders give depends on the vocabulary, a threshold, the protocol or clicks, so it
can be kept and decoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor


@dataclass
class Rows:
    """A dataclass of tensors, or of other `Rows`, whose first axis counts the same frames.

    A part that is None is missing for all of the frames.
    """

    def rows(self, index: slice | Tensor) -> Self:
        """Give some rows; with a slice they share their memory with these."""
        return self._each(lambda part: part.rows(index) if isinstance(part, Rows) else part[index])

    def row(self, number: int) -> Self:
        """Copy one row, so that it outlives the others without holding their memory."""
        return self.rows(slice(number, number + 1)).clone()

    def clone(self) -> Self:
        return self._each(lambda part: part.clone())

    def to(self, device: torch.device | str) -> Self:
        return self._each(lambda part: part.to(device))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the rows of several in sequence; a part missing from one is missing in the result."""
        return cls(*(_join([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    @property
    def nbytes(self) -> int:
        parts = (getattr(self, field.name) for field in fields(self))
        return sum(part.nbytes for part in parts if part is not None)

    def _each(self, change: Callable[[Any], Any]) -> Self:
        parts = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(None if part is None else change(part) for part in parts))


def _join(parts: Sequence[Any]) -> Any:
    if any(part is None for part in parts):
        return None
    if isinstance(parts[0], Rows):
        return type(parts[0]).join(parts)
    return torch.cat(list(parts))


@dataclass
class Features(Rows):
    """Frames as the decoder sees them: ``R`` rows, coarse size ``(h, w)``, stride 16.

    Backbones add what else their decoder looks at.
    """

    embedding: Tensor  # (R, C, h, w), the coarsest level of the pyramid

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
    """What the decoder finds of ``R`` objects; `TAViSOutput` explains the parts."""

    logits: Tensor  # (R, 4 h, 4 w)
    candidate_logits: Tensor  # (R, M, 4 h, 4 w)
    candidate_iou: Tensor  # (R, M)
    score: Tensor  # (R,)
    pointer: Tensor  # (R, C)


@dataclass
class SoundPrompts(Rows):
    """What the mask decoder is given of the sound of each of ``n`` frames."""

    sparse: Tensor  # p: (n, K, C), one prompt token per query; the scene's is the last
    dense: Tensor  # t_v: (n, C), added to every pixel of the image embedding, for all queries
    # (n, K, W), of the text trunk at the chosen position; zeros if there is none
    pseudo_text: Tensor
    audio: Tensor  # p^a: (n, K, C), the part of the prompt that comes from the sound itself
    text: Tensor  # p^t: (n, K, C), the part that comes from the pseudo text; zeros if there is none


@dataclass
class Sound(Rows):
    """The two seconds of sound of each of ``n`` frames, encoded."""

    tokens: Tensor  # f_a: (n, F, C), trunk tokens
    summary: Tensor  # t_a: (n, C), the sound as a whole


@dataclass
class FrozenFeatures(Rows):
    """All that ImageBind makes of ``n`` frames: what training never changes, and can keep."""

    sound: Sound
    seen: Tensor  # t_v: (n, Cv), the picture as a whole


@dataclass
class Cues(Rows):
    """What the sound of ``n`` frames asks for: how to find it, and what to compare with classes."""

    prompts: SoundPrompts
    audio_embedding: Tensor  # T_a: (n, N, D), decomposed queries t'_a through the audio head
    sound_embedding: Tensor  # (n, D), the whole sound t_a through the audio head


@dataclass
class EncodedFrames(Rows):
    """``n`` frames as the mask decoder sees them."""

    features: Features  # the image, seen in the light of its sound: what clicks and tracking need
    cues: Cues | None = None  # what segmenting by sound needs as well
    sound: Sound | None = None  # what cues are made of, kept as long as they are not
