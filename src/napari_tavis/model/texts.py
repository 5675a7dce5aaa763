"""Texts as classes of TAViS: CLIP's byte pair encoding, and their embeddings, each made only once.

OpenCLIP's tokenizer gives the same numbers, but importing it brings torchvision, timm and torch's
compiler, which take longer than everything else that comes before the first mask. So only the
vocabulary, a file of that package, is read.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import regex
import torch
from torch import Tensor, nn

from napari_tavis.core.errors import ModelError
from napari_tavis.model.imagebind import ImageBind
from napari_tavis.model.outputs import TextFeatures

BYTES = 256
SPECIAL = ("<start_of_text>", "<end_of_text>")
FULL_VOCABULARY = 49408
_WORD_END = "</w>"
_WORDS = regex.compile(
    r"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE,
)


def text_features(imagebind: ImageBind, texts: Sequence[str]) -> TextFeatures:
    """Encode ``P`` texts, for example of `alignment.class_prompt`, differentiably."""
    device = next(imagebind.parameters()).device
    tokens, ends = tokenize(texts, imagebind.config.context, imagebind.config.vocabulary)
    # The trunk is causal: what follows the longest text changes nothing.
    tokens, ends = tokens[:, : int(ends.max()) + 1].to(device), ends.to(device)
    features = imagebind.encode_text(imagebind.embed_tokens(tokens), all_positions=True)
    trunk = features[torch.arange(len(ends), device=device), ends]
    return TextFeatures(trunk, imagebind.text_head(trunk))


class TextCache:
    """The embeddings of texts, as long as the weights stay the same."""

    def __init__(self) -> None:
        self._known: dict[str, Tensor] = {}
        self._weights = 0

    def embed(
        self, texts: Sequence[str], weights: int, encode: Callable[[Sequence[str]], TextFeatures]
    ) -> Tensor:
        """Give ``T^t`` of ``P`` texts, (P, D), float32, on the CPU, encoding those that are new.

        ``weights`` is the `fingerprint` of the text encoder's weights.
        """
        if weights != self._weights:
            self._known, self._weights = {}, weights
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, encode(new).embedding.float().cpu(), strict=True))
        return torch.stack([self._known[text] for text in texts])


def fingerprint(weights: Iterable[nn.Parameter]) -> int:
    """Give a number that changes once a weight is changed or moved."""
    return hash(tuple((weight.data_ptr(), weight._version) for weight in weights))


class Tokenizer:
    """Turns texts into numbers of vocabulary entries.

    The vocabulary has 512 byte tokens, then the most frequent merges, as many as fit, then start
    and end.
    """

    def __init__(self, vocabulary: int) -> None:
        merges = _read_merges()[: vocabulary - 2 * BYTES - len(SPECIAL)]
        self._symbols = _byte_symbols()
        inner = list(self._symbols.values())
        final = [symbol + _WORD_END for symbol in inner]
        entries = (*inner, *final, *map("".join, merges), *SPECIAL)
        self._numbers = {entry: number for number, entry in enumerate(entries)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.start, self.end = (self._numbers[token] for token in SPECIAL)

    def encode(self, text: str, context: int) -> list[int]:
        """Give the numbers of a text between start and end, cut to ``context`` of them."""
        numbers = [self.start, *self._encode(text)][: context - 1]
        return [*numbers, self.end]

    def _encode(self, text: str) -> Iterator[int]:
        for word in _WORDS.findall(_cleaned(text)):
            for entry in (word,) if word in SPECIAL else self._merged(word):
                yield self._numbers[entry]

    def _merged(self, word: str) -> list[str]:
        """Merge the bytes of a word, the most frequent pair first, until no merge is left."""
        parts = [self._symbols[byte] for byte in word.encode()]
        parts[-1] += _WORD_END
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            merged: list[str] = []
            for part in parts:
                if merged and (merged[-1], part) == best:
                    merged[-1] += part
                else:
                    merged.append(part)
            parts = merged
        return parts


def tokenize(texts: Sequence[str], context: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Give the token numbers of ``P`` texts, (P, context), zero after the end, and where each ends.

    Longer texts are cut to the context, which counts start and end as well.
    """
    tokenizer = _tokenizer(vocabulary)
    tokens = torch.zeros(len(texts), context, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        numbers = tokenizer.encode(text, context)
        row[: len(numbers)] = torch.tensor(numbers)
    return tokens, tokens.argmax(dim=-1)  # the end has the highest number of all


@lru_cache(maxsize=4)
def _tokenizer(vocabulary: int) -> Tokenizer:
    return Tokenizer(vocabulary)


@lru_cache(maxsize=1)
def _read_merges() -> list[tuple[str, str]]:
    """Read the pairs that CLIP merges, the most frequent first."""
    package = find_spec("open_clip")  # unlike an import, it runs nothing of the package
    if package is None or package.origin is None:
        raise ModelError("CLIP's vocabulary is missing: pip install open_clip_torch.")
    packed = Path(package.origin).with_name("bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode().split("\n")
    count = FULL_VOCABULARY - 2 * BYTES - len(SPECIAL)
    pairs = (line.split() for line in lines[1 : count + 1])  # the first line is a title
    return [(left, right) for left, right in pairs]


def _byte_symbols() -> dict[int, str]:
    """Give a visible character for each byte, in CLIP's order: those that have one come first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    visible += range(ord("®"), ord("ÿ") + 1)
    hidden = [byte for byte in range(BYTES) if byte not in visible]
    symbols = {byte: chr(byte) for byte in visible}
    return symbols | {byte: chr(BYTES + place) for place, byte in enumerate(hidden)}


def _cleaned(text: str) -> str:
    """Repair and simplify a text as CLIP's training did."""
    if not (text.isascii() and text.isprintable() and "&" not in text):  # else nothing to mend
        import ftfy  # a tenth of a second, which plain words need not wait for

        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()
