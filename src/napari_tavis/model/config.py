"""The network's sizes, and which of its parts are there.

Every number that differs between the paper's model and the toy stands here. No torch is needed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, cast, get_args

from napari_tavis.core.errors import ModelError
from napari_tavis.core.files import ForeignFileError, parse_json, shown

MEL_SIZE = (128, 204)  # mel bins and time steps of one 2 s window of sound

IMAGE_SIZE_STEP = 32  # the coarsest stride of Hiera

# four times the largest anything was trained at; a file may claim any number
MOST_IMAGE_SIZE = 4096

PseudoText = Literal["text", "mlp", "none"]


@dataclass(frozen=True)
class Switches:
    """Which parts of the network are there; the default is the paper's network.

    The other combinations are the rows of the paper's tables 1 and 4. A part that is switched off
    has no weights.
    """

    # Let the sound decide on its queries (IBQD, section 3.2). Without it the queries are N learned
    # biases on the sound as a whole, the same for every sound: t'_a = t_a + Linear(t_W), and
    # nothing attends to f_a.
    decompose: bool = True
    # Where p^t comes from (section 3.3): "text", pseudo tokens through the text encoder; "mlp", an
    # MLP of the same input and output without the text encoder; or nowhere ("none"), the prompt
    # being p^a alone.
    pseudo_text: PseudoText = "text"
    vision_prompt: bool = True  # add the picture's cls token t_v to the image embedding, densely

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
        """Read a checkpoint's metadata.

        Raises `ModelError` if it holds switches that this version does not know.
        """
        try:
            return cls(**parse_json(text, Path("The metadata")))
        except (ForeignFileError, TypeError) as error:
            raise ModelError(f"{shown(text)} holds no switches that this version knows.") from error


PAPER = Switches()


@dataclass(frozen=True)
class Sam2Config:
    """SAM 2: image encoder, memory and mask decoder.

    The defaults are those of ``sam2/configs/sam2/sam2_hiera_l.yaml``.
    """

    family: ClassVar[str] = "sam2"

    # 2.1 also remembers that an object is absent, and when object pointers are from
    version: Literal["2.0", "2.1"] = "2.0"
    trunk_width: int = 144  # channels of Hiera's first stage; doubles at every stage
    trunk_heads: int = 2  # doubles as well
    stages: tuple[int, ...] = (2, 6, 36, 4)  # blocks per stage
    windows: tuple[int, ...] = (8, 4, 16, 8)  # attention window per stage, tokens per side
    global_blocks: tuple[int, ...] = (23, 33, 43)  # attend to the whole image instead
    position_grid: int = 7  # side of the stored position embedding of the whole image
    width: int = 256  # channels of the pyramid's levels, the memory attention and the decoder
    memory_width: int = 64  # channels of a stored memory
    memory_layers: int = 4
    memory_hidden_width: int = 2048  # of the MLPs in the memory attention
    decoder_hidden_width: int = 2048  # of the MLPs in the mask decoder's transformer
    iou_hidden_width: int = 256
    dropout: float = 0.1  # in the memory attention, in training only
    # initial weight of the blocks that fuse a mask with its image in the memory encoder
    layer_scale: float = 1e-6
    # Draw points and boxes into the mask prompt, too. SAM 2 has learned from millions of masks to
    # find a place by its coordinates; a small network learns sooner to see a mark.
    paint_points: bool = False

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """Channels of each stage of Hiera, finest first."""
        return tuple(self.trunk_width * 2**stage for stage in range(len(self.stages)))

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Channels at the input of each block of Hiera.

        A stage's first block still takes the width of the stage before.
        """
        widths = [w for w, n in zip(self.stage_widths, self.stages, strict=True) for _ in range(n)]
        return (widths[0], *widths[:-1])


