"""What the encoders make of frames and their sound: all that masks and classes are decoded from.

Nothing here depends on the vocabulary, on a threshold, on the protocol or on clicks, so it can be
kept and decoded again.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from napari_tavis.model.features import Features
from napari_tavis.model.prompting import Prompts
from napari_tavis.model.rows import Rows


@dataclass
class Sound(Rows):
    """The two seconds of sound of each of ``n`` frames, encoded.

    Attributes
    ----------
    tokens : Tensor, shape (n, F, C)
        Trunk tokens, ``f_a``.
    summary : Tensor, shape (n, C)
        The sound as a whole, ``t_a``.
    """

    tokens: Tensor
    summary: Tensor


@dataclass
class FrozenFeatures(Rows):
    """All that ImageBind makes of ``n`` frames: what training never changes, and can keep.

    Attributes
    ----------
    sound : Sound
        Of the audio encoder.
    seen : Tensor, shape (n, Cv)
        The picture as a whole, ``t_v``, of the vision encoder.
    """

    sound: Sound
    seen: Tensor


@dataclass
class Cues(Rows):
    """What the sound of ``n`` frames asks for: how to find it, and what to compare with classes.

    Attributes
    ----------
    prompts : Prompts
        For the mask decoder.
    audio_embedding : Tensor, shape (n, N, D)
        Decomposed queries, t'_a, through the audio head: ``T_a``.
    sound_embedding : Tensor, shape (n, D)
        The whole sound, t_a, through the audio head.
    """

    prompts: Prompts
    audio_embedding: Tensor
    sound_embedding: Tensor


@dataclass
class EncodedFrames(Rows):
    """Frames as the mask decoder sees them, ``n`` rows.

    Attributes
    ----------
    features : Features
        The image, seen in the light of its sound: what clicks and tracking need.
    cues : Cues or None
        What segmenting by sound needs as well.
    sound : Sound or None
        What cues are made of, as long as they are not.
    """

    features: Features
    cues: Cues | None = None
    sound: Sound | None = None
