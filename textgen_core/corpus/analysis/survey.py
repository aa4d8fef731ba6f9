"""One walk through a text, in which everything is counted that needs all of it.

Memory is bounded: what grows with the text is kept as a sample, or as numbers. This module knows
nothing about what is made of the counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from textgen_core.corpus.analysis.blocks import EvenSample, iterate_blocks
from textgen_core.corpus.analysis.characters import CharacterCounter, Characters
from textgen_core.corpus.analysis.duplicates import DuplicateFinder, NearDuplicates
from textgen_core.corpus.analysis.lengths import LineCounter, Lines
from textgen_core.corpus.analysis.vocabulary import Vocabulary, VocabularyCounter
from textgen_core.corpus.analysis.words import Words, WordSampler, split_words
from textgen_core.corpus.reading.stored import Progress, count_all_characters

SAMPLE_CHARACTERS = 12_000_000  # kept as text, for sentences and the shapes of lines
LICENCES = (
    "Project Gutenberg",
    "Permission is hereby granted",
    "Licensed under the Apache License",
    "GNU General Public License",
    "Creative Commons",
    "All rights reserved",
)


@attrs.frozen(kw_only=True, eq=False)
class Survey:
    """What was counted.

    texts: a sample of the text in blocks, all of it if `holds_all`. licences: how often the
    wording of a licence occurs.
    """

    characters: Characters
    lines: Lines
    vocabulary: Vocabulary
    words: Words
    near_duplicates: NearDuplicates | None
    texts: Sequence[str]
    holds_all: bool
    licences: Counter[str]


def survey_text(documents: Sequence[str], progress: Progress | None = None) -> Survey:
    """Count what is in a text; documents are compared, or the paragraphs of the only one."""
    by_paragraph = len(documents) == 1
    characters, lines = CharacterCounter(), LineCounter()
    vocabulary, words = VocabularyCounter(), WordSampler()
    duplicates = DuplicateFinder("paragraph" if by_paragraph else "document")
    texts: EvenSample[str] = EvenSample(SAMPLE_CHARACTERS)
    licences: Counter[str] = Counter()
    total, done = count_all_characters(documents), 0
    for block in iterate_blocks(documents):
        found = split_words(block, by_paragraph=by_paragraph)
        numbered = vocabulary.add(found.words)
        words.add(found, numbered.ids)
        duplicates.add(found, numbered.hashes)
        lines.add(block)
        text = block.text()
        characters.add(text)
        licences.update({phrase: text.count(phrase) for phrase in LICENCES})
        texts.offer(block.lines() if texts.wants_next() else None, len(text))
        done += len(text)
        if progress is not None:
            progress(done, total)
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
        vocabulary.add(split_words(block, by_paragraph=False).words)
    return vocabulary.finish()
