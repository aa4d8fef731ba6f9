"""Truecasing: a word that begins a sentence gets the form that it mostly has elsewhere.

So `The` and `the` become one word, and `London` stays. The simplest method of Lita, Ittycheriah,
Roukos and Kambhatla, "tRuEcasIng" (ACL 2003): each word's most frequent form, learnt from places
where position says nothing of it; their trigram model of the context is left out. Forms are counted
as in Manku and Motwani (VLDB 2002): where there are too many, the rarest are forgotten. This module
knows nothing about files or settings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from textgen_core.corpus.analysis.words import word_pattern
from textgen_core.corpus.cleaning.recut import cut_pieces
from textgen_core.corpus.reading.stored import Piece, iterate_pieces

MOST_FORMS = 1_000_000
LONGEST = 60  # characters of a word that is looked at
CARRIED = 256  # characters between two words that are looked at
START_OF_TEXT = "\n\n"
TRUECASED = "Letter case: {} at the start of a sentence written as elsewhere."


@cache
def start_pattern() -> re.Pattern[str]:
    """Return the pattern of a sentence's start: what tells it (group 1), and its word (group 2).

    A sentence begins after `.`, `!`, `?` and their like, closing quotes and a space, and after a
    blank line.
    """
    ender = r"[.!?…؟।]++[\"'”’»)\]]*+\s|[。！？｡]|\n[^\S\n]*+\n"
    return re.compile(rf"((?:{ender})[^\w.!?…؟।。！？｡]*+)({word_pattern().pattern})")


def learn_forms(documents: Sequence[str]) -> dict[str, str]:
    """Return each word's most frequent form inside sentences, by its lower-case form.

    Of equally frequent ones it is the lower-case form, or the first in the alphabet.
    """
    counts: Counter[str] = Counter()
    find = word_pattern().findall
    for text, starts in _with_starts(cut_pieces(iterate_pieces(documents))):
        counts.update(word for word in find(text) if len(word) <= LONGEST)
        counts.subtract(word for _, word in starts if len(word) <= LONGEST)
        least = 1
        while len(counts) > MOST_FORMS:
            counts = Counter({word: count for word, count in counts.items() if count > least})
            least += 1
    best: dict[str, str] = {}
    for form in sorted(counts, key=lambda form: (-counts[form], form != form.lower(), form)):
        if counts[form] > 0:
            best.setdefault(form.lower(), form)
    return best


def truecase_pieces(
    pieces: Iterable[Piece], forms: Mapping[str, str], changes: Counter[str]
) -> Iterator[Piece]:
    """Yield the documents truecased; `changes[TRUECASED]` counts the words that were changed.

    Only a word with a capital at its start and nowhere else is changed: its position may be why.
    """

    def recased(match: re.Match[str]) -> str:
        word = match[2]
        if word[:1] == word[:1].lower() or word[1:] != word[1:].lower():
            return match[0]
        form = forms.get(word.lower(), word)
        changes[TRUECASED] += form != word
        return match[1] + form

    carried = START_OF_TEXT
    for text, ends_document in cut_pieces(pieces):
        whole = carried + text
        yield Piece(start_pattern().sub(recased, whole)[len(carried) :], ends_document)
        carried = START_OF_TEXT if ends_document else _after_last_word(whole)


def _with_starts(pieces: Iterable[Piece]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each piece with what `start_pattern` finds in it, also across its start."""
    carried = START_OF_TEXT
    for text, ends_document in pieces:
        whole = carried + text
        yield text, start_pattern().findall(whole)
        carried = START_OF_TEXT if ends_document else _after_last_word(whole)


def _after_last_word(text: str) -> str:
    """Return the end of a text in which there is no word."""
    tail = text[-CARRIED:]
    end = 0
    for match in word_pattern().finditer(tail):
        end = match.end()
    return tail[end:]
