"""Weights under the names of the released checkpoints.

SAM 2's own names, or SAM's, stand at the top level of the release's checkpoints, ImageBind's under
``imagebind.``; `_OFFICIAL` says what the release calls the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from napari_tavis.core.errors import CheckpointError
from napari_tavis.model.tavis import TAViS
from napari_tavis.model.weights import Shaped, describe_mismatch

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
"""Names of the release that change nothing it computes."""

_OPTIONAL = re.compile(r"imagebind\.modality_postprocessors\.(audio|text)\.1\.log_logit_scale$")
"""Values that the network is built with, so that a checkpoint may leave them out."""


def official_name(name: str) -> str:
    """Translate a parameter's name here to its name in the release.

    Parameters
    ----------
    name : str
        Name in `TAViS.state_dict`.

    Returns
    -------
    str
        Name in the released checkpoints.
    """
    for pattern, replacement in _OFFICIAL:
        translated, found = re.subn(f"^{pattern}", replacement, name)
        if found:
            return translated
    return name


def is_unused(official: str) -> bool:
    """Tell whether a name of the release is known to change nothing it computes."""
    return _UNUSED.match(official) is not None


def describe_official_mismatch(expected: Mapping[str, Shaped], given: Mapping[str, Shaped]) -> str:
    """Say in which official names and shapes weights differ from those expected.

    Parameters
    ----------
    expected, given : mapping of str to Tensor or ndarray
        By official name; unused ones are passed over, and logit scales may be absent.

    Returns
    -------
    str
        As `describe_mismatch` gives it.
    """
    used = {name: value for name, value in given.items() if not is_unused(name)}
    needed = {n: v for n, v in expected.items() if n in used or not _OPTIONAL.match(n)}
    return describe_mismatch(needed, used)


def under_own_names(
    model: TAViS, state: Mapping[str, np.ndarray] | Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Give weights of the released checkpoints under the names that a model has for them.

    Parameters
    ----------
    model : TAViS
        A preset of the size that the weights have; the release's is ``large``.
    state : mapping of str to ndarray or Tensor
        All parameters by their official names. Names that TAViS is known not to use are left
        out; logit scales may be absent.

    Returns
    -------
    dict of str to Tensor
        By name in `TAViS.state_dict`, no value copied. Absent logit scales are absent here, too.

    Raises
    ------
    CheckpointError
        If names are missing or surplus, or shapes differ; it lists them.
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

    Parameters
    ----------
    model, state
        See `under_own_names`. The weights become the model's without a copy where device and
        number format allow it, for they take gigabytes.

    Raises
    ------
    CheckpointError
        If names are missing or surplus, or shapes differ; it lists them. The model is unchanged.
    """
    current = model.state_dict()
    for name, value in under_own_names(model, state).items():
        target = current[name]
        device = None if target.is_meta else target.device
        current[name] = value.to(device, target.dtype)
    model.load_state_dict(current, assign=True)
