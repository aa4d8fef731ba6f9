"""One pass over a text, in bounded memory, in which everything is counted that needs all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from textgen_core.corpus.analysis.blocks import BLOCK, EvenSample, iterate_blocks
from textgen_core.corpus.analysis.characters import CharacterCounter
from textgen_core.corpus.analysis.duplicates import KEPT_DOCUMENTS, DuplicateFinder
from textgen_core.corpus.analysis.lengths import LineCounter
from textgen_core.corpus.analysis.vocabulary import NAMED, Vocabulary, VocabularyCounter
from textgen_core.corpus.analysis.words import NGRAM_WORDS, SAMPLE_WORDS, WordSampler, split_words
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
    """How much is held in memory at once; what goes beyond is counted on a sample."""

    block: int = BLOCK  # characters that are counted at once
    characters: int = 12_000_000  # kept as text, for sentences and the shapes of lines
    words: int = SAMPLE_WORDS  # kept in their order
    named: int = NAMED  # different words that get an id
    ngram_words: int = NGRAM_WORDS  # on which n-grams are counted
    documents: int = KEPT_DOCUMENTS  # compared with each other


class Survey:
    """What was counted; near duplicates are sought among documents, or the paragraphs of one."""

    def __init__(
        self, documents: Sequence[str], limits: Limits, progress: Progress | None = None
    ) -> None:
        by_paragraph = len(documents) == 1
        self.characters, self.licences = CharacterCounter(), Counter[str]()
        self.texts = EvenSample[str](limits.characters)  # the text in blocks, or a sample of these
        lines, vocabulary = LineCounter(), VocabularyCounter(named=limits.named)
        words = WordSampler(limits.words)
        duplicates = DuplicateFinder(
            "paragraph" if by_paragraph else "document", kept_documents=limits.documents
        )
        blocks = iterate_blocks(documents, size=limits.block)
        for block in report_progress(blocks, lambda block: len(block.text()), documents, progress):
            found = split_words(block, by_paragraph=by_paragraph)
            ids, hashes = vocabulary.add(found.words)
            words.add(found, ids)
            duplicates.add(found, hashes)
            lines.add(block)
            text = block.text()
            self.characters.add(text)
            self.licences.update({phrase: text.count(phrase) for phrase in LICENCES})
            self.texts.offer(len(text), block.lines)
        self.lines, self.vocabulary = lines.finish(), vocabulary.finish()
        self.words = words.finish(self.vocabulary.names)
        self.near_duplicates = duplicates.finish()


def count_words(documents: Sequence[str]) -> Vocabulary:
    """Return the vocabulary of a text alone."""
    vocabulary = VocabularyCounter()
    for block in iterate_blocks(documents):
        vocabulary.add(split_words(block).words)
    return vocabulary.finish()
