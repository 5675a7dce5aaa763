"""Audio-guided adapters of the image encoder (paper, section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from napari_tavis.model.config import TAViSConfig


class AudioAdapters(nn.Module):
    """Turns the sound of a frame into one bias per block of the image encoder."""

    def __init__(self, config: TAViSConfig) -> None:
        super().__init__()
        hidden = config.adapter_hidden_width
        widths = config.segmenter.block_widths
        self.audio_projection = nn.Linear(config.imagebind.audio.width, config.adapter_width)
        self.hidden = nn.ModuleList(nn.Linear(config.adapter_width, hidden) for _ in widths)
        self.output = nn.ModuleList(nn.Linear(hidden, width) for width in widths)

    def forward(self, audio_tokens: Tensor) -> list[Tensor]:
        """Turn trunk tokens ``f_a``, (n, F, C), into biases ``W2_i(GELU(W1_i(a)))``, (n, C_i) each.

        Bias ``i`` is added to every pixel of the input of block ``i``.
        """
        # The mean of a linear map is the linear map of the mean.
        sound = self.audio_projection(audio_tokens.mean(dim=1))
        layers = zip(self.hidden, self.output, strict=True)
        return [output(F.gelu(hidden(sound))) for hidden, output in layers]
