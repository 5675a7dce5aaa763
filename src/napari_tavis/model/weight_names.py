"""Weights by name: what a model needs beside what a file holds, and the names of the release.

SAM 2's own names, or SAM's, stand at the top level of the release's checkpoints, ImageBind's under
``imagebind.``; `_OFFICIAL` gives the release's names of the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from napari_tavis.core.errors import CheckpointError
from napari_tavis.model.tavis import TAViS

_LISTED = 40


_OFFICIAL: tuple[tuple[str, str], ...] = (
    (r"adapters\.audio_projection\.", "mlp_audio."),
    (r"adapters\.hidden\.(\d+)\.", r"image_encoder.prompt_generator.lightweight_mlp_\1.0."),
    (r"adapters\.output\.(\d+)\.", r"image_encoder.prompt_generator.shared_mlp.\1."),
    (r"decomposition\.queries$", "query_fea_W.weight"),
    (r"decomposition\.query_positions$", "query_embed_W.weight"),
    (r"decomposition\.query_attention\.", "transformer_cross_attention_layers_W.3."),
    (r"decomposition\.bias\.", "seperate_audio."),
    (r"decomposition\.audio_attention\.", "transformer_cross_attention_audio."),
    (r"prompting\.token_projection\.", "audio_to_texte."),
    (r"prompting\.position_scores\.", "audio_to_text1."),
    (r"prompting\.text_projection\.", "text_a."),
    (r"prompting\.query_projection\.", "mlp."),
    (r"prompting\.query_mlp\.", "audio_MLP."),
    (r"prompting\.scene_projection\.", "token_all."),
    (r"prompting\.aggregate\.", "aggregate."),
    (r"prompting\.dense_projection\.", "down."),
    (r"sam2\.", ""),
    (r"sam\.(image_encoder\.blocks\.\d+\.mlp\.)fc", r"\1lin"),
    (r"sam\.(mask_decoder\.transformer\.layers\.\d+\.mlp\.)layers\.0\.", r"\1lin1."),
    (r"sam\.(mask_decoder\.transformer\.layers\.\d+\.mlp\.)layers\.1\.", r"\1lin2."),
    (r"sam\.", ""),
)
# Names of the release that change nothing it computes.
_UNUSED = re.compile(
    r"""
    imagebind\.\w+\.(imu|depth|thermal)\.
    | imagebind\.modality_preprocessors\.text\.mask$   # the trunk is causal without it
    | image_encoder\.prompt_generator\.(lightweight_mlp_48|shared_mlp\.48)\.  # a 49th block's
    | transformer_cross_attention_layers_W\.[012]\.    # their results are overwritten
    | transformer_cross_attention_layers_H\. | query_fea_H\. | query_embed_H\.
    | transformer_CA\. | text_prompt_all\. | no_mask_embed\. | CEloss\.weight$
    | sam_mask_decoder\.(audio_score|decoder_norm)\.
    """,
    re.VERBOSE,
)
# Values that the network is built with, so that a checkpoint may leave them out.
_OPTIONAL = re.compile(r"imagebind\.modality_postprocessors\.(audio|text)\.1\.log_logit_scale$")


class Shaped(Protocol):
    """A tensor or an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...


def describe_mismatch(expected: Mapping[str, Shaped], given: Mapping[str, Shaped]) -> str:
    """Say in which names and shapes weights differ from those a model needs; empty if all fits.

    Lists the first 40 names each that are missing, surplus or of the wrong shape.
    """
    misshaped = [
        f"{name} (is {tuple(value.shape)}, needs {tuple(expected[name].shape)})"
        for name, value in given.items()
        if name in expected and tuple(value.shape) != tuple(expected[name].shape)
    ]
    problems = {
        "missing": [name for name in expected if name not in given],
        "surplus": [name for name in given if name not in expected],
        "of the wrong shape": misshaped,
    }
    found = (f"{kind}: {list_names(names)}" for kind, names in problems.items() if names)
    return "; ".join(found)


def list_names(names: list[str]) -> str:
    """Give names in one line: the first 40, and how many more there are."""
    shown = ", ".join(names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"


def official_name(name: str) -> str:
    """Translate a name in `TAViS.state_dict` to the name in the released checkpoints."""
    for pattern, replacement in _OFFICIAL:
        translated, found = re.subn(f"^{pattern}", replacement, name)
        if found:
            return translated
    return name


def is_unused(official: str) -> bool:
    """Whether a name of the release is known to change nothing it computes."""
    return _UNUSED.match(official) is not None


def describe_official_mismatch(expected: Mapping[str, Shaped], given: Mapping[str, Shaped]) -> str:
    """Compare weights under official names as `describe_mismatch` does.

    Unused names are passed over, and logit scales may be absent.
    """
    used = {name: value for name, value in given.items() if not is_unused(name)}
    needed = {n: v for n, v in expected.items() if n in used or not _OPTIONAL.match(n)}
    return describe_mismatch(needed, used)


def under_own_names(
    model: TAViS, state: Mapping[str, np.ndarray] | Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Give weights of the released checkpoints under a model's own names, without copying a value.

    Names that TAViS is known not to use are left out; logit scales may be absent, and are absent
    from the result then. Raises `CheckpointError` with the names that are missing or surplus, and
    the shapes that differ.
    """
    current = model.state_dict()
    places = {official_name(name): name for name in current}
    expected = {official: current[name] for official, name in places.items()}
    mismatch = describe_official_mismatch(expected, state)
    if mismatch:
        raise CheckpointError(
            f"These weights do not fit the {model.config.preset!r} preset of TAViS ({mismatch}); "
            "use a complete checkpoint of the TAViS release."
        )
    return {
        places[official]: torch.as_tensor(value)
        for official, value in state.items()
        if not is_unused(official)
    }


def load_official_state_dict(
    model: TAViS, state: Mapping[str, np.ndarray] | Mapping[str, Tensor]
) -> None:
    """Load weights under the names of the released checkpoints.

    They become the model's without a copy where device and number format allow it, for they take
    gigabytes. Raises `CheckpointError` as `under_own_names` does, and leaves the model as it was
    then.
    """
    current = model.state_dict()
    for name, value in under_own_names(model, state).items():
        target = current[name]
        device = None if target.is_meta else target.device  # without weights: where these are
        current[name] = value.to(device, target.dtype)
    model.load_state_dict(current, assign=True)
