"""The vision, audio and text encoders of ImageBind (Girdhar et al., CVPR 2023).

Parameter names are those of the official checkpoint, so its entries load as they are. The
encoders for depth, thermal and motion data, which TAViS never runs, are not here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_tavis.model.attention import Attention
from napari_tavis.model.config import ImageBindConfig, TransformerConfig

EPS = 1e-6  # of the official layer norms, and not torch's 1e-5
AUDIO_LOGIT_SCALE = 20.0
TEXT_LOGIT_SCALE = 1 / 0.07
MAX_LOGIT_SCALE = 100.0


class Mlp(nn.Module):
    """Two linear layers with a GELU between them, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        for layer in (self.fc1, self.fc2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(config.width, eps=EPS)
        self.attn = Attention(config.width, config.heads, config.bias_kv)
        self.norm_2 = nn.LayerNorm(config.width, eps=EPS)
        self.mlp = Mlp(config.width)

    def forward(self, tokens: Tensor, causal: bool = False, only: int | None = None) -> Tensor:
        """Run the block on tokens (n, t, width); give all of them, or (n, 1, width).

        With ``only``, a position, the other tokens serve as keys and values alone. A causal block
        then has to be asked for the last position, which sees every token anyway.
        """
        normed = self.norm_1(tokens)
        if only is None:
            tokens = tokens + self.attn(normed, normed, causal)
        else:
            one = slice(only, only + 1 or None)
            tokens = tokens[:, one] + self.attn(normed[:, one], normed)
        return tokens + self.mlp(self.norm_2(tokens))


class Trunk(nn.Module):
    """A stack of blocks, after a LayerNorm where the modality has one."""

    def __init__(self, config: TransformerConfig, pre_norm: bool = False) -> None:
        super().__init__()
        if pre_norm:
            self.pre_transformer_layer = nn.Sequential(nn.LayerNorm(config.width, eps=EPS))
        else:
            self.pre_transformer_layer = nn.Sequential()
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))

    def forward(self, tokens: Tensor, causal: bool = False, only: int | None = None) -> Tensor:
        """Run all blocks on (n, t, width); ``only`` is as in `Block.forward`."""
        tokens = self.pre_transformer_layer(tokens)
        last = len(self.blocks) - 1
        for index, block in enumerate(self.blocks):
            tokens = block(tokens, causal, only if index == last else None)
        return tokens


class PositionEmbedding(nn.Module):
    """A learned vector for the cls token and one for each patch of a grid."""

    def __init__(self, positions: int, width: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + positions, width))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)


class VisionStem(nn.Module):
    """Cuts an image into patches; a still image is a film of two equal frames."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        size = (2, config.vision_patch, config.vision_patch)
        conv = nn.Conv3d(3, config.vision.width, kernel_size=size, stride=size, bias=False)
        self.proj = nn.Sequential(nn.Identity(), conv)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 3, s, s) to patches (n, width, s / 14, s / 14)."""
        # Both frames are the same, so the two halves of the kernel add up.
        weight = self.proj.get_parameter("1.weight").sum(dim=2)
        return F.conv2d(images, weight, stride=weight.shape[-1])


class AudioStem(nn.Module):
    """Cuts a log-mel spectrogram into overlapping patches and normalises them."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        width, patch = config.audio.width, config.audio_patch
        self.proj = nn.Conv2d(1, width, patch, stride=config.audio_stride, bias=False)
        self.norm_layer = nn.LayerNorm(width)

    def forward(self, mel: Tensor) -> Tensor:
        """Map spectrograms (n, 1, 128, 204) to tokens (n, F, width)."""
        return self.norm_layer(self.proj(mel).flatten(2).transpose(1, 2))


class VisionPreprocessor(nn.Module):
    """Images to tokens."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, config.vision.width))
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        self.rgbt_stem = VisionStem(config)
        self.pos_embedding_helper = PositionEmbedding(config.vision_grid**2, config.vision.width)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 3, s, s) to tokens (n, 1 + patches, width), cls token first."""
        patches = self.rgbt_stem(images)
        cls_position, grid = self._positions(patches.shape[-1])
        tokens = (patches + grid).flatten(2).transpose(1, 2)
        cls_token = (self.cls_token + cls_position).expand(len(tokens), -1, -1)
        return torch.cat((cls_token, tokens), dim=1)

    def _positions(self, side: int) -> tuple[Tensor, Tensor]:
        """Give the positions of the cls token, (1, 1, width), and of a grid of this side."""
        stored = self.pos_embedding_helper.pos_embed
        grid = stored[:, 1:].transpose(1, 2)
        stored_side = math.isqrt(grid.shape[-1])
        grid = grid.unflatten(-1, (stored_side, stored_side))
        if side != stored_side:
            grid = F.interpolate(grid, scale_factor=side / stored_side, mode="bicubic")
        return stored[:, :1], grid


class AudioPreprocessor(nn.Module):
    """Spectrograms to tokens."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, config.audio.width))
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        self.rgbt_stem = AudioStem(config)
        positions = math.prod(config.audio_grid)
        self.pos_embedding_helper = PositionEmbedding(positions, config.audio.width)

    def forward(self, mel: Tensor) -> Tensor:
        """Map spectrograms (n, 1, 128, 204) to tokens (n, 1 + F, width), cls token first."""
        tokens = self.rgbt_stem(mel)
        tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
        return tokens + self.pos_embedding_helper.pos_embed


