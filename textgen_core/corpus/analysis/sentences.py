"""The lengths of sentences in words.

The library sentencex, which knows the abbreviations and marks of some 240 languages, says where
sentences end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from textgen_core.corpus.analysis.lengths import Lengths, describe_lengths
from textgen_core.corpus.analysis.words import PARAGRAPH_END
from textgen_core.corpus.text import fold_newlines, replace_surrogates, word_pattern

LINES_WITHOUT_SENTENCES = 10  # so many lines for each end of a sentence: lines are the sentences
SEGMENT = 2_000  # characters that are segmented at once: quotation marks take quadratic time
LONGEST = 8_000  # characters of one sentence
# No text has more than three of the same marks in a row for a reason that bears on its sentences.
RUN = re.compile(r"(\W{1,3}?)\1{3,}")
SPACE = re.compile(r"\s")


@attrs.frozen(kw_only=True)
class Sentences:
    """The lengths of sentences in words; `rule` says what was taken for one."""

    lengths: Lengths
    rule: str


def measure_sentences(texts: Iterable[str], language: str) -> Sentences:
    """Return the lengths of the sentences of `texts`, of `language` by its ISO 639 code.

    A blank line ends a sentence too. In text that hardly has ends of sentences (verse, word lists,
    prepared corpora) they end at the end of the line.
    """
    sentences: Counter[int] = Counter()
    by_line: Counter[int] = Counter()
    for text in texts:
        clean = replace_surrogates(fold_newlines(text)[0])[0]
        sentences.update(_word_counts(iterate_sentences(clean, language)))
        by_line.update(_word_counts(clean.split("\n")))
    use_lines = sentences.total() * LINES_WITHOUT_SENTENCES < by_line.total()
    return Sentences(
        lengths=describe_lengths(by_line if use_lines else sentences),
        rule="line" if use_lines else "punctuation",
    )


def iterate_sentences(text: str, language: str) -> Iterator[str]:
    """Yield the sentences of a text; runs of the same marks are shortened to three."""
    from sentencex import segment

    for paragraph in PARAGRAPH_END.split(text):
        rest = ""
        for part in _segments(RUN.sub(r"\1\1\1", paragraph)):
            found: Sequence[str] = segment(language, rest + part)
            # The last sentence may go on in the next part.
            rest = found[-1] if found and len(found[-1]) < LONGEST else ""
            yield from found[:-1] if rest else found
        yield rest


def _segments(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        space = SPACE.search(text, start + SEGMENT, start + 2 * SEGMENT)
        end = space.end() if space else min(start + 2 * SEGMENT, len(text))
        yield text[start:end]
        start = end


def _word_counts(sentences: Iterable[str]) -> Iterator[int]:
    find = word_pattern().findall
    return filter(None, (len(find(sentence)) for sentence in sentences))
