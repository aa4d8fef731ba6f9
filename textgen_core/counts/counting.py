"""Counts the n-grams of the training tokens, and makes a model of them.

Chen and Goodman (1999): the longest n-grams are counted as often as they occur, each of the others
once for every token that comes before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from textgen_core.counts.counts import Counts
from textgen_core.counts.smoothing import smooth
from textgen_core.counts.trie import Level, Trie, read_tokens
from textgen_core.data.token_files import cut_spans
from textgen_core.data.tokenizer import START

MOST_NGRAMS = 12_000_000  # different ones of all lengths together: 170 MB
MOST_COUNTED = 4_000_000  # tokens of the training text, evenly spread, where there are more


def count(token_ids: np.ndarray, vocabulary_size: int, order: int) -> Counts:
    """Count the n-grams of up to `order` tokens.

    Of a long text `MOST_COUNTED` tokens are counted, in spans from all over it. The order is
    smaller where there would be more than `MOST_NGRAMS` n-grams. So no text takes more than some
    five seconds and 500 MB; a million characters take half a second and 70 MB, of which 5 MB stay.

    Args:
        token_ids: integers `(tokens,)`, which may be memory-mapped. The first is a context alone,
            as `<START>` is.
        vocabulary_size: more than any token id.
        order: at least 1.
    """
    if not len(token_ids):  # even a text without documents begins
        token_ids = np.array([START])
    is_long = len(token_ids) > MOST_COUNTED
    spans = cut_spans(token_ids, MOST_COUNTED) if is_long else token_ids[np.newaxis]
    ngrams = list(_find_ngrams(read_tokens(spans), vocabulary_size, order))
    levels = []
    for each, counts in zip(ngrams, _counts(ngrams), strict=True):
        discounted, left = smooth(counts, each.starts)
        level = Level(tokens=each.tokens, starts=each.starts, discounted=discounted, left=left)
        levels.append(level)
    return Counts(trie=Trie(levels=tuple(levels)), vocabulary_size=vocabulary_size)


@attrs.frozen(kw_only=True, eq=False)
class _Ngrams:
    """The n-grams of one length: `tokens` and `starts` as those of a `Level`.

    ids: int32 `(spans, places)`, the id of the n-gram that ends at each place of a span, from the
    first on at which one ends.
    """

    tokens: np.ndarray
    starts: np.ndarray
    ids: np.ndarray


def _find_ngrams(tokens: np.ndarray, vocabulary_size: int, order: int) -> Iterator[_Ngrams]:
    """Yield the n-grams of 1, 2, ... tokens of spans, int64 `(spans, length)`."""
    dtype = np.uint16 if vocabulary_size <= 1 << 16 else np.uint32
    keys, contexts, total = tokens, 1, 0
    for length in range(1, 1 + min(order, tokens.shape[1])):
        different, ids = _ranked(keys)
        total += len(different)
        if length > 1 and total > MOST_NGRAMS:
            return
        before, last = np.divmod(different, vocabulary_size)
        starts = np.zeros(contexts + 1, np.int32)
        np.cumsum(np.bincount(before, minlength=contexts), out=starts[1:])
        yield _Ngrams(tokens=last.astype(dtype), starts=starts, ids=ids)
        keys = ids[:, :-1] * np.int64(vocabulary_size) + tokens[:, length:]
        contexts = len(different)


def _counts(ngrams: Sequence[_Ngrams]) -> Iterator[np.ndarray]:
    """Yield the counts of the n-grams of each length, integers `(n-grams,)`."""
    for each, longer in itertools.pairwise(ngrams):
        endings = np.empty(len(longer.tokens), np.int32)  # a longer n-gram without its first token
        endings[longer.ids] = each.ids[:, 1:]
        yield np.bincount(endings, minlength=len(each.tokens))
    longest = ngrams[-1]
    counted = longest.ids if len(ngrams) > 1 else longest.ids[:, 1:]  # the first is a context alone
    yield np.bincount(counted.reshape(-1), minlength=len(longest.tokens))


def _ranked(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different keys in rising order, and the place of each key among them, as int32.

    As numpy.unique does; but where a key and its place fit into one integer these are sorted, which
    takes a fraction of the time.
    """
    flat = keys.reshape(-1)
    bits = (len(flat) - 1).bit_length()
    if int(flat.max()).bit_length() + bits < 63:
        packed = flat << bits
        packed |= np.arange(len(flat))
        packed.sort()
        places, ordered = packed & ((1 << bits) - 1), packed >> bits
    else:
        places = flat.argsort(kind="stable")
        ordered = flat[places]
    is_first = np.ones(len(flat), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    ranks = np.empty(len(flat), np.int32)
    ranks[places] = np.cumsum(is_first) - 1
    return ordered[is_first], ranks.reshape(keys.shape)
