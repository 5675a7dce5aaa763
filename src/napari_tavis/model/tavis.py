"""TAViS: its parts wired together (Luo et al., ICCV 2025)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from napari_tavis.core.errors import ModelError
from napari_tavis.model import preprocess
from napari_tavis.model.adapters import AudioAdapters
from napari_tavis.model.alignment import BLUR_KERNEL, highlight
from napari_tavis.model.backbone import INDEPENDENT, SegmentationBackbone
from napari_tavis.model.config import SamConfig, SegmenterConfig, TAViSConfig, preset_config
from napari_tavis.model.decoding import no_points
from napari_tavis.model.decomposition import QueryDecomposition
from napari_tavis.model.features import Cues, EncodedFrames, Features, FrozenFeatures, Sound
from napari_tavis.model.imagebind import ImageBind
from napari_tavis.model.outputs import (
    PromptedMask,
    Segmentation,
    TAViSOutput,
    by_frame,
    of_one_clip,
    prompted_mask,
)
from napari_tavis.model.precision import for_inference, inference, usual_precision
from napari_tavis.model.prompting import HybridPrompting
from napari_tavis.model.sam2_segmenter import SoundPromptedSam2
from napari_tavis.model.texts import TextCache, TextFeatures, fingerprint, text_features
from napari_tavis.model.tracking import ObjectTracker


class TAViS(nn.Module):
    """Finds what sounds in the frames of a clip."""

    def __init__(self, config: TAViSConfig) -> None:
        super().__init__()
        self.config = config
        self.imagebind = ImageBind(config.imagebind)
        self.adapters = AudioAdapters(config)
        self.decomposition = QueryDecomposition(config)
        self.prompting = HybridPrompting(config)
        segmenter = _build_segmenter(config.segmenter, config.image_size)
        self.add_module(config.segmenter.family, segmenter)  # its weights say whose they are
        # Number format of matrix products in everything but `forward` and other differentiable
        # methods, whose callers choose it; None for the one that is usual on the device.
        self.precision: torch.dtype | None = None
        self._texts = TextCache()
        self._token = object()  # unlike an id, never given to another model once this one is gone

    @classmethod
    def from_preset(cls, name: str, image_size: int | None = None) -> TAViS:
        """Build a network of a preset, ``"large"`` (the paper's) or ``"toy"``, in evaluation mode.

        The toy comes with random weights to be trained. The paper's network starts from those of
        ImageBind and SAM 2, so memory for its weights is reserved but not filled: load a checkpoint
        into it. Raises `ModelError` if there is no such preset, or the image size (a multiple of
        32) does not fit.
        """
        config = preset_config(name, image_size)
        if not config.needs_release:
            return cls(config).eval()
        model = cls.without_weights(config)
        return model._apply(lambda w: torch.empty_like(w, device="cpu") if w.is_meta else w)

    @classmethod
    def without_weights(cls, config: TAViSConfig) -> TAViS:
        """Build a network on the ``meta`` device, in evaluation mode.

        It takes no memory until weights are loaded into it.
        """
        with torch.device("meta"), _Unfilled():
            return cls(config).eval()

    @property
    def segmenter(self) -> SegmentationBackbone:
        return cast(SegmentationBackbone, self.get_submodule(self.config.segmenter.family))

    @property
    def image_size(self) -> int:
        """Pixels per side of the images that the segmenter sees."""
        return self.config.image_size

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.prompting.query_projection.weight.device

    @property
    def identity(self) -> Hashable:
        """What stays the same only as long as the same frames give the same numbers."""
        precision = self.precision or usual_precision(self.device)
        weights = fingerprint(self.parameters())
        return self._token, weights, self.image_size, str(self.device), precision

    def inference(self) -> AbstractContextManager[None]:
        """Give the context in which the network is used rather than trained."""
        return inference(self.device, self.precision or usual_precision(self.device))

    def forward(
        self,
        images: Tensor,
        mel: Tensor,
        protocol: str | None = None,
        frozen: FrozenFeatures | None = None,
    ) -> TAViSOutput:
        """Segment clips, differentiably.

        Parameters
        ----------
        images : Tensor, shape (B, T, 3, S, S)
            RGB, 0 to 1.
        mel : Tensor, shape (B, T, 1, 128, 204)
            Normalised log-mel spectrogram of the 2 s window of each frame.
        protocol : str, optional
            ``"memory"``: each frame on the memory of those before. ``"independent"``: each by
            itself, as the authors evaluate. By default the first that the segmenter has; one that
            it lacks is a `ModelError`.
        frozen : FrozenFeatures, optional
            ``B * T`` rows of `encode_frozen`, clip by clip: spares ImageBind's encoders.
        """
        shape = images.shape[:2]
        images, mel = images.flatten(0, 1), mel.flatten(0, 1)
        if frozen is None:
            frozen = self.encode_frozen(images, mel)
        levels, features = self._segmenter_features(images, frozen.sound)
        encoded = EncodedFrames(features, self._cues(frozen.seen, frozen.sound))
        return replace(self.decode(encoded, shape[0], protocol), image_features=levels)

    def encode_frozen(self, images: Tensor, mel: Tensor) -> FrozenFeatures:
        """Run ImageBind's encoders, differentiably: what the paper's training never changes.

        Takes images (n, 3, S, S) and spectrograms (n, 1, 128, 204) as `forward` does.
        """
        return FrozenFeatures(self._encode_sound(mel), self._encode_vision(images))

    def decode(
        self, encoded: EncodedFrames, clips: int, protocol: str | None = None
    ) -> TAViSOutput:
        """Find the masks of ``B`` clips whose frames are encoded, differentiably.

        Takes ``B * T`` rows with cues, clip by clip, and a protocol as `forward` does; the output
        has no image features.
        """
        protocol = self.segmenter.choose_protocol(protocol)
        features, cues = encoded.features, encoded.cues
        if cues is None:
            raise ValueError("the frames were encoded without cues: see TAViS.add_cues")
        prompts = cues.prompts
        if protocol == INDEPENDENT:
            masks = self.segmenter.segment_frames(features, prompts.sparse, prompts.dense)
        else:
            masks = self.segmenter.segment_clips(features, prompts.sparse, prompts.dense, clips)
        shape = torch.Size((clips, len(prompts.dense) // clips))
        return TAViSOutput(
            **by_frame(masks, shape),
            audio_embedding=cues.audio_embedding.unflatten(0, shape),
            sound_embedding=cues.sound_embedding.unflatten(0, shape),
            pseudo_text=prompts.pseudo_text.unflatten(0, shape),
            image_features=[],
            frame_features=features,
        )

    def _encode_sound(self, mel: Tensor) -> Sound:
        """Encode windows of sound (n, 1, 128, 204)."""
        return Sound(*self.imagebind.encode_audio(mel))

    def _segmenter_features(self, images: Tensor, sound: Sound) -> tuple[list[Tensor], Features]:
        """Run the segmenter's image encoder on images (n, 3, S, S), guided by their sound."""
        return self.segmenter.encode(preprocess.normalise(images), self.adapters(sound.tokens))

    def _encode_vision(self, images: Tensor) -> Tensor:
        """Encode images (n, 3, S, S) as wholes: ``t_v``, (n, Cv)."""
        return self.imagebind.encode_vision(preprocess.halve(preprocess.imagebind_size(images)))

    def _cues(self, vision_cls: Tensor, sound: Sound) -> Cues:
        """Decompose sounds and turn them into prompts for the mask decoder."""
        learned, decomposed = self.decomposition(sound.tokens, sound.summary)
        prompts = self.prompting(
            learned, decomposed, sound.summary, vision_cls, self.imagebind.encode_text
        )
        head = self.imagebind.audio_head
        return Cues(prompts, head(decomposed), head(sound.summary))

    @for_inference
    def segment(
        self, frames: np.ndarray | Tensor, mel: np.ndarray | Tensor, protocol: str | None = None
    ) -> Segmentation:
        """Segment one clip, from uint8 frames (T, H, W, 3) of any size as they were decoded.

        Takes the log-mel spectrogram of each frame's window, (T, 1, 128, 204), and a protocol as
        `forward` does; gives the result on the CPU.
        """
        return self.segment_encoded(self.encode_frames(frames, mel, cues=True), protocol)

    @for_inference
    def encode_frames(
        self, frames: np.ndarray | Tensor, mel: np.ndarray | Tensor, *, cues: bool = False
    ) -> EncodedFrames:
        """Run the encoders on uint8 frames (n, H, W, 3) and their sound, log-mel (n, 1, 128, 204).

        With ``cues``, all that segmenting by sound needs is encoded; else only what prompts by hand
        need, and `add_cues` makes up for the rest. The rows stay on the model's device.
        """
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        sound = self._encode_sound(torch.as_tensor(mel, dtype=torch.float32, device=self.device))
        features = self._segmenter_features(images, sound)[1]
        if cues:
            return EncodedFrames(features, cues=self._cues(self._encode_vision(images), sound))
        return EncodedFrames(features, sound=sound)

    @for_inference
    def add_cues(self, frames: np.ndarray | Tensor, encoded: EncodedFrames) -> EncodedFrames:
        """Encode what segmenting by sound needs of frames that were encoded without it.

        Takes the same frames again; the result is as if cues had been asked for at once.
        """
        if encoded.sound is None:
            raise ValueError("the sound of these frames was not kept")
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        cues = self._cues(self._encode_vision(images), encoded.sound)
        return EncodedFrames(encoded.features, cues=cues)

    @for_inference
    def segment_encoded(self, encoded: EncodedFrames, protocol: str | None = None) -> Segmentation:
        """Segment a clip whose ``T`` frames are encoded with cues; the result is on the CPU."""
        return of_one_clip(self.decode(encoded, 1, protocol), self.image_size)

    @for_inference
    def segment_prompts(
        self,
        features: Features,
        points: Tensor,
        labels: Tensor,
        mask_logits: Tensor | None = None,
    ) -> PromptedMask:
        """Segment an object in one frame from clicks, a box, or a mask to start from.

        Points (P, 2) and labels (P,) are as in `SegmentationBackbone.segment_prompted`, the mask
        is (h, w) of any size.
        """
        place, dtype = self.device, torch.float32  # half precision is too coarse for places
        if len(points):
            where, kinds = points[None].to(place, dtype), labels[None].to(place)
        else:
            where, kinds = no_points(1, place)
        start = None if mask_logits is None else mask_logits[None].to(place, dtype)
        masks = self.segmenter.segment_prompted(features, where, kinds, start)
        return prompted_mask(masks, self.image_size)

    def track_object(self) -> ObjectTracker:
        """Start to follow an object from frames where a person has drawn it.

        Raises `ModelError` if the segmenter has no memory.
        """
        return ObjectTracker(self.segmenter, self.inference)

    @for_inference
    def embed_regions(self, frames: np.ndarray | Tensor, mask_logits: Tensor) -> Tensor:
        """Embed what the masks of a clip highlight: ``N`` vision passes per frame.

        Takes uint8 frames (T, H, W, 3) of any size and masks (T, N or K, h, w), of which only the
        first ``N`` count: the scene's comes after them. Gives unit vectors ``T_v``, (T, N, D),
        float32, on the CPU.
        """
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        logits = mask_logits[:, : self.config.queries].to(self.device)
        return self.region_embedding(images[None], logits[None])[0].float().cpu()

    def region_embedding(
        self, images: Tensor, mask_logits: Tensor, kernel: int = BLUR_KERNEL
    ) -> Tensor:
        """Embed what masks highlight, differentiably: one vision pass for each mask.

        Takes images (B, T, 3, S, S) from 0 to 1, masks (B, T, N, h, w), and the side of the blur's
        window at 224 pixels; gives unit vectors ``T_v``, (B, T, N, D).
        """
        shape = mask_logits.shape[:3]
        pictures = preprocess.imagebind_size(images.flatten(0, 1))
        highlighted = highlight(pictures, mask_logits.flatten(0, 1), kernel).flatten(0, 1)
        cls_token = self.imagebind.encode_vision(preprocess.halve(highlighted))
        return self.imagebind.vision_head(cls_token).unflatten(0, shape)

    def text_features(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts, differentiably; nothing is kept."""
        return text_features(self.imagebind, texts)

    @for_inference
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Embed ``P`` texts, each only once as long as the weights stay the same.

        Gives ``T^t``, (P, D): unit vectors times the logit scale, float32, on the CPU.
        """
        named = self.imagebind.named_parameters()
        weights = fingerprint(weight for name, weight in named if ".text." in f".{name}")
        return self._texts.embed(texts, weights, self.text_features)


def _build_segmenter(config: SegmenterConfig, image_size: int) -> SegmentationBackbone:
    """Build the model that segments.

    Raises `ModelError` if it needs a package that is not installed.
    """
    if isinstance(config, SamConfig):
        try:
            from napari_tavis.model.sam_segmenter import SoundPromptedSam
        except ModuleNotFoundError as error:
            raise ModelError(
                f"Models on SAM need the package {error.name}, which is not installed: "
                "pip install 'napari-tavis[sam]'."
            ) from error
        return SoundPromptedSam(config, image_size)
    return SoundPromptedSam2(config, image_size)


class _Unfilled(TorchFunctionMode):
    """A context in which tensors without memory are not filled with random numbers, nor scaled.

    That would change nothing, and yet the first call would import torch's compiler, which takes
    longer than building the network.
    """

    _NEEDLESS = frozenset({"normal_", "uniform_", "kaiming_uniform_", "mul"})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace:
            kwargs = {**kwargs, "device": "cpu"}  # Hiera reads its numbers while it is built
        if func.__name__ in self._NEEDLESS:
            tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
            if len(tensors) == 1 and tensors[0].is_meta:
                return tensors[0]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)