class TextPreprocessor(nn.Module):
    """Token numbers, or ready token embeddings, to tokens with their positions."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocabulary, config.text.width)
        self.pos_embed = nn.Parameter(torch.empty(1, config.context, config.text.width))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.pos_embed, std=0.01)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Add the positions to token embeddings (n, t, width)."""
        return embeddings + self.pos_embed[:, : embeddings.shape[1]]


class TextHead(nn.Module):
    """LayerNorm and projection of the feature at the end of the text."""

    def __init__(self, width: int, embedding_width: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            nn.LayerNorm(width, eps=EPS), nn.Linear(width, embedding_width, bias=False)
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Map features (..., width) to embeddings (..., D)."""
        return self.proj(feature)


class LogitScale(nn.Module):
    """Multiplies unit vectors by a temperature, learned or fixed."""

    def __init__(self, scale: float, learnable: bool) -> None:
        super().__init__()
        # A value the network is built with: it is there even before weights are.
        value = torch.tensor(math.log(scale), device="cpu")
        if learnable:
            self.log_logit_scale = nn.Parameter(value)
        else:
            self.register_buffer("log_logit_scale", value)

    def forward(self, embedding: Tensor) -> Tensor:
        """Normalise (..., D) and scale it, at most by 100."""
        scale = self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE)
        return F.normalize(embedding, dim=-1) * scale


def _head(width: int, embedding_width: int) -> nn.Sequential:
    linear = nn.Linear(width, embedding_width, bias=False)
    # in the middle, the official checkpoint counts the choice of the cls token
    return nn.Sequential(nn.LayerNorm(width, eps=EPS), nn.Identity(), linear)


class ImageBind(nn.Module):
    """Image, sound and text in one space of ``D`` channels."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.config = config
        depth = config.embedding_width
        self.modality_preprocessors = nn.ModuleDict(
            {
                "vision": VisionPreprocessor(config),
                "audio": AudioPreprocessor(config),
                "text": TextPreprocessor(config),
            }
        )
        self.modality_trunks = nn.ModuleDict(
            {
                "vision": Trunk(config.vision, pre_norm=True),
                "audio": Trunk(config.audio),
                "text": Trunk(config.text),
            }
        )
        self.modality_heads = nn.ModuleDict(
            {
                "vision": _head(config.vision.width, depth),
                "audio": _head(config.audio.width, depth),
                "text": TextHead(config.text.width, depth),
            }
        )
        audio_scale = LogitScale(AUDIO_LOGIT_SCALE, learnable=False)
        text_scale = LogitScale(TEXT_LOGIT_SCALE, learnable=True)
        self.modality_postprocessors = nn.ModuleDict(
            {
                "audio": nn.Sequential(nn.Identity(), audio_scale),
                "text": nn.Sequential(nn.Identity(), text_scale),
            }
        )

    def encode_vision(self, images: Tensor) -> Tensor:
        """Give the cls token ``t_v`` of images, (n, Cv), before the head.

        Takes (n, 3, 112, 112), RGB from 0 to 1: the release takes out no mean and deviation here.
        """
        tokens = self.modality_preprocessors["vision"](images)
        return self.modality_trunks["vision"](tokens, only=0)[:, 0]

    def encode_audio(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Give the trunk tokens ``f_a``, (n, F, C), and the cls token ``t_a``, (n, C), of sounds.

        Takes normalised log-mel spectrograms of 2 s, (n, 1, 128, 204); there is a token per patch.
        """
        tokens = self.modality_trunks["audio"](self.modality_preprocessors["audio"](mel))
        return tokens[:, 1:], tokens[:, 0]

    def encode_text(self, embeddings: Tensor, all_positions: bool = False) -> Tensor:
        """Run the causal text trunk on token embeddings (n, t, W), which have no positions yet.

        Gives the features before the head, at the last position, (n, W), or at every one, (n, t,
        W). The trunk is causal, so nothing after the position of interest has to be there; ``t`` is
        at most the context.
        """
        tokens = self.modality_preprocessors["text"](embeddings)
        trunk = self.modality_trunks["text"]
        if all_positions:
            return trunk(tokens, causal=True)
        return trunk(tokens, causal=True, only=-1)[:, 0]

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """Look up token numbers (..., t) in the vocabulary: (..., t, W)."""
        return self.modality_preprocessors["text"].get_submodule("token_embedding")(tokens)

    def vision_head(self, cls_token: Tensor) -> Tensor:
        """Map (..., Cv) to unit vectors (..., D)."""
        return F.normalize(self.modality_heads["vision"](cls_token), dim=-1)

    def audio_head(self, cls_token: Tensor) -> Tensor:
        """Map (..., C) to vectors (..., D) of length 20."""
        return self.modality_postprocessors["audio"](self.modality_heads["audio"](cls_token))

    def text_head(self, feature: Tensor) -> Tensor:
        """Map trunk features (..., W) to vectors (..., D) of the learned length."""
        return self.modality_postprocessors["text"](self.modality_heads["text"](feature))