@dataclass(frozen=True)
class SamConfig:
    """SAM: image encoder and mask decoder, without a memory.

    The defaults are those of ``build_sam_vit_h`` of the ``segment_anything`` package.
    """

    family: ClassVar[str] = "sam"

    trunk_width: int = 1280  # of the image encoder, a ViT on patches of 16x16 pixels
    trunk_heads: int = 16
    blocks: int = 32
    window: int = 14  # attention window, tokens per side
    global_blocks: tuple[int, ...] = (7, 15, 23, 31)  # attend to the whole image instead
    position_grid: int = 64  # side of the stored position embedding, which is resized to the image
    width: int = 256  # channels of the image embedding and of the decoder
    decoder_hidden_width: int = 2048  # of the MLPs in the mask decoder's transformer
    iou_hidden_width: int = 256
    paint_points: bool = False  # see `Sam2Config`

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Channels at the input of each block."""
        return (self.trunk_width,) * self.blocks


# `family` names the kind: weights carry it in front of their names
SegmenterConfig: TypeAlias = Sam2Config | SamConfig


@dataclass(frozen=True)
class TransformerConfig:
    """A stack of pre-norm transformer blocks."""

    width: int
    blocks: int
    heads: int
    bias_kv: bool = False  # every attention has one learned key and value of its own


@dataclass(frozen=True)
class ImageBindConfig:
    """The three encoders of ImageBind that TAViS uses (paper, section 3.1)."""

    vision: TransformerConfig
    audio: TransformerConfig
    text: TransformerConfig
    embedding_width: int  # D, the space shared by the three
    vision_patch: int = 14  # pixels per side
    vision_grid: int = 16  # patches per side that the stored position embedding was made for
    audio_patch: int = 16  # of the log-mel spectrogram, overlapping if the stride is smaller
    audio_stride: int = 10
    context: int = 77  # tokens of a text
    vocabulary: int = 49408  # entries of the byte pair encoding

    @property
    def audio_grid(self) -> tuple[int, int]:
        """Patches of a spectrogram along frequency and time."""
        rows, columns = ((size - self.audio_patch) // self.audio_stride + 1 for size in MEL_SIZE)
        return rows, columns


@dataclass(frozen=True)
class TAViSConfig:
    """The whole network."""

    preset: str  # stored in checkpoints
    image_size: int  # S, pixels per side of the image that the segmenter sees
    imagebind: ImageBindConfig
    segmenter: SegmenterConfig
    queries: int = 5  # N, decomposed audio queries; the scene query comes on top
    pseudo_tokens: int = 6  # token embeddings that one audio query becomes
    bias_heads: int = 8  # of the attention of the learnable queries, t_W
    refine_heads: int = 4  # of the attention of the decomposed queries, t'_a
    refine_layers: int = 4
    adapter_width: int = 128  # channels of the sound vector that enters the adapters
    adapter_hidden_width: int = 512
    needs_release: bool = False  # meant for released weights rather than training from scratch
    switches: Switches = PAPER

    def __post_init__(self) -> None:
        if self.image_size not in range(IMAGE_SIZE_STEP, MOST_IMAGE_SIZE + 1, IMAGE_SIZE_STEP):
            raise ModelError(
                f"Image size {self.image_size} is not a positive multiple of {IMAGE_SIZE_STEP} up "
                f"to {MOST_IMAGE_SIZE}; choose for example 224."
            )


_LARGE = TAViSConfig(  # the paper's network: ImageBind-Huge and SAM 2 Hiera-L
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

_TOY = TAViSConfig(  # the same network in small, for the toy world
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

# The sizes of sam2_hiera_b+.yaml, sam2_hiera_s.yaml and sam2_hiera_t.yaml.
_HIERA_BASE_PLUS = Sam2Config(
    trunk_width=112,
    trunk_heads=2,
    stages=(2, 3, 16, 3),
    windows=(8, 4, 14, 7),
    global_blocks=(12, 16, 20),
    position_grid=14,
)
_HIERA_SMALL = Sam2Config(
    trunk_width=96,
    trunk_heads=1,
    stages=(1, 2, 11, 2),
    windows=(8, 4, 14, 7),
    global_blocks=(7, 10, 13),
)
_HIERA_TINY = replace(_HIERA_SMALL, stages=(1, 2, 7, 2), global_blocks=(5, 7, 9))

# The sizes of build_sam_vit_h, as in the paper's table 5, build_sam_vit_l and build_sam_vit_b.
_VIT_HUGE = SamConfig()
_VIT_LARGE = SamConfig(trunk_width=1024, trunk_heads=16, blocks=24, global_blocks=(5, 11, 17, 23))
_VIT_BASE = SamConfig(trunk_width=768, trunk_heads=12, blocks=12, global_blocks=(2, 5, 8, 11))
_VIT_TOY = SamConfig(
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
)

_ON_SAM2 = (
    _LARGE,
    replace(_LARGE, preset="base_plus", segmenter=_HIERA_BASE_PLUS),
    replace(_LARGE, preset="small", segmenter=_HIERA_SMALL),
    replace(_LARGE, preset="tiny", segmenter=_HIERA_TINY),
    _TOY,
)
_ON_SAM = (
    replace(_LARGE, preset="sam_h", segmenter=_VIT_HUGE),
    replace(_LARGE, preset="sam_l", segmenter=_VIT_LARGE),
    replace(_LARGE, preset="sam_b", segmenter=_VIT_BASE),
    replace(_TOY, preset="toy_sam", segmenter=_VIT_TOY),
)


def _on_sam21(config: TAViSConfig) -> TAViSConfig:
    """Give a preset on SAM 2 the weights' version 2.1, and ``_2.1`` to its name."""
    sam2 = replace(cast(Sam2Config, config.segmenter), version="2.1")
    return replace(config, preset=f"{config.preset}_2.1", segmenter=sam2)


PRESETS = {config.preset: config for config in (*_ON_SAM2, *map(_on_sam21, _ON_SAM2), *_ON_SAM)}


def preset_config(
    name: str, image_size: int | None = None, switches: Switches = PAPER
) -> TAViSConfig:
    """Give the sizes of a preset, with another image size than its own 224 if asked.

    Raises `ModelError` if there is no such preset, or the image size does not fit the network.
    """
    if name not in PRESETS:
        raise ModelError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    config = replace(PRESETS[name], switches=switches)
    return config if image_size is None else replace(config, image_size=image_size)
