"""Texts encoded as classes of TAViS, each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from napari_tavis.model.imagebind import ImageBind
from napari_tavis.model.outputs import TextFeatures
from napari_tavis.model.tokenizer import tokenize


def text_features(imagebind: ImageBind, texts: Sequence[str]) -> TextFeatures:
    """Encode texts, differentiably; nothing is kept.

    Parameters
    ----------
    imagebind : ImageBind
        Its text encoder is used.
    texts : sequence of str
        ``P`` texts, for example of `alignment.class_prompt`.

    Returns
    -------
    TextFeatures
        In both spaces.
    """
    device = next(imagebind.parameters()).device
    tokens, ends = tokenize(texts, imagebind.config.context, imagebind.config.vocabulary)
    # The trunk is causal: what follows the longest text changes nothing.
    tokens, ends = tokens[:, : int(ends.max()) + 1].to(device), ends.to(device)
    features = imagebind.encode_text(imagebind.embed_tokens(tokens), all_positions=True)
    trunk = features[torch.arange(len(ends), device=device), ends]
    return TextFeatures(trunk, imagebind.text_head(trunk))


class KeptTexts:
    """The embeddings of texts, as long as the weights stay the same."""

    def __init__(self) -> None:
        self._known: dict[str, Tensor] = {}
        self._weights = 0

    def embed(
        self, texts: Sequence[str], weights: int, encode: Callable[[Sequence[str]], TextFeatures]
    ) -> Tensor:
        """Give the embeddings of texts, encoding those that are new.

        Parameters
        ----------
        texts : sequence of str
            ``P`` texts.
        weights : int
            `fingerprint` of the weights of the text encoder.
        encode : callable
            The text encoder.

        Returns
        -------
        Tensor, shape (P, D)
            ``T^t``, float32, on the CPU.
        """
        if weights != self._weights:
            self._known, self._weights = {}, weights
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, encode(new).embedding.float().cpu(), strict=True))
        return torch.stack([self._known[text] for text in texts])


def fingerprint(weights: Iterable[nn.Parameter]) -> int:
    """Give a number that is another one once a weight was changed or moved."""
    return hash(tuple((weight.data_ptr(), weight._version) for weight in weights))
