"""SAM as the model that segments: the paper's table 5 runs TAViS on it, with its ViT-H.

Image encoder from ``timm``, prompt encoder and mask decoder from ``sam2``, whose modules are
those of SAM. SAM has no memory: each frame is segmented by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sam2.modeling.sam.prompt_encoder import PromptEncoder
from timm.layers import resample_abs_pos_embed_nhwc
from timm.models.vision_transformer_sam import VisionTransformerSAM
from torch import Tensor, nn

from napari_tavis.model.backbone import INDEPENDENT, SegmentationBackbone
from napari_tavis.model.config import SamConfig
from napari_tavis.model.decoding import UPPER_LEFT, build_mask_decoder, decode_best, embed_prompts
from napari_tavis.model.features import Features, Masks

PATCH = 16  # pixels per side of a token: the stride of the image embedding

MASK_CHANNELS = 16  # in the middle of the layers that read a mask prompt


class AudioGuidedVit(VisionTransformerSAM):
    """SAM's image encoder with a bias from the sound before every block (paper, section 3.1)."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__(
            img_size=PATCH * config.position_grid,
            patch_size=PATCH,
            num_classes=0,
            embed_dim=config.trunk_width,
            depth=config.blocks,
            num_heads=config.trunk_heads,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),  # type: ignore[arg-type]
            use_rel_pos=True,
            window_size=config.window,
            global_attn_indexes=config.global_blocks,
            neck_chans=config.width,
            global_pool="",
        )

    def forward(  # type: ignore[override]
        self, images: Tensor, biases: Sequence[Tensor]
    ) -> Tensor:
        """Encode images with biases, see `SegmentationBackbone.encode`: (n, C, S / 16, S / 16)."""
        x = self.patch_embed(images)
        x = x + resample_abs_pos_embed_nhwc(self.pos_embed, list(x.shape[1:3]))
        for block, bias in zip(self.blocks, biases, strict=True):
            x = block(x + bias[:, None, None, :])
        embedding: Tensor = self.neck(x.permute(0, 3, 1, 2))
        return embedding


class SoundPromptedSam(SegmentationBackbone):
    """SAM that takes one token and one dense vector per query as well as clicks."""

    protocols = (INDEPENDENT,)
    title = "SAM"

    def __init__(self, config: SamConfig, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.paint_points = config.paint_points
        self.image_encoder = AudioGuidedVit(config)
        self.prompt_encoder = PromptEncoder(
            embed_dim=config.width,
            image_embedding_size=(image_size // PATCH, image_size // PATCH),
            input_image_size=(image_size, image_size),
            mask_in_chans=MASK_CHANNELS,
        )
        self.mask_decoder = build_mask_decoder(config)

    def encode(self, images: Tensor, biases: Sequence[Tensor]) -> tuple[list[Tensor], Features]:
        embedding = self.image_encoder(images, biases)
        return [embedding], Features(embedding)

    def segment_frames(self, features: Features, sparse: Tensor, dense: Tensor) -> Masks:
        queries = sparse.shape[1]
        return self._decode(
            features.embedding.repeat_interleave(queries, dim=0),
            sparse.flatten(0, 1)[:, None],
            dense.repeat_interleave(queries, dim=0)[:, :, None, None],
        )

    def segment_prompted(
        self, features: Features, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> Masks:
        prompts = embed_prompts(
            self.prompt_encoder,
            points,
            labels,
            mask_logits,
            features.mask_size,
            paint=self.paint_points,
            close=not bool((labels == UPPER_LEFT).any()),  # SAM 2 closes boxes, too; SAM does not
        )
        return self._decode(features.embedding, *prompts)

    def _decode(self, embedding: Tensor, sparse: Tensor, dense: Tensor) -> Masks:
        places = self.prompt_encoder.pe_layer(embedding.shape[-2:])
        return decode_best(self.mask_decoder, embedding, places, sparse, dense)
