"""How much of the held-out text also stands in the training text.

Lines, and sequences of eight words: what is shared lets a model look better on the held-out text
than it is. Both texts are read once, in bounded memory: of very long held-out text a sample by
value is looked for, in which all copies of a line or sequence are, or none. This module knows
nothing about how the text was split.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.corpus.analysis.blocks import Block, iterate_blocks
from textgen_core.corpus.analysis.hashing import HashedCounts, SequenceHashes, hash_texts
from textgen_core.corpus.analysis.vocabulary import VocabularyCounter
from textgen_core.corpus.analysis.words import split_words
from textgen_core.corpus.cleaning.clean import fold_newlines
from textgen_core.corpus.reading.stored import count_all_characters, stored

if TYPE_CHECKING:
    import numpy as np

LINE_CHARACTERS = 30  # shorter lines (headings, names, braces) are shared by chance
SEQUENCE_WORDS = 8
LOOKED_FOR = 1_000_000  # different lines, and different sequences
SEARCHED = 100_000_000  # characters of the training text; of more, stretches from all over it
STRETCHES = 20
MUCH = 0.1  # a share from which on the held-out loss flatters


@attrs.frozen(kw_only=True)
class Overlap:
    """Shares of the held-out text that the training text holds too, None where nothing was found.

    lines: of the lines of at least 30 characters, spaces around them aside. sequences: of the
    places where a sequence of eight words begins. line_count, sequence_count: how many were looked
    for. is_sample: whether these are a sample. searched: the share of the training text in which
    they were looked for; where it is not all, the shares are what is shared at least.
    """

    lines: float | None
    line_count: int
    sequences: float | None
    sequence_count: int
    is_sample: bool
    searched: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as they stand in analysis.json."""
        return attrs.asdict(self)


def measure_overlap(train: Sequence[str], *held_out: Sequence[str]) -> Overlap:
    """Return how much of the documents held out stands in those to train on."""
    lines, sequences = HashedCounts(LOOKED_FOR), HashedCounts(LOOKED_FOR)
    for documents in held_out:
        for line_keys, sequence_keys in _iterate_keys(documents):
            lines.add(line_keys)
            sequences.add(sequence_keys)
    lines.settle()
    sequences.settle()
    seen_lines, seen_sequences = _Seen(lines), _Seen(sequences)
    total = count_all_characters(train)
    for documents in _stretches(train, total):
        for line_keys, sequence_keys in _iterate_keys(documents):
            seen_lines.mark(line_keys)
            seen_sequences.mark(sequence_keys)
    return Overlap(
        lines=seen_lines.share(),
        line_count=int(lines.counts.sum()),
        sequences=seen_sequences.share(),
        sequence_count=int(sequences.counts.sum()),
        is_sample=lines.every > 1 or sequences.every > 1,
        searched=min(1.0, SEARCHED / total) if total else 1.0,
    )


def _stretches(train: Sequence[str], total: int) -> Iterator[Sequence[str]]:
    """Yield what is searched of the training text: all of it, or stretches at even distances."""
    if total <= SEARCHED:
        yield train
        return
    documents, length = stored(train), SEARCHED // STRETCHES
    for number in range(STRETCHES):
        start = number * (total - length) // (STRETCHES - 1)
        yield documents.part(start, start + length)


def tell_overlap(overlap: Overlap) -> tuple[str, ...]:
    """Return a sentence on how much is shared, and advice where it is much."""
    if overlap.sequences is None and overlap.lines is None:
        return ()
    shares = []
    if overlap.lines is not None:
        shares.append(f"{overlap.lines:.1%} of its {overlap.line_count:,} longer lines")
    if overlap.sequences is not None:
        shares.append(f"{overlap.sequences:.1%} of its sequences of {SEQUENCE_WORDS} words")
    sampled = " (of a sample)" if overlap.is_sample else ""
    where = "in the training text"
    if overlap.searched < 1:
        where = f"in {overlap.searched:.0%} of the training text, which was searched"
    told = f"Of the held-out text, {' and '.join(shares)} also stand {where}{sampled}."
    if max(overlap.sequences or 0, overlap.lines or 0) < MUCH:
        return (told,)
    return (
        told,
        "So much shared text makes the held-out loss flatter the model: remove copies, or hold out "
        "whole documents (corpus.split_by=documents).",
    )


class _Seen:
    """Which numbers of a table have been met."""

    def __init__(self, table: HashedCounts) -> None:
        import numpy as np

        self._table = table
        self._met = np.zeros(len(table.keys), bool)

    def mark(self, keys: np.ndarray) -> None:
        places, found = self._table.find(keys[self._table.holds(keys)])
        self._met[places[found]] = True

    def share(self) -> float | None:
        total = int(self._table.counts.sum())
        return int(self._table.counts[self._met].sum()) / total if total else None


def _iterate_keys(documents: Iterable[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the numbers of the longer lines and of the sequences of each block."""
    lines, sequences = _LongerLines(), SequenceHashes(SEQUENCE_WORDS)
    words = VocabularyCounter()
    for block in iterate_blocks(documents):
        found = split_words(block, by_paragraph=False)
        hashes = words.add(found.words).hashes
        keys, _ = sequences.of(hashes, found.sizes, ends=block.ends_document)
        yield hash_texts(lines.of(block)), keys


class _LongerLines:
    """The lines of blocks; a line of several million characters that a block cuts is left out."""

    def __init__(self) -> None:
        self._inside = False

    def of(self, block: Block) -> Sequence[str]:
        lines = fold_newlines(block.lines())[0].split("\n")
        cut, self._inside = self._inside, bool(lines.pop())
        if cut and lines:
            lines.pop(0)
        self._inside = self._inside or (cut and not lines)
        return [line for each in lines if len(line := each.strip()) >= LINE_CHARACTERS]
