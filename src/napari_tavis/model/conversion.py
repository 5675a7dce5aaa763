"""Weights of others made into files of this package: of the TAViS release, SAM 2, ImageBind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from napari_tavis.model.adapters import AudioAdapters
from napari_tavis.model.checkpoint import (
    FORMAT,
    PART_FORMAT,
    config_of,
    facts_about,
    not_finite,
    write_weights,
)
from napari_tavis.model.config import PRESETS, TAViSConfig, preset_config
from napari_tavis.model.decomposition import QueryDecomposition
from napari_tavis.model.errors import CheckpointError
from napari_tavis.model.official import (
    describe_official_mismatch,
    is_unused,
    official_name,
    under_own_names,
)
from napari_tavis.model.pickled import read_pickled
from napari_tavis.model.prompting import HybridPrompting
from napari_tavis.model.tavis import TAViS
from napari_tavis.model.weights import describe_mismatch, list_names
from napari_tavis.tasks import CancelToken, Progress, no_progress

Kind: TypeAlias = Literal["tavis", "start", "sam2", "imagebind"]
State: TypeAlias = dict[str, Tensor]

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}

_TRUNK = "image_encoder.trunk.patch_embed.proj.weight"
_TRUNK_BLOCK = re.compile(r"image_encoder\.trunk\.blocks\.(\d+)\.")
_VISION = "modality_preprocessors.vision.cls_token"
_SIGNS: dict[Kind, tuple[str, ...]] = {
    "tavis": ("mlp_audio.", "query_fea_W.", "seperate_audio.", "aggregate.", "imagebind."),
    "sam2": ("image_encoder.",),
    "imagebind": ("modality_",),
}
"""How names begin of which a file of this kind has some, and one of a later kind has none."""

_PREFIX: dict[Kind, str] = {"tavis": "", "sam2": "", "imagebind": "imagebind."}
"""What the names of a part begin with in a checkpoint of TAViS."""

_SAM21_ONLY = ("no_obj_embed_spatial", "obj_ptr_tpos_proj.")
"""What SAM 2.1 adds to the memory of SAM 2.0, on which TAViS is built."""


@dataclass(frozen=True)
class Conversion:
    """What became of the files.

    Parameters
    ----------
    kind : str
        ``"tavis"``: a trained model. ``"start"``: SAM 2 and ImageBind with new layers between
        them, to be trained. ``"sam2"`` or ``"imagebind"``: a part of such a model alone.
    preset : str
        The size.
    image_size : int
        Pixels per side.
    note : str
        What else a user should know.
    """

    kind: Kind
    preset: str
    image_size: int
    note: str = ""


@dataclass(frozen=True)
class _Read:
    """The weights of one file, under official names; under own ones if it is of this package."""

    path: Path
    kind: Kind
    state: State
    own_facts: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Target:
    """The file to write, and how."""

    path: Path
    dtype: torch.dtype
    progress: Progress
    cancel: CancelToken | None

    def write(self, weights: State, facts: Mapping[str, str]) -> None:
        write_weights(self.path, weights, self.dtype, facts, self.progress, self.cancel)


def convert(
    sources: Sequence[Path],
    target: Path,
    *,
    dtype: str = "float16",
    image_size: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Conversion:
    """Make one safetensors file of a checkpoint of TAViS, or of SAM 2, ImageBind, or both.

    Only what TAViS uses is kept. The size is recognised from the shapes. The files are mapped
    and converted one weight at a time, so that gigabytes of them need little memory.

    Parameters
    ----------
    sources : sequence of Path
        One file, or one of SAM 2 and one of ImageBind: ``.pth`` or ``.pt`` as their authors give
        them, or ``.safetensors`` of this package.
    target : Path
        File to write.
    dtype : {"float16", "bfloat16", "float32"}
        Number format of matrices.
    image_size : int, optional
        Pixels per side that the model shall have by default; 224 if not said.
    seed : int
        Of the layers that SAM 2 and ImageBind do not have.
    progress : Progress
        Called with megabytes written.
    cancel : CancelToken, optional
        Looked at between files and weights.

    Returns
    -------
    Conversion
        What it is.

    Raises
    ------
    CheckpointError
        If a file is damaged, incomplete or something else; it names what is missing. Nothing is
        written then.
    Cancelled
        If `cancel` was asked to. Nothing is written then, either.
    """
    read = [_read(Path(source)) for source in sources]
    for one in read:
        if cancel is not None:
            cancel.check()
        broken = not_finite(one.state)
        if broken:
            raise CheckpointError(
                f"{one.path} holds broken values in {list_names(broken)}; get the file again."
            )
    kinds = sorted(one.kind for one in read)
    to = _Target(target, DTYPES[dtype], progress, cancel)
    if kinds == ["imagebind", "sam2"]:
        return _start(read, to, image_size, seed)
    if len(read) != 1:
        raise CheckpointError(
            f"{' and '.join(str(one.path) for one in read)} do not make a model together; give one "
            "checkpoint of TAViS, or one of SAM 2 and one of ImageBind."
        )
    if kinds[0] in ("sam2", "imagebind"):
        return _part(read[0], to)
    return _whole(read[0], to, image_size)


def _whole(one: _Read, target: _Target, image_size: int | None) -> Conversion:
    """Convert a whole model."""
    if one.own_facts is None:
        config = _recognise(one.path, one.state, image_size)
        weights = _complete(config, one.state, f"{one.path}")
    else:
        config = config_of(one.path, one.own_facts, image_size)
        weights = one.state
        mismatch = describe_mismatch(TAViS.without_weights(config).state_dict(), weights)
        if mismatch:
            raise CheckpointError(
                f"{one.path} does not hold the weights of the {config.preset!r} preset "
                f"({mismatch}); get a complete copy of the file."
            )
    target.write(weights, facts_about(config, {"kind": one.kind}))
    return Conversion(one.kind, config.preset, config.image_size)


def _start(read: Sequence[_Read], target: _Target, image_size: int | None, seed: int) -> Conversion:
    """Join SAM 2 and ImageBind with new layers."""
    parts = {one.kind: one for one in read}
    sam2, imagebind = parts["sam2"], parts["imagebind"]
    config = _recognise(sam2.path, sam2.state, image_size, imagebind.state)
    state = {**_new_layers(config, seed), **sam2.state}
    state |= {f"imagebind.{name}": value for name, value in imagebind.state.items()}
    dropped = [name for name in state if name.startswith(_SAM21_ONLY)]
    for name in dropped:
        del state[name]
    weights = _complete(config, state, f"{sam2.path} and {imagebind.path}")
    target.write(weights, facts_about(config, {"kind": "start"}))
    note = "to be trained: the layers between SAM 2 and ImageBind are new"
    if dropped:
        note += "; what SAM 2.1 adds to the memory of 2.0 is left out"
    return Conversion("start", config.preset, config.image_size, note)


def _part(one: _Read, target: _Target) -> Conversion:
    """Convert SAM 2 or ImageBind alone, to be joined later."""
    prefix = _PREFIX[one.kind]
    config = _recognise(one.path, one.state, None)
    whole = TAViS.without_weights(config).state_dict()
    kept = "imagebind." if one.kind == "imagebind" else "sam2."
    expected = {official_name(name): v for name, v in whole.items() if name.startswith(kept)}
    given = {
        prefix + name: value
        for name, value in one.state.items()
        if not name.startswith(_SAM21_ONLY)
    }
    mismatch = describe_official_mismatch(expected, given)
    if mismatch:
        title = "ImageBind" if prefix else f"SAM 2 ({config.preset})"
        raise CheckpointError(
            f"{one.path} does not hold all of {title} ({mismatch}); get a complete copy."
        )
    weights = {name.removeprefix(prefix): value for name, value in given.items()}
    facts = {"format": PART_FORMAT, "part": one.kind, "preset": config.preset}
    target.write(weights, facts)
    title, other = ("ImageBind", "SAM 2") if prefix else ("SAM 2", "ImageBind")
    note = f"{title} alone: import it together with {other} as a model"
    return Conversion(one.kind, config.preset, config.image_size, note)


def _complete(config: TAViSConfig, state: State, source: str) -> State:
    """Give all weights of a model of those under official names."""
    model = TAViS.without_weights(config)
    try:
        return {**model.state_dict(), **under_own_names(model, state)}
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from error


def _new_layers(config: TAViSConfig, seed: int) -> State:
    """Draw the weights of what stands between SAM 2 and ImageBind, under official names."""
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
    """Read a file and tell what it holds."""
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}; give the path of a checkpoint.")
    if path.suffix.lower() == ".safetensors":
        return _read_own(path)
    state = read_pickled(path)
    for kind, signs in _SIGNS.items():
        if any(name.startswith(signs) for name in state):
            prefix = _PREFIX[kind]
            return _Read(path, kind, {n: v for n, v in state.items() if not is_unused(prefix + n)})
    names = list_names(sorted(state)[:3]) if state else "none"
    raise CheckpointError(
        f"{path} holds neither TAViS nor SAM 2 nor ImageBind (its first names: {names}); choose "
        "one of their checkpoints."
    )


def _read_own(path: Path) -> _Read:
    """Read a safetensors file of this package."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}); get a complete copy of it."
        ) from error
    if facts.get("format") == FORMAT:
        return _Read(path, "start" if facts.get("kind") == "start" else "tavis", state, facts)
    if facts.get("format") == PART_FORMAT:
        return _Read(path, "imagebind" if facts.get("part") == "imagebind" else "sam2", state)
    raise CheckpointError(
        f"{path} was not saved by napari-tavis; import the .pth or .pt file of the authors."
    )


