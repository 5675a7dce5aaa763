"""Sizes of the network: every number that differs between the paper's model and the toy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from napari_tavis.core.errors import ModelError
from napari_tavis.model.segmenter_config import Sam2Config, SamConfig, SegmenterConfig
from napari_tavis.model.switches import PAPER, Switches

MEL_SIZE = (128, 204)
"""Mel bins and time steps of one 2 s window of sound."""

IMAGE_SIZE_STEP = 32
"""Image sizes are multiples of the coarsest stride of Hiera."""

MOST_IMAGE_SIZE = 4096
"""Four times the largest that anything was trained at; a file may claim any number."""


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
class TAViSConfig:
    """The whole network.

    Parameters
    ----------
    preset : str
        Name of the preset, stored in checkpoints.
    image_size : int
        Pixels ``S`` per side of the image that the segmenter sees.
    imagebind : ImageBindConfig
        The audio, vision and text encoders.
    segmenter : Sam2Config or SamConfig
        Image encoder, mask decoder and, in SAM 2, memory.
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
    switches : Switches
        Which parts are there: all of the paper's by default.
    """

    preset: str
    image_size: int
    imagebind: ImageBindConfig
    segmenter: SegmenterConfig
    queries: int = 5
    pseudo_tokens: int = 6
    bias_heads: int = 8
    refine_heads: int = 4
    refine_layers: int = 4
    adapter_width: int = 128
    adapter_hidden_width: int = 512
    needs_release: bool = False
    switches: Switches = PAPER

    def __post_init__(self) -> None:
        if self.image_size not in range(IMAGE_SIZE_STEP, MOST_IMAGE_SIZE + 1, IMAGE_SIZE_STEP):
            raise ModelError(
                f"Image size {self.image_size} is not a positive multiple of {IMAGE_SIZE_STEP} up "
                f"to {MOST_IMAGE_SIZE}; choose for example 224."
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
        segmenter=Sam2Config(),
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
        segmenter=Sam2Config(
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


def _toy_sam() -> TAViSConfig:
    """Give the toy on a SAM of its size."""
    return replace(
        _toy(),
        preset="toy_sam",
        segmenter=SamConfig(
            trunk_width=64,
            trunk_heads=2,
            blocks=4,
            window=7,
            global_blocks=(1, 3),
            position_grid=14,
            width=128,
            decoder_hidden_width=512,
            iou_hidden_width=128,
            paint_points=True,
        ),
    )


def _revised(sizes: Callable[[], TAViSConfig]) -> TAViSConfig:
    """Give the same network on SAM 2.1."""
    config = sizes()
    sam2 = replace(cast(Sam2Config, config.segmenter), version="2.1")
    return replace(config, preset=f"{config.preset}_2.1", segmenter=sam2)


def _with_hiera(preset: str, hiera: Sam2Config) -> TAViSConfig:
    """Give the paper's network on another size of SAM 2, to be trained."""
    return replace(_large(), preset=preset, segmenter=hiera)


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


def _with_sam(preset: str, vit: SamConfig) -> TAViSConfig:
    """Give the paper's network on SAM, to be trained."""
    return replace(_large(), preset=preset, segmenter=vit)


def _sam_h() -> TAViSConfig:
    """Give the sizes of ``build_sam_vit_h``, as in the paper's table 5."""
    return _with_sam("sam_h", SamConfig())


def _sam_l() -> TAViSConfig:
    """Give the sizes of ``build_sam_vit_l``."""
    vit = SamConfig(trunk_width=1024, trunk_heads=16, blocks=24, global_blocks=(5, 11, 17, 23))
    return _with_sam("sam_l", vit)


def _sam_b() -> TAViSConfig:
    """Give the sizes of ``build_sam_vit_b``."""
    vit = SamConfig(trunk_width=768, trunk_heads=12, blocks=12, global_blocks=(2, 5, 8, 11))
    return _with_sam("sam_b", vit)


_ON_SAM2: dict[str, Callable[[], TAViSConfig]] = {
    "large": _large,
    "base_plus": _base_plus,
    "small": _small,
    "tiny": _tiny,
    "toy": _toy,
}

PRESETS: dict[str, Callable[[], TAViSConfig]] = {
    **_ON_SAM2,
    **{f"{name}_2.1": partial(_revised, sizes) for name, sizes in _ON_SAM2.items()},
    "sam_h": _sam_h,
    "sam_l": _sam_l,
    "sam_b": _sam_b,
    "toy_sam": _toy_sam,
}
"""The sizes that exist, by name: the paper's, it on other sizes of SAM 2, on SAM 2.1 and on SAM,
and the toy."""


def preset_config(
    name: str, image_size: int | None = None, switches: Switches = PAPER
) -> TAViSConfig:
    """Give the sizes of a preset.

    Parameters
    ----------
    name : str
        ``"large"`` (the paper's), ``"base_plus"``, ``"small"``, ``"tiny"`` (it on SAM 2's smaller
        trunks) or ``"toy"``; any of these and ``"_2.1"`` (on SAM 2.1); ``"sam_h"``, ``"sam_l"``,
        ``"sam_b"`` or ``"toy_sam"`` (on SAM).
    image_size : int, optional
        Pixels per side instead of the preset's own 224; a multiple of 32.
    switches : Switches, optional
        Which parts are there.

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
    config = replace(PRESETS[name](), switches=switches)
    return config if image_size is None else replace(config, image_size=image_size)
