"""Weights of others made into files of this package: TAViS's, SAM 2's, SAM's, ImageBind's.

What a file holds is recognised by the names and shapes in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from napari_tavis.core.errors import CheckpointError
from napari_tavis.core.files import is_file, shown
from napari_tavis.core.tasks import Task
from napari_tavis.model.adapters import AudioAdapters
from napari_tavis.model.checkpoint import (
    FORMAT,
    PART_FORMAT,
    check_complete,
    check_finite,
    config_of,
    damaged,
    facts_about,
    write_weights,
)
from napari_tavis.model.config import PRESETS, Sam2Config, TAViSConfig, preset_config
from napari_tavis.model.decomposition import QueryDecomposition
from napari_tavis.model.prompting import HybridPrompting
from napari_tavis.model.tavis import TAViS
from napari_tavis.model.tensor_files import read_pickled
from napari_tavis.model.weight_names import (
    Shaped,
    describe_official_mismatch,
    is_unused,
    list_names,
    official_name,
    under_own_names,
)

State: TypeAlias = dict[str, Tensor]

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


# A trained model; one to be trained, with new layers between SAM 2 (or SAM) and ImageBind; or such
# a part alone.
Kind: TypeAlias = Literal["tavis", "start", "sam2", "sam", "imagebind"]
# by kind, which the names of a part's weights in a model begin with
PARTS: dict[Kind, str] = {"sam2": "SAM 2", "sam": "SAM", "imagebind": "ImageBind"}
# How names begin of which a file of this kind has some, and one of a later kind has none: the order
# matters.
_SIGNS: dict[Kind, tuple[str, ...]] = {
    "tavis": ("mlp_audio.", "query_fea_W.", "seperate_audio.", "aggregate.", "imagebind."),
    "sam2": ("image_encoder.trunk.", "sam_mask_decoder.", "memory_attention."),
    "sam": ("image_encoder.", "mask_decoder."),
    "imagebind": ("modality_",),
}
_SAM21_ONLY = ("no_obj_embed_spatial", "obj_ptr_tpos_proj.")  # what SAM 2.1 has and SAM 2.0 lacks
_FIRST = "patch_embed.proj.weight"
_TRUNKS = {"sam2": "image_encoder.trunk.", "sam": "image_encoder."}
_VISION = "modality_preprocessors.vision.cls_token"


@dataclass(frozen=True)
class Conversion:
    """What the files turned out to be."""

    kind: Kind
    preset: str
    image_size: int
    segmenter: str  # whose weights segment: "sam2" or "sam"
    note: str = ""  # what else a user should know


@dataclass(frozen=True)
class _Read:
    """The weights of one file under official names, or under our own if the file is ours."""

    path: Path
    kind: Kind
    state: State
    own_facts: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Target:
    path: Path
    dtype: torch.dtype
    task: Task

    def write(self, weights: State, facts: Mapping[str, str]) -> None:
        write_weights(self.path, weights, self.dtype, facts, self.task)


def convert(
    sources: Sequence[Path],
    target: Path,
    *,
    dtype: str = "float16",
    image_size: int | None = None,
    seed: int = 0,
    task: Task | None = None,
) -> Conversion:
    """Make one safetensors file of a checkpoint of TAViS, or of SAM 2 (or SAM), ImageBind, or both.

    Only what TAViS uses is kept. The size is recognised from the shapes. The files are mapped and
    converted one weight at a time, so that gigabytes of them need little memory.

    Parameters
    ----------
    sources : sequence of Path
        One file, or one of SAM 2 or SAM and one of ImageBind: ``.pth`` or ``.pt`` as their
        authors give them, or ``.safetensors`` of this package.
    target : Path
        File to write.
    dtype : {"float16", "bfloat16", "float32"}
        Number format of matrices.
    image_size : int, optional
        Pixels per side that the model has by default; 224 if left out.
    seed : int
        Of the layers between the parts of a model to be trained.
    task : Task, optional
        Progress and cancelling.

    Raises
    ------
    CheckpointError
        If a file is damaged, incomplete or something else; it names what is missing. Nothing is
        written then.
    Cancelled
        If `task` was cancelled. Nothing is written then, either.
    """
    task = task or Task()
    read = [_read(Path(source)) for source in sources]
    for one in read:
        check_finite(one.path, one.state, task)
    kinds = sorted(one.kind for one in read)
    to = _Target(target, DTYPES[dtype], task)
    if kinds in (["imagebind", "sam2"], ["imagebind", "sam"]):
        return _start(read, to, image_size, seed)
    if len(read) != 1:
        raise CheckpointError(
            f"{' and '.join(str(one.path) for one in read)} do not make a model together; give one "
            "checkpoint of TAViS, or one of SAM 2 (or SAM) and one of ImageBind."
        )
    if kinds[0] in PARTS:
        return _part(read[0], to)
    return _whole(read[0], to, image_size)


def _whole(one: _Read, target: _Target, image_size: int | None) -> Conversion:
    """Convert a whole model."""
    if one.own_facts is None:
        config = recognise_size(one.path, one.state, image_size)
        weights = _complete(config, one.state, f"{one.path}")
    else:
        config = config_of(one.path, one.own_facts, image_size)
        weights = one.state
        check_complete(one.path, TAViS.without_weights(config), weights)
    target.write(weights, facts_about(config, {"kind": one.kind}))
    return _conversion(one.kind, config)


def _start(read: Sequence[_Read], target: _Target, image_size: int | None, seed: int) -> Conversion:
    """Join SAM 2, or SAM, and ImageBind with new layers."""
    imagebind, segmenter = sorted(read, key=lambda one: one.kind)
    config = recognise_size(segmenter.path, segmenter.state, image_size, imagebind.state)
    state = {**_new_layers(config, seed), **segmenter.state}
    state |= {f"imagebind.{name}": value for name, value in imagebind.state.items()}
    weights = _complete(config, state, f"{segmenter.path} and {imagebind.path}")
    target.write(weights, facts_about(config, {"kind": "start"}))
    note = f"to be trained: the layers between {PARTS[segmenter.kind]} and ImageBind are new"
    return _conversion("start", config, note)


def _part(one: _Read, target: _Target) -> Conversion:
    """Convert SAM 2, SAM or ImageBind alone, to be joined later."""
    prefix, title = _prefix(one.kind), PARTS[one.kind]
    config = recognise_size(one.path, one.state)
    whole = TAViS.without_weights(config).state_dict()
    kept = f"{one.kind}."
    expected = {official_name(name): v for name, v in whole.items() if name.startswith(kept)}
    given = {prefix + name: value for name, value in one.state.items()}
    mismatch = describe_official_mismatch(expected, given)
    if mismatch:
        if not prefix:
            title += f" ({config.preset})"
        raise CheckpointError(
            f"{one.path} does not hold all of {title} ({mismatch}); get a complete copy."
        )
    weights = {name.removeprefix(prefix): value for name, value in given.items()}
    facts = {"format": PART_FORMAT, "part": one.kind, "preset": config.preset}
    target.write(weights, facts)
    other = "SAM 2" if prefix else "ImageBind"
    note = f"{title} alone: import it together with {other} as a model"
    return _conversion(one.kind, config, note)


def _conversion(kind: Kind, config: TAViSConfig, note: str = "") -> Conversion:
    return Conversion(kind, config.preset, config.image_size, config.segmenter.family, note)


def _prefix(kind: Kind) -> str:
    """Give what the names of a part begin with in a checkpoint of TAViS."""
    return "imagebind." if kind == "imagebind" else ""


def _complete(config: TAViSConfig, state: State, source: str) -> State:
    """Give all weights of a model of those under official names."""
    model = TAViS.without_weights(config)
    try:
        return {**model.state_dict(), **under_own_names(model, state)}
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from error


def _new_layers(config: TAViSConfig, seed: int) -> State:
    """Draw the weights of what stands between the segmenter and ImageBind, under official names."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: dict[str, nn.Module] = {
            "adapters": AudioAdapters(config),
            "decomposition": QueryDecomposition(config),
            "prompting": HybridPrompting(config),
        }
    return {
        official_name(f"{place}.{name}"): value
        for place, module in layers.items()
        for name, value in module.state_dict().items()
    }