def _recognise(
    path: Path, state: State, image_size: int | None, imagebind: State | None = None
) -> TAViSConfig:
    """Find the preset whose shapes are nearest to those of weights."""
    trunk, vision = _widths(state, imagebind or state)
    if trunk is None and vision is None:
        raise CheckpointError(
            f"The size of {path} cannot be told: {_TRUNK} is missing; get a complete copy."
        )
    blocks = [int(m[1]) for m in map(_TRUNK_BLOCK.match, state) if m]
    found: list[tuple[int, str]] = []
    for name, sizes in PRESETS.items():
        config = sizes()
        if trunk not in (None, config.segmenter.trunk_width):
            continue
        if trunk is None and vision != config.imagebind.vision.width:
            continue
        count = max(blocks, default=-1) + 1
        found.append((abs(len(config.segmenter.block_widths) - count) if trunk else 0, name))
    if not found:
        raise CheckpointError(
            f"{path} has a size that TAViS does not have ({trunk or vision} channels in its "
            f"first layer); it has {', '.join(PRESETS)}."
        )
    return preset_config(min(found, key=lambda pair: pair[0])[1], image_size)


def _widths(
    state: Mapping[str, Tensor], imagebind: Mapping[str, Tensor]
) -> tuple[int | None, int | None]:
    """Give the channels of Hiera's first layer and of ImageBind's vision trunk."""
    trunk = state.get(_TRUNK)
    vision = imagebind.get(f"imagebind.{_VISION}", imagebind.get(_VISION))
    return (
        None if trunk is None else int(trunk.shape[0]),
        None if vision is None else int(vision.shape[-1]),
    )
