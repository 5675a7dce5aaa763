"""What TAViS needs of the model that segments: SAM 2, SAM, or whichever comes next.

A backbone is an image encoder that takes a bias from the sound before every block, and a mask
decoder that takes one token per query and one vector for all pixels. `TAViSConfig.segmenter` says
which one a network has, and only where `TAViS` builds it is that looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from torch import Tensor, nn

from napari_tavis.core.errors import ModelError
from napari_tavis.model.features import Features, Masks

MEMORY, INDEPENDENT = "memory", "independent"
# a frame is segmented on the memory of those before it, or by itself
PROTOCOLS = (MEMORY, INDEPENDENT)

Protocol: TypeAlias = Literal["independent", "memory"]


class ObjectMemory(ABC):
    """What a backbone remembers of ``R`` objects, each in a video of its own, to follow them.

    Positions count the frames that are looked at, whichever frames of the video these are.
    """

    @abstractmethod
    def condition(self, position: int, features: Features, masks: Tensor) -> None:
        """Take what a person drew at a position in time as the truth.

        Takes a frame and a mask (R, h, w) of any size, 0 to 1, for each object; empty: it is not
        there.
        """

    @abstractmethod
    def step(self, position: int, features: Features, *, reverse: bool = False) -> Masks:
        """Find the objects in their next frames, and remember them there.

        The position is the next after those seen, or before them if time runs in reverse.
        """


class SegmentationBackbone(nn.Module, ABC):
    """Image encoder and mask decoder."""

    title: ClassVar[str]  # what users know it as
    protocols: ClassVar[tuple[str, ...]]  # those of `PROTOCOLS` that it has, the best first
    image_size: int  # S, pixels per side of the images that it sees
    image_encoder: nn.Module  # takes normalised images and biases, see `encode`

    @abstractmethod
    def encode(self, images: Tensor, biases: Sequence[Tensor]) -> tuple[list[Tensor], Features]:
        """Encode frames, each with its sound.

        Parameters
        ----------
        images : Tensor, shape (n, 3, S, S)
            RGB with ImageNet's mean and deviation taken out.
        biases : sequence of Tensor, each of shape (n, C_i)
            Added to every pixel of the input of block ``i``; ``C_i`` is ``block_widths[i]`` of
            the configuration.

        Returns
        -------
        levels : list of Tensor
            The image pyramid, finest first: ``[n, C, h_l, w_l]``, the last at stride 16.
        features : Features
            The same as the decoder sees them, ``n`` rows.
        """

    @abstractmethod
    def segment_frames(self, features: Features, sparse: Tensor, dense: Tensor) -> Masks:
        """Segment each of ``n`` frames by itself, with an empty memory (independent protocol).

        Takes a prompt token per query, (n, K, C), and a prompt of every pixel, (n, C); gives ``n *
        K`` rows, the queries of a frame beside each other.
        """

    @abstractmethod
    def segment_prompted(
        self, features: Features, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> Masks:
        """Segment one object in each of ``R`` frames from clicks, a box or a mask instead of sound.

        Parameters
        ----------
        features : Features
            ``R`` frames.
        points : Tensor, shape (R, P, 2)
            Column and row of each point, 0 to 1 of the frame's width and height.
        labels : Tensor, shape (R, P)
            1 inside, 0 outside, 2 and 3 a box's upper left and lower right corner, `NO_POINT`.
        mask_logits : Tensor or None, shape (R, h, w)
            A mask to start from, of any size.
        """

    def segment_clips(self, features: Features, sparse: Tensor, dense: Tensor, clips: int) -> Masks:
        """Segment the ``B * T`` frames of ``B`` clips, each on the memory of those before.

        Frames come clip by clip, with a prompt token per query, (B * T, K, C), and a prompt of
        every pixel, (B * T, C). Gives ``B * T * K`` rows in the order of the frames; raises
        `ModelError` if the backbone has no memory.
        """
        raise self._no_memory()

    def remember_objects(self) -> ObjectMemory:
        """Give an empty memory of objects that a person has drawn, to follow them.

        Raises `ModelError` if the backbone has no memory.
        """
        raise ModelError(
            f"{self.title} cannot follow objects from frame to frame: choose a model on SAM 2, or "
            "click on the object in each frame."
        )

    def choose_protocol(self, wanted: str | None) -> str:
        """Give the protocol to use: the one wanted, or the best there is.

        Raises `ModelError` if there is no such protocol, or the backbone does not have it.
        """
        if wanted is None:
            return self.protocols[0]
        if wanted not in PROTOCOLS:
            raise ModelError(f"There is no protocol {wanted!r}; choose {' or '.join(PROTOCOLS)}.")
        if wanted not in self.protocols:
            raise self._no_memory()
        return wanted

    def _no_memory(self) -> ModelError:
        return ModelError(
            f"{self.title} has no memory of earlier frames: choose the protocol {INDEPENDENT!r}, "
            "or a model on SAM 2."
        )
