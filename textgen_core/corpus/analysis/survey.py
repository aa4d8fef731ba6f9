"""One pass over a text, in which everything is counted that needs all of it.

Memory is bounded: what grows with the text is kept as a sample, or as numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from textgen_core.corpus.analysis.blocks import BLOCK, EvenSample, iterate_blocks
from textgen_core.corpus.analysis.characters import CharacterCounter, Characters
from textgen_core.corpus.analysis.duplicates import (
    KEPT_DOCUMENTS,
    DuplicateFinder,
    NearDuplicates,
    Unit,
)
from textgen_core.corpus.analysis.lengths import LineCounter, Lines
from textgen_core.corpus.analysis.vocabulary import NAMED, Vocabulary, VocabularyCounter
from textgen_core.corpus.analysis.words import (
    NGRAM_WORDS,
    SAMPLE_WORDS,
    Words,
    WordSampler,
    split_words,
)
from textgen_core.corpus.documents import Progress, report_progress

LICENCES = (
    "Project Gutenberg",
    "Permission is hereby granted",
    "Licensed under the Apache License",
    "GNU General Public License",
    "Creative Commons",
    "All rights reserved",
)


@attrs.frozen(kw_only=True)
class Limits:
    """How much is held in memory at once; what goes beyond is counted on a sample.

    block: characters that are counted at once. characters: kept as text, for sentences and the
    shapes of lines. words: kept in their order; named: different words that get an id;
    ngram_words: on which n-grams are counted. documents: compared with each other.
    """

    block: int = BLOCK
    characters: int = 12_000_000
    words: int = SAMPLE_WORDS
    named: int = NAMED
    ngram_words: int = NGRAM_WORDS
    documents: int = KEPT_DOCUMENTS


@attrs.frozen(kw_only=True, eq=False)
class Survey:
    """What was counted.

    texts: a sample of the text in blocks, all of it if `holds_all`. licences: uses of a wording.
    """

    characters: Characters
    lines: Lines
    vocabulary: Vocabulary
    words: Words
    near_duplicates: NearDuplicates | None
    texts: Sequence[str]
    holds_all: bool
    licences: Counter[str]


def survey_text(documents: Sequence[str], limits: Limits, progress: Progress | None) -> Survey:
    """Count what is in a text; documents are compared, or the paragraphs of the only one."""
    by_paragraph = len(documents) == 1
    characters, lines = CharacterCounter(), LineCounter()
    vocabulary, words = VocabularyCounter(named=limits.named), WordSampler(limits.words)
    unit: Unit = "paragraph" if by_paragraph else "document"
    duplicates = DuplicateFinder(unit, kept_documents=limits.documents)
    texts: EvenSample[str] = EvenSample(limits.characters)
    licences: Counter[str] = Counter()
    blocks = iterate_blocks(documents, size=limits.block)
    for block in report_progress(blocks, lambda block: len(block.text()), documents, progress):
        found = split_words(block, by_paragraph=by_paragraph)
        ids, hashes = vocabulary.add(found.words)
        words.add(found, ids)
        duplicates.add(found, hashes)
        lines.add(block)
        text = block.text()
        characters.add(text)
        licences.update({phrase: text.count(phrase) for phrase in LICENCES})
        texts.offer(len(text), block.lines)
    counted = vocabulary.finish()
    return Survey(
        characters=characters.finish(),
        lines=lines.finish(),
        vocabulary=counted,
        words=words.finish(counted.names),
        near_duplicates=duplicates.finish(),
        texts=texts.items(),
        holds_all=texts.step == 1,
        licences=+licences,
    )


def count_words(documents: Sequence[str]) -> Vocabulary:
    """Return the vocabulary of a text alone."""
    vocabulary = VocabularyCounter()
    for block in iterate_blocks(documents):
        vocabulary.add(split_words(block).words)
    return vocabulary.finish()
