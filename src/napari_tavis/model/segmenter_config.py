"""Sizes of the models that segment, of which a network has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias


@dataclass(frozen=True)
class Sam2Config:
    """SAM 2: image encoder, memory and mask decoder.

    The defaults are those of ``sam2/configs/sam2/sam2_hiera_l.yaml``.

    Parameters
    ----------
    version : {"2.0", "2.1"}
        SAM 2.1 also remembers that an object is not there, and when object pointers are from.
    trunk_width, trunk_heads : int
        Channels and heads of Hiera's first stage; both double at every stage.
    stages : tuple of int
        Blocks per stage.
    windows : tuple of int
        Attention window per stage, in tokens per side.
    global_blocks : tuple of int
        Blocks that attend to the whole image instead.
    position_grid : int
        Side of the stored position embedding of the whole image.
    width : int
        Channels of the pyramid's levels, of the memory attention and of the decoder.
    memory_width : int
        Channels of a stored memory.
    memory_layers, memory_hidden_width : int
        Layers of the memory attention and the width of their MLPs.
    decoder_hidden_width, iou_hidden_width : int
        Width of the MLPs in the mask decoder's transformer and of its IoU head.
    dropout : float
        Dropout in the memory attention, in training only.
    layer_scale : float
        Initial weight of the blocks that fuse a mask with its image in the memory encoder.
    paint_points : bool
        Draw points and boxes into the mask prompt, too. SAM 2 has learned from millions of masks
        to find a place by its coordinates; a small network learns sooner to see a mark.
    """

    family: ClassVar[str] = "sam2"

    version: Literal["2.0", "2.1"] = "2.0"
    trunk_width: int = 144
    trunk_heads: int = 2
    stages: tuple[int, ...] = (2, 6, 36, 4)
    windows: tuple[int, ...] = (8, 4, 16, 8)
    global_blocks: tuple[int, ...] = (23, 33, 43)
    position_grid: int = 7
    width: int = 256
    memory_width: int = 64
    memory_layers: int = 4
    memory_hidden_width: int = 2048
    decoder_hidden_width: int = 2048
    iou_hidden_width: int = 256
    dropout: float = 0.1
    layer_scale: float = 1e-6
    paint_points: bool = False

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """Channels of each stage of Hiera, finest first."""
        return tuple(self.trunk_width * 2**stage for stage in range(len(self.stages)))

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Channels of the input of each block of Hiera: a stage's first block still has the old."""
        widths = [w for w, n in zip(self.stage_widths, self.stages, strict=True) for _ in range(n)]
        return (widths[0], *widths[:-1])


@dataclass(frozen=True)
class SamConfig:
    """SAM: image encoder and mask decoder, without a memory.

    The defaults are those of ``build_sam_vit_h`` of the ``segment_anything`` package.

    Parameters
    ----------
    trunk_width, trunk_heads, blocks : int
        Channels, heads and blocks of the image encoder, a ViT on patches of 16x16 pixels.
    window : int
        Attention window, in tokens per side.
    global_blocks : tuple of int
        Blocks that attend to the whole image instead.
    position_grid : int
        Side of the stored position embedding, which is resized to the image.
    width : int
        Channels of the image embedding and of the decoder.
    decoder_hidden_width, iou_hidden_width : int
        Width of the MLPs in the mask decoder's transformer and of its IoU head.
    paint_points : bool
        See `Sam2Config`.
    """

    family: ClassVar[str] = "sam"

    trunk_width: int = 1280
    trunk_heads: int = 16
    blocks: int = 32
    window: int = 14
    global_blocks: tuple[int, ...] = (7, 15, 23, 31)
    position_grid: int = 64
    width: int = 256
    decoder_hidden_width: int = 2048
    iou_hidden_width: int = 256
    paint_points: bool = False

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Channels of the input of each block."""
        return (self.trunk_width,) * self.blocks


SegmenterConfig: TypeAlias = Sam2Config | SamConfig
"""`family` names the kind: weights carry it in front of their names."""
