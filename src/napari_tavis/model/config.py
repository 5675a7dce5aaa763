"""Sizes of the network: every number that differs between the paper's model and the toy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from napari_tavis.model.errors import ModelError

MEL_SIZE = (128, 204)
"""Mel bins and time steps of one 2 s window of sound."""

IMAGE_SIZE_STEP = 32
"""Image sizes are multiples of the coarsest stride of Hiera."""


@dataclass(frozen=True)
class TransformerConfig:
    """A stack of pre-norm transformer blocks.

    Parameters
    ----------
    width : int
        Channels of a token.
    blocks : int
        Number of blocks.
    heads : int
        Attention heads per block.
    bias_kv : bool
        Whether every attention has one learned key and value of its own.
    """

    width: int
    blocks: int
    heads: int
    bias_kv: bool = False


@dataclass(frozen=True)
class ImageBindConfig:
    """The three encoders of ImageBind that TAViS uses (paper, section 3.1).

    Parameters
    ----------
    vision, audio, text : TransformerConfig
        The trunks.
    embedding_width : int
        Channels ``D`` of the space shared by the three.
    vision_size : int
        Pixels per side that the vision encoder sees.
    vision_patch : int
        Pixels per side of an image patch.
    vision_grid : int
        Patches per side that the stored position embedding was made for.
    audio_patch, audio_stride : int
        Size and distance of the patches of the log-mel spectrogram.
    context : int
        Tokens of a text.
    vocabulary : int
        Entries of the byte pair encoding.
    """

    vision: TransformerConfig
    audio: TransformerConfig
    text: TransformerConfig
    embedding_width: int
    vision_size: int = 112
    vision_patch: int = 14
    vision_grid: int = 16
    audio_patch: int = 16
    audio_stride: int = 10
    context: int = 77
    vocabulary: int = 49408

    @property
    def audio_grid(self) -> tuple[int, int]:
        """Patches of a spectrogram along frequency and time."""
        rows, columns = ((size - self.audio_patch) // self.audio_stride + 1 for size in MEL_SIZE)
        return rows, columns


@dataclass(frozen=True)
class Sam2Config:
    """SAM 2.0: image encoder, memory and mask decoder.

    The defaults are those of ``sam2/configs/sam2/sam2_hiera_l.yaml``.

    Parameters
    ----------
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
class TAViSConfig:
    """The whole network.

    Parameters
    ----------
    preset : str
        Name of the preset, stored in checkpoints.
    image_size : int
        Pixels ``S`` per side of the image that SAM 2 sees.
    imagebind : ImageBindConfig
        The audio, vision and text encoders.
    sam2 : Sam2Config
        Image encoder, memory and mask decoder.
    queries : int
        Decomposed audio queries ``N``; the scene query comes on top.
    pseudo_tokens : int
        Token embeddings that one audio query becomes.
    bias_heads : int
        Heads of the attention of the learnable queries, ``t_W``.
    refine_heads, refine_layers : int
        Heads and layers of the attention of the decomposed queries, ``t'_a``.
    adapter_width, adapter_hidden_width : int
        Channels of the sound vector that enters the adapters, and of their hidden layer.
    needs_release : bool
        Whether the network is meant for released weights rather than training from scratch.
    """

    preset: str
    image_size: int
    imagebind: ImageBindConfig
    sam2: Sam2Config
    queries: int = 5
    pseudo_tokens: int = 6
    bias_heads: int = 8
    refine_heads: int = 4
    refine_layers: int = 4
    adapter_width: int = 128
    adapter_hidden_width: int = 512
    needs_release: bool = False

    def __post_init__(self) -> None:
        if self.image_size <= 0 or self.image_size % IMAGE_SIZE_STEP:
            raise ModelError(
                f"Image size {self.image_size} is not a positive multiple of {IMAGE_SIZE_STEP}; "
                "choose for example 224."
            )


