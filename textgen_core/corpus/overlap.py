"""How much of the held-out text also stands in the training text.

Lines, and sequences of eight words: what is shared lets a model look better on the held-out text
than it is. Both texts are read once, in bounded memory: of very long held-out text a sample by
value is looked for, in which all copies of a line or sequence are, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np

from textgen_core.corpus.analysis.blocks import Block, iterate_blocks
from textgen_core.corpus.analysis.hashing import HashedCounts, SequenceHashes, hash_texts
from textgen_core.corpus.analysis.vocabulary import VocabularyCounter
from textgen_core.corpus.analysis.words import split_words
from textgen_core.corpus.documents import count_all_characters, store_documents
from textgen_core.corpus.text import fold_newlines

LINE_CHARACTERS = 30  # shorter lines (headings, names, braces) are shared by chance
SEQUENCE_WORDS = 8
LOOKED_FOR = 1_000_000  # different lines, and different sequences
SEARCHED = 100_000_000  # characters of the training text; of more, spans from all over it
SPANS = 20
MUCH = 0.1  # a share from which on the held-out loss flatters


@attrs.frozen(kw_only=True)
class Overlap:
    """Shares of the held-out text that the training text holds too; None if there was no such."""

    lines: float | None  # of the lines of at least 30 characters, spaces around them aside
    line_count: int  # that were looked for
    sequences: float | None  # of the places where a sequence of eight words begins
    sequence_count: int
    is_sample: bool  # whether not all of them were looked for
    searched: float = 1.0  # share of the training text; if not all, at least so much overlaps


def measure_overlap(
    train: Sequence[str],
    *held_out: Sequence[str],
    looked_for: int = LOOKED_FOR,
    searched: int = SEARCHED,
) -> Overlap:
    """Return how much of the documents held out stands in those to train on.

    looked_for: different lines, and sequences, of which more are a sample; searched: characters of
    the training text, of which no more are searched.
    """
    tables = HashedCounts(looked_for), HashedCounts(looked_for)
    for documents in held_out:
        for keys_of_block in _iterate_keys(documents):
            for table, keys in zip(tables, keys_of_block, strict=True):
                table.add(keys)
    for table in tables:
        table.settle()
    found = [np.zeros(len(table.keys), bool) for table in tables]
    total = count_all_characters(train)
    for documents in _spans(train, total, searched):
        for keys_of_block in _iterate_keys(documents):
            for table, met, keys in zip(tables, found, keys_of_block, strict=True):
                places, is_there = table.find(keys[table.holds(keys)])
                met[places[is_there]] = True
    counts = [int(table.counts.sum()) for table in tables]
    lines, sequences = (
        int(table.counts[met].sum()) / count if count else None
        for table, met, count in zip(tables, found, counts, strict=True)
    )
    return Overlap(
        lines=lines,
        line_count=counts[0],
        sequences=sequences,
        sequence_count=counts[1],
        is_sample=any(table.every > 1 for table in tables),
        searched=min(1.0, searched / total) if total else 1.0,
    )


def format_overlap(overlap: Overlap, *, documents_are_whole: bool = False) -> tuple[str, ...]:
    """Return a sentence on how much is shared, and advice where it is much.

    documents_are_whole: whether the text was split between documents already.
    """
    shares = []
    if overlap.lines is not None:
        shares.append(f"{overlap.lines:.1%} of its {overlap.line_count:,} longer lines")
    if overlap.sequences is not None:
        shares.append(f"{overlap.sequences:.1%} of its sequences of {SEQUENCE_WORDS} words")
    if not shares:
        return ()
    sampled = " (of a sample)" if overlap.is_sample else ""
    where = "in the training text"
    if overlap.searched < 1:
        where = f"in {overlap.searched:.0%} of the training text, which was searched"
    sentence = f"Of the held-out text, {' and '.join(shares)} also stand {where}{sampled}."
    advice = "So much shared text makes the held-out loss flatter the model: remove copies"
    whole = ", or hold out whole documents (corpus.split_by=documents)"
    advice += "." if documents_are_whole else f"{whole}."
    is_much = max(overlap.sequences or 0, overlap.lines or 0) >= MUCH
    return (sentence, advice) if is_much else (sentence,)


def _spans(train: Sequence[str], total: int, searched: int) -> Iterator[Sequence[str]]:
    """Yield what is searched of the training text: all of it, or spans at even distances."""
    if total <= searched:
        yield train
        return
    documents, length = store_documents(train), searched // SPANS
    for number in range(SPANS):
        start = number * (total - length) // (SPANS - 1)
        yield documents.part(start, start + length)


def _iterate_keys(documents: Iterable[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the numbers of the longer lines and of the sequences of each block."""
    lines, sequences = _LongerLines(), SequenceHashes(SEQUENCE_WORDS)
    words = VocabularyCounter()
    for block in iterate_blocks(documents):
        found = split_words(block)
        _, hashes = words.add(found.words)
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