def _read(path: Path) -> _Read:
    """Read a file and recognise what it holds."""
    if not is_file(path):
        raise CheckpointError(f"There is no file {shown(path)}; give the path of a checkpoint.")
    if path.suffix.lower() == ".safetensors":
        return _read_own(path)
    state = read_pickled(path)
    kind = recognise_kind(state)
    if kind is None:
        names = list_names(sorted(state)[:3]) if state else "none"
        raise CheckpointError(
            f"{path} holds neither TAViS nor SAM nor SAM 2 nor ImageBind (its first names: "
            f"{names}); choose one of their checkpoints."
        )
    prefix = _prefix(kind)
    return _Read(path, kind, {n: v for n, v in state.items() if not is_unused(prefix + n)})


def _read_own(path: Path) -> _Read:
    """Read a safetensors file of this package."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise damaged(path, error) from error
    if facts.get("format") == FORMAT:
        return _Read(path, "start" if facts.get("kind") == "start" else "tavis", state, facts)
    part = next((kind for kind in PARTS if kind == facts.get("part")), None)
    if facts.get("format") == PART_FORMAT and part is not None:
        return _Read(path, part, state)
    raise CheckpointError(
        f"{path} was not saved by napari-tavis; import the .pth or .pt file of the authors."
    )


@dataclass(frozen=True)
class _Trunk:
    """The image encoder of a segmenter."""

    family: str
    version: str
    width: int
    blocks: int


def recognise_kind(names: Collection[str]) -> Kind | None:
    """Recognise what weights are of by their authors' names; None if that is unknown."""
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
    """Find the preset whose shapes are nearest to those of weights under official names.

    Weights of ImageBind are given apart where they are not among the others; ``path`` is for
    messages. Raises `CheckpointError` if no preset has this size, or what shows it is missing.
    """
    trunk = _trunk(state)
    vision = _vision_width(state if imagebind is None else imagebind)
    if trunk is None and vision is None:
        first = f"{_TRUNKS['sam2']}{_FIRST}"
        raise CheckpointError(
            f"The size of {path} cannot be recognised: {first} is missing; get a complete copy."
        )
    found: list[tuple[tuple[int, bool], str]] = []
    for name, config in PRESETS.items():
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
    """Look at the image encoder, if its first layer is there."""
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
    """Give how far a preset is from weights; None if it is another network."""
    sizes = config.segmenter
    if (sizes.family, sizes.trunk_width) != (trunk.family, trunk.width):
        return None
    other = isinstance(sizes, Sam2Config) and sizes.version != trunk.version
    return abs(len(sizes.block_widths) - trunk.blocks), other


def _vision_width(state: Mapping[str, Shaped]) -> int | None:
    """Give the channels of ImageBind's vision trunk."""
    token = state.get(f"imagebind.{_VISION}", state.get(_VISION))
    return None if token is None else int(token.shape[-1])
