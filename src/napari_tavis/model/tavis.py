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

from napari_tavis.model import preprocess
from napari_tavis.model.adapters import AudioAdapters
from napari_tavis.model.alignment import BLUR_KERNEL
from napari_tavis.model.backbone import INDEPENDENT, SegmentationBackbone
from napari_tavis.model.config import TAViSConfig, preset_config
from napari_tavis.model.decomposition import QueryDecomposition
from napari_tavis.model.encoded import Cues, EncodedFrames, FrozenFeatures, Sound
from napari_tavis.model.features import Features
from napari_tavis.model.imagebind import ImageBind
from napari_tavis.model.outputs import Segmentation, TAViSOutput, by_frame, of_one_clip
from napari_tavis.model.precision import for_inference, inference, usual_precision
from napari_tavis.model.prompted import ObjectTracker, PromptedMask, no_points, prompted_mask
from napari_tavis.model.prompting import HybridPrompting
from napari_tavis.model.regions import region_embedding
from napari_tavis.model.segmenters import build_segmenter
from napari_tavis.model.texts import KeptTexts, TextFeatures, fingerprint, text_features


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
        segmenter = build_segmenter(config.segmenter, config.image_size)
        self.add_module(config.segmenter.family, segmenter)  # its weights say whose they are
        self.precision: torch.dtype | None = None
        self._texts = KeptTexts()
        self._self = object()  # unlike an id, never that of another model as well

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
        with torch.device("meta"), _Unfilled():
            return cls(config).eval()

    @property
    def segmenter(self) -> SegmentationBackbone:
        """The image encoder and mask decoder."""
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
        """What is the same only as long as the same frames give the same numbers."""
        precision = self.precision or usual_precision(self.device)
        weights = fingerprint(self.parameters())
        return self._self, weights, self.image_size, str(self.device), precision

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
        """Segment clips.

        Parameters
        ----------
        images : Tensor, shape (B, T, 3, S, S)
            RGB, 0 to 1.
        mel : Tensor, shape (B, T, 1, 128, 204)
            Normalised log-mel spectrogram of the 2 s window of each frame.
        protocol : str, optional
            ``"memory"``: each frame on the memory of those before. ``"independent"``: each by
            itself, as the authors evaluate. By default the first that the segmenter has.
        frozen : FrozenFeatures, optional
            ``B * T`` rows, the frames of a clip beside each other, of `encode_frozen`: spares
            ImageBind's encoders, which are computed if this is left out.

        Returns
        -------
        TAViSOutput
            Masks and embeddings, differentiable.

        Raises
        ------
        ModelError
            If there is no such protocol, or the segmenter does not have it.
        """
        shape = images.shape[:2]
        images, mel = images.flatten(0, 1), mel.flatten(0, 1)
        if frozen is None:
            frozen = self.encode_frozen(images, mel)
        levels, features = self._look(images, frozen.sound)
        encoded = EncodedFrames(features, self._cues(frozen.seen, frozen.sound))
        return replace(self.decode(encoded, shape[0], protocol), image_features=levels)

    def encode_frozen(self, images: Tensor, mel: Tensor) -> FrozenFeatures:
        """Run ImageBind's encoders, differentiably: what the paper's training never changes.

        Parameters
        ----------
        images : Tensor, shape (n, 3, S, S)
            RGB, 0 to 1.
        mel : Tensor, shape (n, 1, 128, 204)
            Normalised log-mel spectrogram of the 2 s window of each frame.

        Returns
        -------
        FrozenFeatures
            ``n`` rows, for `forward`.
        """
        return FrozenFeatures(self._hear(mel), self._see(images))

    def decode(
        self, encoded: EncodedFrames, clips: int, protocol: str | None = None
    ) -> TAViSOutput:
        """Find the masks of clips whose frames are encoded, differentiably.

        Parameters
        ----------
        encoded : EncodedFrames
            ``B * T`` rows with cues, the frames of a clip beside each other.
        clips : int
            Number of clips, ``B``.
        protocol : str, optional
            See `forward`.

        Returns
        -------
        TAViSOutput
            Without `image_features`.
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

    def _hear(self, mel: Tensor) -> Sound:
        """Encode windows of sound ``[n, 1, 128, 204]``."""
        return Sound(*self.imagebind.encode_audio(mel))

    def _look(self, images: Tensor, sound: Sound) -> tuple[list[Tensor], Features]:
        """Run the segmenter's image encoder on images ``[n, 3, S, S]``, guided by their sound."""
        return self.segmenter.encode(preprocess.normalise(images), self.adapters(sound.tokens))

    def _see(self, images: Tensor) -> Tensor:
        """Encode images ``[n, 3, S, S]`` as wholes: ``[n, Cv]``, ``t_v``."""
        return self.imagebind.encode_vision(preprocess.halve(preprocess.imagebind_size(images)))

    def _cues(self, vision_cls: Tensor, sound: Sound) -> Cues:
        """Decompose sounds and put them into the words of the mask decoder."""
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
        """Segment one clip, from frames as they were decoded.

        Parameters
        ----------
        frames : ndarray or Tensor of uint8, shape (T, H, W, 3)
            RGB frames of any size (see `preprocess.stretch_frames`).
        mel : ndarray or Tensor of float32, shape (T, 1, 128, 204)
            Log-mel spectrogram of each frame's window.
        protocol : str, optional
            See `forward`.

        Returns
        -------
        Segmentation
            On the CPU.
        """
        return self.segment_encoded(self.encode_frames(frames, mel, cues=True), protocol)

    @for_inference
    def encode_frames(
        self, frames: np.ndarray | Tensor, mel: np.ndarray | Tensor, *, cues: bool = False
    ) -> EncodedFrames:
        """Run the encoders on frames, in the light of their sound.

        Parameters
        ----------
        frames : ndarray or Tensor of uint8, shape (n, H, W, 3)
            RGB frames of any size (see `preprocess.stretch_frames`).
        mel : ndarray or Tensor of float32, shape (n, 1, 128, 204)
            Log-mel spectrogram of each frame's window.
        cues : bool
            Whether all is encoded that segmenting by sound needs, or only what prompts by hand
            need; `add_cues` makes up for the rest.

        Returns
        -------
        EncodedFrames
            ``n`` rows, on the model's device.
        """
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        sound = self._hear(torch.as_tensor(mel, dtype=torch.float32, device=self.device))
        features = self._look(images, sound)[1]
        if cues:
            return EncodedFrames(features, cues=self._cues(self._see(images), sound))
        return EncodedFrames(features, sound=sound)

    @for_inference
    def add_cues(self, frames: np.ndarray | Tensor, encoded: EncodedFrames) -> EncodedFrames:
        """Encode what segmenting by sound needs of frames that were encoded without it.

        Parameters
        ----------
        frames : ndarray or Tensor of uint8, shape (n, H, W, 3)
            The same frames.
        encoded : EncodedFrames
            ``n`` rows, with their sound.

        Returns
        -------
        EncodedFrames
            The same with cues, as if they had been asked for at once.
        """
        if encoded.sound is None:
            raise ValueError("the sound of these frames was not kept")
        images = preprocess.stretch_frames(frames, self.image_size).to(self.device)
        cues = self._cues(self._see(images), encoded.sound)
        return EncodedFrames(encoded.features, cues=cues)

    @for_inference
    def segment_encoded(self, encoded: EncodedFrames, protocol: str | None = None) -> Segmentation:
        """Segment one clip whose frames are encoded.

        Parameters
        ----------
        encoded : EncodedFrames
            ``T`` rows with cues.
        protocol : str, optional
            See `forward`.

        Returns
        -------
        Segmentation
            On the CPU.
        """
        return of_one_clip(self.decode(encoded, 1, protocol), self.image_size)

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

        Raises
        ------
        ModelError
            If the segmenter has no memory.
        """
        return ObjectTracker(self.segmenter, self.inference)

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
        """Embed what masks highlight, differentiably: see `regions.region_embedding`."""
        return region_embedding(self.imagebind, images, mask_logits, kernel)

    def text_features(self, texts: Sequence[str]) -> TextFeatures:
        """Encode texts, differentiably; nothing is kept: see `texts.text_features`."""
        return text_features(self.imagebind, texts)

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
            ``T^t``: unit vectors times the logit scale, float32, on the CPU.
        """
        named = self.imagebind.named_parameters()
        weights = fingerprint(weight for name, weight in named if ".text." in f".{name}")
        return self._texts.embed(texts, weights, self.text_features)


class _Unfilled(TorchFunctionMode):
    """A context in which tensors without memory are not filled with random numbers, nor scaled.

    It would change nothing, and yet the first call would import torch's compiler, which takes
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
