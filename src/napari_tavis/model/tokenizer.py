"""CLIP's byte pair encoding, whole or cut to its most frequent merges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

BYTES = 256
SPECIAL = ("<start_of_text>", "<end_of_text>")
FULL_VOCABULARY = 49408


@lru_cache(maxsize=4)
def _tokenizer(vocabulary: int) -> SimpleTokenizer:
    """Build the tokenizer with so many entries; the merges are ordered by frequency."""
    tokenizer = SimpleTokenizer()
    if vocabulary == FULL_VOCABULARY:
        return tokenizer
    merges = vocabulary - 2 * BYTES - len(SPECIAL)
    kept = list(tokenizer.encoder)[: 2 * BYTES + merges] + list(SPECIAL)
    tokenizer.encoder = {token: index for index, token in enumerate(kept)}
    tokenizer.decoder = {index: token for token, index in tokenizer.encoder.items()}
    tokenizer.bpe_ranks = {
        pair: rank for pair, rank in tokenizer.bpe_ranks.items() if rank < merges
    }
    tokenizer.vocab_size = len(kept)
    tokenizer.all_special_ids = [tokenizer.encoder[token] for token in SPECIAL]
    tokenizer.sot_token_id, tokenizer.eot_token_id = tokenizer.all_special_ids
    return tokenizer


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
    tokens = _tokenizer(vocabulary)(list(texts), context_length=context)
    return tokens, tokens.argmax(dim=-1)
