"""Phase 1: what to know of a text before training on it, as analysis.json has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attr
import attrs
import numpy as np

from textgen_core.components.words import count_scripts
from textgen_core.corpus.analysis.characters import REPLACEMENT, scripts_in_slices, utf8_size
from textgen_core.corpus.analysis.duplicates import NearDuplicates
from textgen_core.corpus.analysis.languages import detect_language, languages_in_slices
from textgen_core.corpus.analysis.lengths import Lengths, measure_sentences
from textgen_core.corpus.analysis.patterns import find_line_shapes, find_phrases
from textgen_core.corpus.analysis.survey import Limits, Survey, count_words
from textgen_core.corpus.analysis.vocabulary import (
    Counted,
    DomainWord,
    Vocabulary,
    find_domain_words,
)
from textgen_core.corpus.analysis.words import (
    BORDER,
    ratio_per_slice,
    ratios_in_slices,
    sample_for_ngrams,
    slices_of,
    top_ngrams,
)
from textgen_core.corpus.documents import Corpus, Progress
from textgen_core.corpus.reading.builtin import BUILTIN_PATH, builtin_corpus
from textgen_core.errors import CorpusError

SLICES = 10
TOP = 20  # words, phrases and shapes of lines that are listed
POINTS = 40  # of the rank-frequency curve
ZIPF_RANKS = 1000  # beyond them the curve of most texts bends
ZIPF_FREQUENCY = 5  # rarer words lie on steps, not on a line
ZIPF_LEAST = 10  # ranks that a slope needs


@attrs.frozen(kw_only=True)
class Zipf:
    """The least-squares slope of log frequency over log rank, and the ranks it was fitted to."""

    slope: float  # about -1 in natural text (Zipf 1949)
    first_rank: int
    last_rank: int


@attrs.frozen(kw_only=True)
class Analysis:
    """The figures of a text; a slice is a tenth of it, and one that differs shows a change."""

    characters: int
    bytes: int  # of the text's UTF-8
    documents: int
    lines: int
    alphabet_size: int  # different characters
    scripts: dict[str, int]  # letters by script
    words: int  # runs of letters and digits, as written
    types: int  # different words
    type_token_ratio: float  # falls as a text grows, unlike that of 1,000 words
    type_token_ratio_slices: tuple[float, ...]
    type_token_ratio_per_1000_words: float | None  # mean over slices of 1,000 words
    hapaxes: int  # words that occur once
    line_lengths: Lengths  # in characters
    sentence_lengths: Lengths  # in words
    sentences: str  # what was taken for one: "punctuation" or "line"
    top_words: Counted
    top_bigrams: Counted
    top_trigrams: Counted
    zipf: Zipf | None
    rank_frequency: tuple[tuple[int, int], ...]  # of ranks spread evenly on a log scale
    repeated_lines: float  # share of the lines with text that occurred before
    repeated_characters: float  # and of the characters in such lines
    language: str  # whose sentences were looked for, as an ISO 639 code
    language_slices: tuple[str, ...]  # "" where it is not clear; empty for short texts
    script_slices: tuple[str, ...]
    near_duplicates: NearDuplicates | None  # documents, or paragraphs of one; None if not two
    patterns: Counted  # phrases that recur
    line_shapes: Counted  # lines with a number, # for it, that recur
    domain_words: tuple[DomainWord, ...]  # words that mark this text, beside `reference`
    reference: str | None
    replacement_characters: int  # which a wrong encoding has spoilt
    mojibake: int  # places where an encoding has been mistaken
    licences: Counted  # wordings of a licence
    sampled: tuple[str, ...] = ()  # sentences on what was counted on a sample
    escapes: int = 0  # places with a backslash and n or t, such as a program's "\\n"

    def as_json(self) -> dict[str, Any]:
        """Return plain values, nested as here, as they stand in analysis.json."""
        return attr.asdict(self, retain_collection_types=False)  # the older name makes lists


def analyse_corpus(
    corpus: Corpus,
    *,
    reference: Corpus | None = None,
    language: str = "auto",
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Analysis:
    """Return the figures of a corpus, read once, in bounded memory (100 MB: half a minute).

    Of very long texts some things are counted on samples spread evenly over them, and `sampled`
    says so. reference: the text that its words are compared with, by default the built-in corpus.
    language: the ISO 639 code of the text's language, or `auto`.
    """
    limits = limits or Limits()
    survey = Survey(corpus.documents, limits, progress)
    counts, lines, vocabulary = survey.characters.counts, survey.lines, survey.vocabulary
    scripts = count_scripts(counts)
    if language == "auto":
        language = detect_language(scripts, vocabulary.counts)
    sentence_lengths, sentences = measure_sentences(survey.texts.items(), language)
    ngrams = sample_for_ngrams(survey.words.ids, limits.ngram_words)
    in_order: np.ndarray = survey.words.ids[survey.words.ids != BORDER]
    ranks = ranks_of_curve(vocabulary.types)
    name, domain_words = _domain_words(corpus, vocabulary, reference)
    return Analysis(
        characters=counts.total(),
        bytes=utf8_size(counts),
        documents=len(corpus.documents),
        lines=lines.lengths.count,
        alphabet_size=len(counts),
        scripts=scripts,
        words=vocabulary.tokens,
        types=vocabulary.types,
        type_token_ratio=vocabulary.types / vocabulary.tokens if vocabulary.tokens else 0.0,
        type_token_ratio_slices=ratios_in_slices(in_order, SLICES),
        type_token_ratio_per_1000_words=ratio_per_slice(in_order, 1000),
        hapaxes=vocabulary.hapaxes,
        line_lengths=lines.lengths,
        sentence_lengths=sentence_lengths,
        sentences=sentences,
        top_words=vocabulary.top(TOP),
        top_bigrams=top_ngrams(survey.words, ngrams, 2, TOP),
        top_trigrams=top_ngrams(survey.words, ngrams, 3, TOP),
        zipf=fit_zipf(vocabulary.at_ranks(range(1, min(ZIPF_RANKS, vocabulary.types) + 1))),
        rank_frequency=tuple(zip(ranks, vocabulary.at_ranks(ranks), strict=True)),
        repeated_lines=lines.repeated,
        repeated_characters=lines.repeated_characters,
        language=language,
        language_slices=languages_in_slices(
            survey.words, slices_of(in_order, SLICES), next(iter(scripts), "")
        ),
        script_slices=scripts_in_slices(survey.characters.script_parts, SLICES),
        near_duplicates=survey.near_duplicates,
        patterns=find_phrases(survey.words, ngrams, TOP),
        line_shapes=find_line_shapes(survey.texts.items(), TOP),
        domain_words=domain_words,
        reference=name,
        replacement_characters=counts[REPLACEMENT],
        escapes=survey.characters.escapes,
        mojibake=survey.characters.mojibake,
        licences=tuple((+survey.licences).most_common()),
        sampled=tuple(_samples(survey, len(ngrams))),
    )


def fit_zipf(frequencies: Sequence[int]) -> Zipf | None:
    """Return the slope over the frequencies of ranks 1, 2 ...; None if too few are frequent."""
    frequent = [each for each in frequencies[:ZIPF_RANKS] if each >= ZIPF_FREQUENCY]
    if len(frequent) < ZIPF_LEAST:
        return None
    slope, _ = np.polyfit(np.log(np.arange(1, len(frequent) + 1)), np.log(frequent), 1)
    return Zipf(slope=float(slope), first_rank=1, last_rank=len(frequent))


def ranks_of_curve(types: int) -> list[int]:
    """Return a few dozen ranks, from the first to the last, evenly spread on a log scale."""
    spread = np.geomspace(1, max(types, 1), POINTS).round()
    return sorted({int(rank) for rank in spread if rank <= types})


def _domain_words(
    corpus: Corpus, vocabulary: Vocabulary, reference: Corpus | None
) -> tuple[str | None, tuple[DomainWord, ...]]:
    """Return what the words were compared with, and those that mark this corpus."""
    if reference is None:
        if any(file.path == BUILTIN_PATH for file in corpus.files):
            return None, ()
        try:
            reference = builtin_corpus("file")
        except CorpusError:  # a Python without its documentation: there is nothing to compare with
            return None, ()
    usual = count_words(reference.documents)
    name = ", ".join(file.path for file in reference.files)
    return name, find_domain_words(
        vocabulary.counts, vocabulary.tokens, usual.counts, usual.tokens, TOP
    )


def _samples(survey: Survey, ngrams: int) -> Iterator[str]:
    """Yield a sentence for everything that was not counted on the whole text."""
    if survey.texts.step > 1:
        size = sum(map(len, survey.texts.items()))
        yield f"Sentences and shapes of lines were counted on {size:,} characters."
    if survey.words.is_sample:
        yield f"The type/token ratio in slices was taken of {len(survey.words.ids):,} words."
    if ngrams < survey.vocabulary.tokens:
        yield f"N-grams and recurrent phrases were counted on {ngrams:,} words."
    if survey.vocabulary.is_estimate:
        yield "How many rare words there are was estimated from a sample of them."
    if survey.lines.is_estimate:
        yield "Repeated lines were estimated from a sample of the different lines."
    near = survey.near_duplicates
    if near is not None and near.is_sample:
        yield f"Near-duplicates were looked for among {near.compared:,} {near.unit}s."
    if near is not None and near.is_bound:
        yield f"There are more pairs of near-duplicates than the {near.pairs:,} counted."
