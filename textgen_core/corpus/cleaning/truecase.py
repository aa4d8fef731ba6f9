"""Truecasing: a word that begins a sentence gets the form that it mostly has elsewhere.

So `The` and `the` become one word, and `London` stays. The simplest method of Lita, Ittycheriah,
Roukos and Kambhatla, "tRuEcasIng" (ACL 2003): each word's most frequent form, learned from places
where position says nothing of it; their trigram model of the context is left out. Forms are counted
as in Manku and Motwani (VLDB 2002): where there are too many, the rarest are forgotten.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from textgen_core.corpus.cleaning.recut import cut_pieces
from textgen_core.corpus.documents import Piece, iterate_pieces
from textgen_core.corpus.text import word_pattern

MOST_FORMS = 1_000_000
LONGEST = 60  # characters of a word that is looked at
CONTEXT = 256  # characters between two words that are looked at
START_OF_TEXT = "\n\n"
TRUECASED = "Letter case: {} at the start of a sentence written as elsewhere."


@cache
def start_pattern() -> re.Pattern[str]:
    """Return the pattern of a sentence's start: what tells it (group 1), and its word (group 2).

    A sentence begins after `.`, `!`, `?` and the like, closing quotes and a space, or a blank line.
    """
    ender = r"[.!?…؟।]++[\"'”’»)\]]*+\s|[。！？｡]|\n[^\S\n]*+\n"
    return re.compile(rf"((?:{ender})[^\w.!?…؟।。！？｡]*+)({word_pattern().pattern})")


def learn_forms(documents: Sequence[str], most: int = MOST_FORMS) -> dict[str, str]:
    """Return each word's most frequent form inside sentences, by its lower-case form.

    Of equally frequent ones it is the lower-case form, or the first in the alphabet. No more than
    `most` forms are counted at a time.
    """
    counts: Counter[str] = Counter()
    find = word_pattern().findall
    for before, text, _ in _with_context(iterate_pieces(documents)):
        starts = start_pattern().findall(before + text)
        counts.update(word for word in find(text) if len(word) <= LONGEST)
        counts.subtract(word for _, word in starts if len(word) <= LONGEST)
        least = 1
        while len(counts) > most:
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

    for before, text, ends_document in _with_context(pieces):
        yield Piece(start_pattern().sub(recased, before + text)[len(before) :], ends_document)


def _with_context(pieces: Iterable[Piece]) -> Iterator[tuple[str, str, bool]]:
    """Yield pieces, cut again, each after the end of what comes before it, which holds no word."""
    before = START_OF_TEXT
    for text, ends_document in cut_pieces(pieces):
        yield before, text, ends_document
        tail = (before + text)[-CONTEXT:]
        end = max((match.end() for match in word_pattern().finditer(tail)), default=0)
        before = START_OF_TEXT if ends_document else tail[end:]
