"""Splits a corpus into training, validation and test text, before anything is learned from it.

By position the text is cut at exact characters, as nanoGPT does; by documents each goes whole where
its middle falls. Nothing is shuffled, since neighbouring passages would end up on both sides.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.documents import Corpus, StoredDocuments, iterate_pieces, store_documents
from textgen_core.errors import CorpusError
from textgen_core.formatting import format_count

Documents = Sequence[str]
Parts = tuple[Documents, Documents, Documents]
NAMES = ("training", "validation", "test")


@attrs.frozen(kw_only=True)
class Splits:
    """The documents of each split, in the order of the corpus; one not requested is empty."""

    train: Documents
    validation: Documents
    test: Documents
    notes: tuple[str, ...] = ()  # on held-out text that also stands in the training text


def split_corpus(
    corpus: Corpus, settings: CorpusSettings, ready_made: tuple[Corpus, Corpus] | None = None
) -> Splits:
    """Return the splits of `corpus`; with `ready_made` validation and test, it is all for training.

    Raises CorpusError if a requested split gets nothing, or a file to train on is also held out.
    """
    parts: Parts
    if ready_made is not None:
        parts = (corpus.documents, ready_made[0].documents, ready_made[1].documents)
        notes = _check_files(corpus, *ready_made)
    else:
        cut = cut_by_position if settings.split_by == "position" else cut_by_documents
        documents = store_documents(corpus.documents)
        parts = cut(documents, split_borders(documents.characters, settings.split))
        _check_shares(parts, settings, documents)
        notes = []
    notes += _repeated_documents(parts)
    return Splits(train=parts[0], validation=parts[1], test=parts[2], notes=tuple(notes))


def split_borders(total: int, shares: Sequence[float]) -> tuple[int, int]:
    """Return where training and validation end, of `total` characters, for shares in percent.

    Shares are taken as the decimal numbers that were written, so that 29 % of 100 is 29.
    """
    exact = [Fraction(repr(float(share))) for share in shares]
    whole = sum(exact)
    return int(exact[0] * total / whole), int((exact[0] + exact[1]) * total / whole)


def cut_by_position(documents: StoredDocuments, borders: tuple[int, int]) -> Parts:
    """Cut at exact characters of the joined documents; one that crosses a border is cut there."""
    first, second = borders
    last = documents.characters
    return documents.part(0, first), documents.part(first, second), documents.part(second, last)


def cut_by_documents(documents: StoredDocuments, borders: tuple[int, int]) -> Parts:
    """Give every document, whole, to the split that its middle character falls in."""
    counts = [0, 0, 0]
    start = 0
    for size in documents.sizes:
        middle = start + size // 2
        counts[sum(border <= middle for border in borders)] += 1
        start += size
    first, second = counts[0], counts[0] + counts[1]  # middles follow each other, as documents do
    return documents[:first], documents[first:second], documents[second:]


def _check_shares(parts: Parts, settings: CorpusSettings, documents: StoredDocuments) -> None:
    what = format_count(documents.characters, "character")
    advice = "Give more text, or a larger share: --split 80,10,10"
    if settings.split_by == "documents":
        what = format_count(len(documents), "document")
        position, smaller = "--set corpus.split_by=position", "--set corpus.documents=blank-line"
        advice = f"Try {position}, or smaller documents: {smaller}"
    shares = ",".join(f"{share:g}" for share in settings.split)
    for name, share, part in zip(NAMES, settings.split, parts, strict=True):
        if share > 0 and not part:
            raise CorpusError(
                f"The split {shares} of {what} leaves nothing for {name}.",
                "Allowed: shares above 0 that get some text.",
                advice,
            )


def _check_files(corpus: Corpus, validation: Corpus, test: Corpus) -> list[str]:
    """Raise CorpusError if a file stands on both sides; return a note on one held out twice."""
    trained = {file.sha256: file.path for file in corpus.files}
    for name, held_out in (("validation", validation), ("test", test)):
        for file in held_out.files:
            if (path := trained.get(file.sha256)) is not None:
                raise CorpusError(
                    f"{file.path} is both {name} and training text ({path}).",
                    "Allowed: held-out text that is not trained on.",
                    f"Leave {path} out of the corpus.",
                )
    if {file.sha256 for file in validation.files} & {file.sha256 for file in test.files}:
        return ["Validation and test are the same file: the test loss tells nothing more."]
    return []


def _repeated_documents(parts: Sequence[Documents]) -> list[str]:
    held_out = array("Q", sorted(key for part in parts[1:] for key in fingerprints(part)))
    is_there = bytearray(1 << (8 * len(held_out)).bit_length())  # by the last bits of a key
    last_bits = len(is_there) - 1
    for key in held_out:
        is_there[key & last_bits] = True
    is_trained = bytearray(len(held_out))  # of the first of equal keys
    for key in fingerprints(parts[0]):
        if is_there[key & last_bits]:  # nearly all others are not looked for
            place = bisect_left(held_out, key)
            if place < len(held_out) and held_out[place] == key:
                is_trained[place] = True
    places = (place for place, met in enumerate(is_trained) if met)
    repeated = sum(bisect_right(held_out, held_out[place], place) - place for place in places)
    if not repeated:
        return []
    documents = format_count(len(held_out), "held-out document")
    return [f"{repeated:,} of {documents} also stand word for word in the training text."]


def fingerprints(documents: Documents) -> Iterator[int]:
    """Yield a hash of each document, of 64 bits."""
    digest = hashlib.blake2b(digest_size=8)
    for text, ends_document in iterate_pieces(documents):
        digest.update(text.encode("utf-8", "surrogatepass"))
        if ends_document:
            yield int.from_bytes(digest.digest(), "little")
            digest = hashlib.blake2b(digest_size=8)
