"""CLIP's byte pair encoding, whole or cut to its most frequent merges.

OpenCLIP's tokenizer gives the same numbers, but importing it brings torchvision, timm and torch's
compiler, which take longer than everything else that comes before the first mask. So only the
vocabulary, a file of that package, is read.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import regex
import torch
from torch import Tensor

from napari_tavis.core.errors import ModelError

BYTES = 256
SPECIAL = ("<start_of_text>", "<end_of_text>")
FULL_VOCABULARY = 49408

_WORD_END = "</w>"
_WORDS = regex.compile(
    r"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE,
)


class Tokenizer:
    """Turns texts into numbers of vocabulary entries.

    Parameters
    ----------
    vocabulary : int
        Entries: 512 byte tokens, then the most frequent merges, then start and end.
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
        """Give the numbers of a text between start and end, cut to the context."""
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
    """Turn texts into token numbers.

    Parameters
    ----------
    texts : sequence of str
        Any words; longer texts are cut to the context.
    context : int
        Tokens per text, start and end included.
    vocabulary : int
        Entries: 512 byte tokens, then merges, then start and end.

    Returns
    -------
    tokens : Tensor of int64, shape (P, context)
        Token numbers, zero after the end.
    ends : Tensor of int64, shape (P,)
        Position of the end-of-text token, which has the highest number of all.
    """
    tokenizer = _tokenizer(vocabulary)
    tokens = torch.zeros(len(texts), context, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        numbers = tokenizer.encode(text, context)
        row[: len(numbers)] = torch.tensor(numbers)
    return tokens, tokens.argmax(dim=-1)


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
    """Mend and simplify a text as CLIP's training did."""
    if not (text.isascii() and text.isprintable() and "&" not in text):  # else nothing to mend
        import ftfy  # a tenth of a second, which plain words need not wait for

        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()
