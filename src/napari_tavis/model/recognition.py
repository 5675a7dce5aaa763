"""Telling what a file of weights holds, by the names and shapes in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from napari_tavis.core.errors import CheckpointError
from napari_tavis.model.config import PRESETS, TAViSConfig, preset_config
from napari_tavis.model.segmenter_config import Sam2Config
from napari_tavis.model.weights import Shaped

Kind: TypeAlias = Literal["tavis", "start", "sam2", "sam", "imagebind"]
"""A trained model; one to be trained; or a part of such a model alone."""

PARTS: dict[Kind, str] = {"sam2": "SAM 2", "sam": "SAM", "imagebind": "ImageBind"}
"""Parts by the name of their kind, which the names of weights in a model begin with."""

_SIGNS: dict[Kind, tuple[str, ...]] = {
    "tavis": ("mlp_audio.", "query_fea_W.", "seperate_audio.", "aggregate.", "imagebind."),
    "sam2": ("image_encoder.trunk.", "sam_mask_decoder.", "memory_attention."),
    "sam": ("image_encoder.", "mask_decoder."),
    "imagebind": ("modality_",),
}
"""How names begin of which a file of this kind has some, and one of a later kind has none."""

_SAM21_ONLY = ("no_obj_embed_spatial", "obj_ptr_tpos_proj.")
"""What SAM 2.1 has and SAM 2.0 has not."""

_FIRST = "patch_embed.proj.weight"
_TRUNKS = {"sam2": "image_encoder.trunk.", "sam": "image_encoder."}
_VISION = "modality_preprocessors.vision.cls_token"


@dataclass(frozen=True)
class _Trunk:
    """The image encoder of a segmenter: its family, version, channels and blocks."""

    family: str
    version: str
    width: int
    blocks: int


def recognise_kind(names: Collection[str]) -> Kind | None:
    """Tell what weights are of.

    Parameters
    ----------
    names : collection of str
        Names of the weights in a file of their authors.

    Returns
    -------
    str or None
        None if they are of nothing that is known.
    """
    for kind, signs in _SIGNS.items():
        if any(name.startswith(signs) for name in names):
            return kind
    return None


def recognise_size(
    path: Path,
    state: Mapping[str, Shaped],
    image_size: int | None = None,
    imagebind: Mapping[str, Shaped] | None = None,
) -> TAViSConfig:
    """Find the preset whose shapes are nearest to those of weights.

    Parameters
    ----------
    path : Path
        Where they are from, for messages.
    state : mapping of str to Tensor
        Under official names.
    image_size : int, optional
        Pixels per side instead of the preset's own.
    imagebind : mapping of str to Tensor, optional
        Weights of ImageBind, where they are not among the others.

    Returns
    -------
    TAViSConfig
        Of the preset.

    Raises
    ------
    CheckpointError
        If no preset has this size, or what tells it is missing.
    """
    trunk = _trunk(state)
    vision = _vision_width(state if imagebind is None else imagebind)
    if trunk is None and vision is None:
        first = f"{_TRUNKS['sam2']}{_FIRST}"
        raise CheckpointError(
            f"The size of {path} cannot be determined: {first} is missing; get a complete copy."
        )
    found: list[tuple[tuple[int, bool], str]] = []
    for name, sizes in PRESETS.items():
        config = sizes()
        if trunk is not None:
            distance = _distance(trunk, config)
        else:
            distance = (0, False) if vision == config.imagebind.vision.width else None
        if distance is not None:
            found.append((distance, name))
    if not found:
        width = vision if trunk is None else trunk.width
        raise CheckpointError(
            f"{path} has a size that TAViS does not have ({width} channels in its first layer); "
            f"it has {', '.join(PRESETS)}."
        )
    return preset_config(min(found, key=lambda pair: pair[0])[1], image_size)


def _trunk(state: Mapping[str, Shaped]) -> _Trunk | None:
    """Look at the image encoder, if there is its first layer."""
    for family, prefix in _TRUNKS.items():
        first = state.get(prefix + _FIRST)
        if first is None:
            continue
        block = re.compile(re.escape(prefix) + r"blocks\.(\d+)\.")
        blocks = [int(found[1]) for found in map(block.match, state) if found]
        revised = any(name.startswith(_SAM21_ONLY) for name in state)
        version = "2.1" if revised else "2.0"
        return _Trunk(family, version, int(first.shape[0]), max(blocks, default=-1) + 1)
    return None


def _distance(trunk: _Trunk, config: TAViSConfig) -> tuple[int, bool] | None:
    """Say how far a preset is from weights; None if it is another network."""
    sizes = config.segmenter
    if (sizes.family, sizes.trunk_width) != (trunk.family, trunk.width):
        return None
    other = isinstance(sizes, Sam2Config) and sizes.version != trunk.version
    return abs(len(sizes.block_widths) - trunk.blocks), other


def _vision_width(state: Mapping[str, Shaped]) -> int | None:
    """Give the channels of ImageBind's vision trunk."""
    token = state.get(f"imagebind.{_VISION}", state.get(_VISION))
    return None if token is None else int(token.shape[-1])
