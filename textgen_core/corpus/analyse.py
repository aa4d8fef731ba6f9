"""Phase 1: what a person should know of a text before a model is trained on it.

Everything here is a plain number, and becomes analysis.json. What the numbers mean for training is
said in `advice`. This module draws no plots and knows nothing about tokenizers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attr
import attrs

from textgen_core.corpus.characters import count_characters, count_scripts, utf8_size
from textgen_core.corpus.documents import Corpus
from textgen_core.corpus.lengths import Lengths, measure_lines, measure_sentences
from textgen_core.corpus.words import (
    BORDER,
    NGRAM_WORDS,
    Words,
    ratio_per_slice,
    ratios_in_slices,
    read_words,
    sample_for_ngrams,
    top_ngrams,
)

SLICES = 10
SLICE_WORDS = 1000
TOP = 20
POINTS = 40  # of the rank-frequency curve
ZIPF_RANKS = 1000  # beyond them the curve of most texts bends
ZIPF_FREQUENCY = 5  # rarer words lie on steps, not on a line
ZIPF_LEAST = 10  # ranks that a slope needs

Counted = tuple[tuple[str, int], ...]


@attrs.frozen(kw_only=True)
class Zipf:
    """The least-squares slope of log frequency over log rank, and the ranks that it was fitted to.

    About -1 in natural text (Zipf 1949).
    """

    slope: float
    first_rank: int
    last_rank: int


@attrs.frozen(kw_only=True)
class Analysis:
    """The figures of a text.

    characters, bytes: of the text and of its UTF-8. alphabet_size: different characters.
    scripts: letters by script. words: runs of letters and digits, as written; types: different
    words; hapaxes: words that occur once.
    type_token_ratio falls as a text grows, so it is also given in ten slices of equally many words
    (`type_token_ratio_slices`), where a slice that differs shows a change of text, and as the mean
    over slices of 1,000 words (None in shorter text), which can be compared between texts.
    line_lengths are in characters, sentence_lengths in words; sentences: what was taken for one,
    "punctuation" or "line".
    rank_frequency: points of the curve, ranks spread evenly on a log scale.
    repeated_lines: share of the lines with text that occurred before; repeated_characters: share
    of the text in them. sampled: sentences on what was counted on a sample.
    """

    characters: int
    bytes: int
    documents: int
    lines: int
    alphabet_size: int
    scripts: dict[str, int]
    words: int
    types: int
    type_token_ratio: float
    type_token_ratio_slices: tuple[float, ...]
    type_token_ratio_per_1000_words: float | None
    hapaxes: int
    line_lengths: Lengths
    sentence_lengths: Lengths
    sentences: str
    top_words: Counted
    top_bigrams: Counted
    top_trigrams: Counted
    zipf: Zipf | None
    rank_frequency: tuple[tuple[int, int], ...]
    repeated_lines: float
    repeated_characters: float
    sampled: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values, nested as here, as they stand in analysis.json."""
        return attr.asdict(self, retain_collection_types=False)  # the older name makes lists


def analyse_corpus(corpus: Corpus) -> Analysis:
    """Return the figures of a corpus.

    A text of 10 MB takes a few seconds; of very long ones sentences and n-grams are counted on
    samples spread evenly over the text, and `sampled` says so.
    """
    characters = count_characters(corpus.documents)
    lines = measure_lines(corpus.documents)
    sentences = measure_sentences(corpus.documents)
    sampled = []
    if sentences.is_sample:
        sampled.append("Sentences were counted on a sample of about 10 million characters.")
    words = read_words(corpus.documents)
    if len(words.ids) > NGRAM_WORDS:
        sampled.append(f"N-grams were counted on a sample of {NGRAM_WORDS:,} words.")
    return Analysis(
        characters=characters.total(),
        bytes=utf8_size(characters),
        documents=len(corpus.documents),
        lines=lines.lengths.count,
        alphabet_size=len(characters),
        scripts=count_scripts(characters),
        line_lengths=lines.lengths,
        sentence_lengths=sentences.lengths,
        sentences=sentences.rule,
        repeated_lines=lines.repeated,
        repeated_characters=lines.repeated_characters,
        sampled=tuple(sampled),
        **_of_words(words),
    )


def fit_zipf(frequencies: Sequence[int]) -> Zipf | None:
    """Return the slope over the frequencies of ranks 1, 2 ...; None if too few ranks are frequent.

    Ranks up to 1,000 count whose words occur at least 5 times.
    """
    last = sum(1 for frequency in frequencies[:ZIPF_RANKS] if frequency >= ZIPF_FREQUENCY)
    if last < ZIPF_LEAST:
        return None
    ranks = [math.log(rank) for rank in range(1, last + 1)]
    logs = [math.log(frequency) for frequency in frequencies[:last]]
    mean_rank, mean_log = math.fsum(ranks) / last, math.fsum(logs) / last
    spread = math.fsum((rank - mean_rank) ** 2 for rank in ranks)
    shared = math.fsum(
        (rank - mean_rank) * (log - mean_log) for rank, log in zip(ranks, logs, strict=True)
    )
    return Zipf(slope=shared / spread, first_rank=1, last_rank=last)


def rank_frequency_points(frequencies: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return a few dozen points (rank, frequency), from the first rank to the last."""
    if not frequencies:
        return ()
    step = math.log(len(frequencies)) / (POINTS - 1)
    ranks = sorted({round(math.exp(point * step)) for point in range(POINTS)})
    return tuple((rank, frequencies[rank - 1]) for rank in ranks)


def _of_words(words: Words) -> dict[str, Any]:
    """Return the figures of an analysis that are about words."""
    import numpy as np

    counts = np.bincount(words.ids, minlength=len(words.vocabulary))[1:]
    frequencies: list[int] = np.sort(counts)[::-1].tolist()
    tokens = words.ids[words.ids != BORDER]
    sample = sample_for_ngrams(words.ids)
    return {
        "words": len(tokens),
        "types": len(counts),
        "type_token_ratio": len(counts) / len(tokens) if len(tokens) else 0.0,
        "type_token_ratio_slices": ratios_in_slices(tokens, SLICES),
        "type_token_ratio_per_1000_words": ratio_per_slice(tokens, SLICE_WORDS),
        "hapaxes": int(np.count_nonzero(counts == 1)),
        "top_words": top_ngrams(words, words.ids, 1, TOP),
        "top_bigrams": top_ngrams(words, sample, 2, TOP),
        "top_trigrams": top_ngrams(words, sample, 3, TOP),
        "zipf": fit_zipf(frequencies),
        "rank_frequency": rank_frequency_points(frequencies),
    }