def _large() -> TAViSConfig:
    """Give the paper's network: ImageBind-Huge and SAM 2 Hiera-L."""
    return TAViSConfig(
        preset="large",
        image_size=224,
        imagebind=ImageBindConfig(
            vision=TransformerConfig(width=1280, blocks=32, heads=16),
            audio=TransformerConfig(width=768, blocks=12, heads=12, bias_kv=True),
            text=TransformerConfig(width=1024, blocks=24, heads=16),
            embedding_width=1024,
        ),
        sam2=Sam2Config(),
        needs_release=True,
    )


def _toy() -> TAViSConfig:
    """Give the same network in small, for the toy world."""
    return TAViSConfig(
        preset="toy",
        image_size=224,
        imagebind=ImageBindConfig(
            vision=TransformerConfig(width=128, blocks=4, heads=4),
            audio=TransformerConfig(width=128, blocks=4, heads=4, bias_kv=True),
            text=TransformerConfig(width=128, blocks=2, heads=4),
            embedding_width=128,
            vision_grid=8,
            audio_stride=16,
            context=32,
            vocabulary=4096,
        ),
        sam2=Sam2Config(
            trunk_width=32,
            trunk_heads=1,
            stages=(1, 2, 3, 1),
            windows=(8, 4, 8, 4),
            global_blocks=(5,),
            width=128,
            memory_width=32,
            memory_layers=2,
            memory_hidden_width=256,
            decoder_hidden_width=512,
            iou_hidden_width=128,
            dropout=0.0,
            layer_scale=0.1,
            paint_points=True,
        ),
        refine_layers=2,
        adapter_width=64,
        adapter_hidden_width=64,
    )


def _with_hiera(preset: str, hiera: Sam2Config) -> TAViSConfig:
    """Give the paper's network on another size of SAM 2, to be trained."""
    return replace(_large(), preset=preset, sam2=hiera)


def _tiny() -> TAViSConfig:
    """Give the sizes of ``sam2_hiera_t.yaml``."""
    return _with_hiera(
        "tiny",
        Sam2Config(
            trunk_width=96,
            trunk_heads=1,
            stages=(1, 2, 7, 2),
            windows=(8, 4, 14, 7),
            global_blocks=(5, 7, 9),
        ),
    )


def _small() -> TAViSConfig:
    """Give the sizes of ``sam2_hiera_s.yaml``."""
    return _with_hiera(
        "small",
        Sam2Config(
            trunk_width=96,
            trunk_heads=1,
            stages=(1, 2, 11, 2),
            windows=(8, 4, 14, 7),
            global_blocks=(7, 10, 13),
        ),
    )


def _base_plus() -> TAViSConfig:
    """Give the sizes of ``sam2_hiera_b+.yaml``."""
    return _with_hiera(
        "base_plus",
        Sam2Config(
            trunk_width=112,
            trunk_heads=2,
            stages=(2, 3, 16, 3),
            windows=(8, 4, 14, 7),
            global_blocks=(12, 16, 20),
            position_grid=14,
        ),
    )


PRESETS: dict[str, Callable[[], TAViSConfig]] = {
    "large": _large,
    "base_plus": _base_plus,
    "small": _small,
    "tiny": _tiny,
    "toy": _toy,
}
"""The sizes that exist, by name: the paper's, it on SAM 2's smaller trunks, and the toy."""


def preset_config(name: str, image_size: int | None = None) -> TAViSConfig:
    """Give the sizes of a preset.

    Parameters
    ----------
    name : str
        ``"large"`` (the paper's), ``"base_plus"``, ``"small"``, ``"tiny"`` (it on SAM 2's smaller
        trunks) or ``"toy"``.
    image_size : int, optional
        Pixels per side instead of the preset's own 224; a multiple of 32.

    Returns
    -------
    TAViSConfig
        The sizes.

    Raises
    ------
    ModelError
        If there is no such preset, or the image size does not fit the network.
    """
    if name not in PRESETS:
        raise ModelError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    config = PRESETS[name]()
    return config if image_size is None else replace(config, image_size=image_size)
