"""TAViS: its parts wired together (Luo et al., ICCV 2025)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_tavis.model import preprocess
from napari_tavis.model.adapters import AudioAdapters
from napari_tavis.model.alignment import BLUR_KERNEL, highlight
from napari_tavis.model.config import TAViSConfig, preset_config
from napari_tavis.model.decomposition import QueryDecomposition
from napari_tavis.model.errors import ModelError
from napari_tavis.model.imagebind import ImageBind
from napari_tavis.model.outputs import Segmentation, TAViSOutput, TextFeatures
from napari_tavis.model.precision import for_inference, inference, usual_precision
from napari_tavis.model.prompted import ObjectTracker, PromptedMask, no_points, prompted_mask
from napari_tavis.model.prompting import HybridPrompting
from napari_tavis.model.segmenter import SoundPromptedSam2
from napari_tavis.model.tokenizer import tokenize
from napari_tavis.model.tracking import Features, Masks

PROTOCOLS = ("memory", "independent")


class TAViS(nn.Module):
    """Finds what sounds in the frames of a clip.

    Parameters
    ----------
    config : TAViSConfig
        Sizes of all parts.

    Attributes
    ----------
    precision : torch.dtype or None
        Number format of matrix products in everything but `forward` and other differentiable
        methods, whose callers choose it; None for the one that is usual on the device.
    """

    def __init__(self, config: TAViSConfig) -> None:
        super().__init__()
        self.config = config
        self.imagebind = ImageBind(config.imagebind)
        self.adapters = AudioAdapters(config)
        self.decomposition = QueryDecomposition(config)
        self.prompting = HybridPrompting(config)
        self.sam2 = SoundPromptedSam2(config.sam2, config.image_size)
        self.precision: torch.dtype | None = None
        self._text_cache: dict[str, Tensor] = {}
        self._text_cache_weights = 0

    @classmethod
    def from_preset(cls, name: str, image_size: int | None = None) -> TAViS:
        """Build a network.

        The toy comes with random weights to be trained. The paper's network starts from those of
        ImageBind and SAM 2, so memory for its weights is reserved but not filled: load a
        checkpoint into it.

        Parameters
        ----------
        name : str
            ``"large"``, the paper's, or ``"toy"``.
        image_size : int, optional
            Pixels per side instead of 224; a multiple of 32.

        Returns
        -------
        TAViS
            In evaluation mode.

        Raises
        ------
        ModelError
            If there is no such preset, or the image size does not fit.
        """
        config = preset_config(name, image_size)
        if not config.needs_release:
            return cls(config).eval()
        model = cls.without_weights(config)
        return model._apply(lambda w: torch.empty_like(w, device="cpu") if w.is_meta else w)

    @classmethod
    def without_weights(cls, config: TAViSConfig) -> TAViS:
        """Build a network that takes no memory until weights are loaded into it.

        Parameters
        ----------
        config : TAViSConfig
            Sizes.

        Returns
        -------
        TAViS
            In evaluation mode, on the ``meta`` device.
        """
        with torch.device("meta"):
            return cls(config).eval()

    @property
    def image_size(self) -> int:
        """Pixels per side of the images that SAM 2 sees."""
        return self.config.image_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.prompting.position_scores.weight.device

    def inference(self) -> AbstractContextManager[None]:
        """Give the context in which the network is used rather than trained."""
        return inference(self.device, self.precision or usual_precision(self.device))

    def forward(self, images: Tensor, mel: Tensor, protocol: str = "memory") -> TAViSOutput:
        """Segment clips.

        Parameters
        ----------
        images : Tensor, shape (B, T, 3, S, S)
            RGB, 0 to 1.
        mel : Tensor, shape (B, T, 1, 128, 204)
            Normalised log-mel spectrogram of the 2 s window of each frame.
        protocol : str
            ``"memory"``: each frame on the memory of those before. ``"independent"``: each by
            itself, as the authors evaluate.

        Returns
        -------
        TAViSOutput
            Masks and embeddings, differentiable.

        Raises
        ------
        ModelError
            If there is no such protocol.
        """
        if protocol not in PROTOCOLS:
            raise ModelError(f"There is no protocol {protocol!r}; choose {' or '.join(PROTOCOLS)}.")
        shape = images.shape[:2]
        images, mel = images.flatten(0, 1), mel.flatten(0, 1)
        audio_tokens, audio_cls = self.imagebind.encode_audio(mel)
        vision_cls = self.imagebind.encode_vision(
            preprocess.halve(preprocess.imagebind_size(images))
        )
        learned, decomposed = self.decomposition(audio_tokens, audio_cls)
        prompts = self.prompting(
            learned, decomposed, audio_cls, vision_cls, self.imagebind.encode_text
        )
        levels, features = self._image_features(images, audio_tokens)
        if protocol == "independent":
            masks = self.sam2.segment_frames(features, prompts.sparse, prompts.dense)
        else:
            bank = self.sam2.track(clips=shape[0])
            masks = self.sam2.segment_clips(features, prompts.sparse, prompts.dense, bank)
        return TAViSOutput(
            **_by_frame(masks, shape),
            audio_embedding=self.imagebind.audio_head(decomposed).unflatten(0, shape),
            sound_embedding=self.imagebind.audio_head(audio_cls).unflatten(0, shape),
            pseudo_text=prompts.pseudo_text.unflatten(0, shape),
            image_features=levels,
            frame_features=features,
        )

    def _image_features(
        self, images: Tensor, audio_tokens: Tensor
    ) -> tuple[list[Tensor], Features]:
        """Run SAM 2's image encoder, guided by the sound."""
        levels, position = self.sam2.image_encoder(
            preprocess.normalise(images), self.adapters(audio_tokens)
        )
        return levels, self.sam2.features(levels, position)

    @for_inference
    def segment(
        self, frames: np.ndarray | Tensor, mel: np.ndarray | Tensor, protocol: str = "memory"
    ) -> Segmentation:
        """Segment one clip, from frames as they were decoded.

        Parameters
        ----------
        frames : ndarray or Tensor of uint8, shape (T, H, W, 3)
            RGB frames of any size (see `preprocess.stretch_frames`).
        mel : ndarray or Tensor of float32, shape (T, 1, 128, 204)
            Log-mel spectrogram of each frame's window.
        protocol : str
            See `forward`.

        Returns
        -------
        Segmentation
            On the CPU.
        """
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        sound = torch.as_tensor(mel, dtype=torch.float32, device=self.device)
        output = self(images[None], sound[None], protocol)
        size = (self.image_size, self.image_size)
        logits = F.interpolate(
            output.mask_logits[0].float(), size=size, mode="bilinear", align_corners=False
        )
        return Segmentation(
            mask_logits=logits.cpu(),
            audio_embedding=output.audio_embedding[0].float().cpu(),
            object_pointer=output.object_pointer[0].float().cpu(),
            iou=output.candidate_iou[0].amax(dim=-1).float().cpu(),
            object_score=output.object_score[0].float().cpu(),
        )

    @for_inference
    def encode_frames(self, frames: np.ndarray | Tensor, mel: np.ndarray | Tensor) -> Features:
        """Encode frames for prompts by hand, in the light of their sound.

        Parameters
        ----------
        frames : ndarray or Tensor of uint8, shape (n, H, W, 3)
            RGB frames of any size.
        mel : ndarray or Tensor of float32, shape (n, 1, 128, 204)
            Log-mel spectrogram of each frame's window.

        Returns
        -------
        Features
            ``n`` rows, on the model's device.
        """
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        sound = torch.as_tensor(mel, dtype=torch.float32, device=self.device)
        audio_tokens, _ = self.imagebind.encode_audio(sound)
        return self._image_features(images, audio_tokens)[1]

    @for_inference
    def segment_prompts(
        self,
        features: Features,
        points: Tensor,
        labels: Tensor,
        mask_logits: Tensor | None = None,
    ) -> PromptedMask:
        """Segment an object from clicks, a box, or a mask to start from.

        Parameters
        ----------
        features : Features
            One frame.
        points : Tensor, shape (P, 2)
            Column and row of each point, 0 to 1 of the frame's width and height.
        labels : Tensor of int, shape (P,)
            1 inside, 0 outside, 2 and 3 a box's upper left and lower right corner.
        mask_logits : Tensor, optional, shape (h, w)
            Logits of the mask to start from, of any size.

        Returns
        -------
        PromptedMask
            On the CPU.
        """
        place, dtype = self.device, features.embedding.dtype
        if len(points):
            where, kinds = points[None].to(place, dtype), labels[None].to(place)
        else:
            where, kinds = no_points(1, place)
        start = None if mask_logits is None else mask_logits[None].to(place, dtype)
        masks = self.sam2.segment_prompted(features, where, kinds, start)
        return prompted_mask(masks, self.image_size)

    def track_object(self) -> ObjectTracker:
        """Start to follow an object from frames where a person has drawn it."""
        return ObjectTracker(self.sam2, self.inference)

    @for_inference
    def embed_regions(self, frames: np.ndarray | Tensor, mask_logits: Tensor) -> Tensor:
        """Embed what the masks of a clip highlight: five vision passes per frame.

        Parameters
        ----------
        frames : ndarray or Tensor of uint8, shape (T, H, W, 3)
            RGB frames of any size.
        mask_logits : Tensor, shape (T, N or K, h, w)
            Masks of the queries; a sixth, the scene's, is passed over.

        Returns
        -------
        Tensor, shape (T, N, D)
            Unit vectors ``T_v``, float32, on the CPU.
        """
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        logits = mask_logits[:, : self.config.queries].to(self.device)
        return self.region_embedding(images[None], logits[None])[0].float().cpu()

    def region_embedding(
        self, images: Tensor, mask_logits: Tensor, kernel: int = BLUR_KERNEL
    ) -> Tensor:
        """Embed what masks highlight, differentiably.

        Parameters
        ----------
        images : Tensor, shape (B, T, 3, S, S)
            RGB, 0 to 1.
        mask_logits : Tensor, shape (B, T, N, h, w)
            Masks of the queries.
        kernel : int
            Side of the blur's averaging window at 224 pixels.

        Returns
        -------
        Tensor, shape (B, T, N, D)
            Unit vectors ``T_v``.
        """
        shape = mask_logits.shape[:3]
        pictures = preprocess.imagebind_size(images.flatten(0, 1))
        highlighted = highlight(pictures, mask_logits.flatten(0, 1), kernel).flatten(0, 1)
        cls_token = self.imagebind.encode_vision(preprocess.halve(highlighted))
        return self.imagebind.vision_head(cls_token).unflatten(0, shape)

    def text_features(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts, differentiably; nothing is kept.

        Parameters
        ----------
        texts : sequence of str
            ``P`` texts, for example of `alignment.class_prompt`.

        Returns
        -------
        TextFeatures
            In both spaces.
        """
        sizes = self.config.imagebind
        tokens, ends = tokenize(texts, sizes.context, sizes.vocabulary)
        # The trunk is causal: what follows the longest text changes nothing.
        tokens, ends = tokens[:, : int(ends.max()) + 1].to(self.device), ends.to(self.device)
        embeddings = self.imagebind.embed_tokens(tokens)
        features = self.imagebind.encode_text(embeddings, all_positions=True)
        trunk = features[torch.arange(len(ends), device=self.device), ends]
        return TextFeatures(trunk, self.imagebind.text_head(trunk))

    @for_inference
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts, each only once as long as the weights stay the same.

        Parameters
        ----------
        texts : sequence of str
            ``P`` texts.

        Returns
        -------
        Tensor, shape (P, D)
            ``T^t``: unit vectors times the logit scale, on the model's device.
        """
        weights = self._text_weights()
        if weights != self._text_cache_weights:
            self._text_cache, self._text_cache_weights = {}, weights
        new = [text for text in dict.fromkeys(texts) if text not in self._text_cache]
        if new:
            self._text_cache.update(zip(new, self.text_features(new).embedding, strict=True))
        return torch.stack([self._text_cache[text] for text in texts])

    def _text_weights(self) -> int:
        """Fingerprint the text encoder: another number once a weight was changed or moved."""
        weights = (p for name, p in self.imagebind.named_parameters() if ".text." in f".{name}")
        return hash(tuple((p.data_ptr(), p._version) for p in weights))


def _by_frame(masks: Masks, shape: torch.Size) -> dict[str, Tensor]:
    """Name the decoder's results as `TAViSOutput` does, and split their rows by frame."""
    names = {"logits": "mask_logits", "score": "object_score", "pointer": "object_pointer"}
    return {
        names.get(field.name, field.name): getattr(masks, field.name).unflatten(0, (*shape, -1))
        for field in fields(masks)
    }
