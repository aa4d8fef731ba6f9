"""Cleans a corpus as its settings ask, and says what each step changed and how often.

Each step is a function from a document to the cleaned document and a number of changes, so that
documents may come one at a time. A step that changes nothing says nothing. Cleaning a cleaned
text changes nothing: the order of the steps sees to it. This module knows nothing about files,
words or tokens.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Literal

import attrs

from textgen_core.corpus.documents import Corpus, count_of, is_blank
from textgen_core.errors import CorpusError
from textgen_core.settings import CorpusSettings

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# All of category Cc but tab, LF and CR; byte order marks inside the text; code points that Unicode
# reserves as no characters. Joiners and direction marks stay: scripts need them.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufdd0-\ufdef\ufffe\uffff]+"
)
SPACES = re.compile("  +")


@attrs.frozen(kw_only=True)
class Step:
    """One way of cleaning a text: `apply` returns the new text and how often it changed it.

    `sentence` tells a person so, with `{}` for that number and what was counted, `counted`.
    """

    apply: Callable[[str], tuple[str, int]]
    counted: str
    sentence: str


def clean_corpus(corpus: Corpus, settings: CorpusSettings) -> Corpus:
    """Return `corpus` with every document cleaned, and a note for each step that changed any.

    A document that is left without text is dropped, with a note. Raises CorpusError if nothing
    but whitespace is left at all.
    """
    steps = steps_of(settings)
    changes: Counter[str] = Counter()
    cleaned = (clean_document(document, steps, changes) for document in corpus.documents)
    documents = tuple(document for document in cleaned if not is_blank(document))
    if not documents:
        raise CorpusError(
            "Cleaning leaves nothing of the corpus but whitespace.",
            "Allowed: a corpus that holds some text.",
            "See what is in the files, or --set corpus.control_characters=keep",
        )
    sentences = {step.sentence: step.counted for step in steps}
    notes = [
        sentence.format(count_of(changes[sentence], counted))
        for sentence, counted in sentences.items()
        if changes[sentence]
    ]
    if dropped := len(corpus.documents) - len(documents):
        notes.append(f"Documents: {count_of(dropped, 'document')} without text dropped.")
    return attrs.evolve(corpus, documents=documents, notes=(*corpus.notes, *notes))


def clean_document(text: str, steps: tuple[Step, ...], changes: Counter[str]) -> str:
    """Return one document cleaned; `changes` counts what was changed, by the step's sentence."""
    for step in steps:
        text, count = step.apply(text)
        changes[step.sentence] += count
    return text


def steps_of(settings: CorpusSettings) -> tuple[Step, ...]:
    """Return the steps that `settings` ask for, in the order in which they are taken.

    Control characters go before the Unicode form, since what they kept apart may compose; spaces
    after it, since it makes some; and the form is taken again after lowering, since a small letter
    may compose where its capital did not.
    """
    steps = [SURROGATES]
    if settings.newlines == "fold":
        steps.append(NEWLINES)
    if settings.control_characters == "drop":
        steps.append(CONTROLS)
    if settings.unicode != "none":
        steps.append(unicode_step(settings.unicode))
    if settings.spaces == "collapse":
        steps.extend((TABS, SPACE_RUNS))
    if settings.letter_case == "lower":
        steps.append(LETTER_CASE)
        if settings.unicode != "none":
            steps.append(unicode_step(settings.unicode))
    return tuple(steps)


def replace_surrogates(text: str) -> tuple[str, int]:
    """Replace lone surrogates, which no encoding can save, by U+FFFD."""
    return (text, 0) if text.isascii() else LONE_SURROGATE.subn("\ufffd", text)


def fold_newlines(text: str) -> tuple[str, int]:
    """Fold CRLF and CR into LF."""
    if "\r" not in text:
        return text, 0
    pairs, returns = text.count("\r\n"), text.count("\r")
    folded = text.replace("\r\n", "\n")
    return (folded if pairs == returns else folded.replace("\r", "\n")), returns


def drop_control_characters(text: str) -> tuple[str, int]:
    """Drop what cannot be printed; tabs and newlines stay."""
    cleaned = CONTROL_CHARACTERS.sub("", text)
    return cleaned, len(text) - len(cleaned)


def normalise_unicode(text: str, form: Literal["NFC", "NFD", "NFKC"]) -> tuple[str, int]:
    """Bring `text` to a Unicode normal form; lines are counted, as no form reaches across them."""
    if unicodedata.is_normalized(form, text):
        return text, 0
    lines = text.split("\n")
    changed = 0
    for index, line in enumerate(lines):
        if not unicodedata.is_normalized(form, line):
            lines[index] = unicodedata.normalize(form, line)
            changed += 1
    return "\n".join(lines), changed


def replace_tabs(text: str) -> tuple[str, int]:
    """Make every tab a space."""
    return text.replace("\t", " "), text.count("\t")


def collapse_spaces(text: str) -> tuple[str, int]:
    """Make runs of spaces one space, and strip them at the end of every line.

    Once runs are gone a plain replacement strips the ends, so that a long run costs no more than
    its length: an anchored pattern would try the run again from each of its spaces.
    """
    collapsed = SPACES.sub(" ", text)
    for newline in ("\n", "\r"):
        collapsed = collapsed.replace(" " + newline, newline)
    collapsed = collapsed.removesuffix(" ")
    return collapsed, len(text) - len(collapsed)


def lower_letters(text: str) -> tuple[str, int]:
    """Lower every letter."""
    lowered = text.lower()
    if lowered == text:
        return text, 0
    return lowered, count_capitals(text)


def count_capitals(text: str) -> int:
    """Count the characters that lowering changes."""
    capitals = [letter for letter in set(text) if letter.lower() != letter]
    return sum(text.count(letter) for letter in capitals)


def unicode_step(form: Literal["NFC", "NFD", "NFKC"]) -> Step:
    """Return the step that brings text to a Unicode form."""
    return Step(
        apply=partial(normalise_unicode, form=form),
        counted="line",
        sentence=f"Unicode form: {{}} brought to {form}.",
    )


SURROGATES = Step(
    apply=replace_surrogates,
    counted="lone surrogate",
    sentence="Surrogates: {} replaced by U+FFFD.",
)
NEWLINES = Step(
    apply=fold_newlines, counted="line end", sentence="Newlines: {} (CRLF or CR) folded into LF."
)
CONTROLS = Step(
    apply=drop_control_characters,
    counted="character",
    sentence="Control characters: {} dropped that cannot be printed.",
)
TABS = Step(apply=replace_tabs, counted="tab", sentence="Spaces: {} made spaces.")
SPACE_RUNS = Step(
    apply=collapse_spaces,
    counted="space",
    sentence="Spaces: {} dropped from runs and from the ends of lines.",
)
LETTER_CASE = Step(apply=lower_letters, counted="letter", sentence="Letter case: {} lowered.")
