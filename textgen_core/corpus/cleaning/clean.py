"""Cleans a corpus as its settings ask, and says what each step changed and how often.

Each step takes a text to the cleaned text and a number of changes; long documents go through it in
pieces that are cut where it makes no difference. A step that changes nothing says nothing. Cleaning
a cleaned text changes nothing: the order of the steps sees to it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Literal, NamedTuple

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.cleaning.recut import cut_pieces
from textgen_core.corpus.cleaning.repair import load_ftfy, repair_lines
from textgen_core.corpus.cleaning.truecase import TRUECASED, learn_forms, truecase_pieces
from textgen_core.corpus.documents import (
    Corpus,
    DocumentWriter,
    Piece,
    Progress,
    StoredDocuments,
    iterate_pieces,
    report_progress,
)
from textgen_core.corpus.text import change_lines, fold_newlines, is_blank, replace_surrogates
from textgen_core.errors import CorpusError
from textgen_core.formatting import format_count

# All of category Cc but tab, LF and CR; byte order marks inside the text; code points that Unicode
# reserves as no characters. Joiners and direction marks stay: scripts need them.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufdd0-\ufdef\ufffe\uffff]+"
)
# The same in UTF-8: those of one byte, and patterns of the others, each of which begins with a byte
# that is found at once.
ASCII_CONTROL_CHARACTERS = bytes({*range(0x20), 0x7F} - set(b"\t\n\r"))
WIDE_CONTROL_CHARACTERS = (
    re.compile(rb"\xc2[\x80-\x9f]"),
    re.compile(rb"\xef(?:\xb7[\x90-\xaf]|\xbb\xbf|\xbf[\xbe\xbf])"),
)
SPACES = re.compile("  +")
GOES_ON = "0"  # stands for what may follow a text; no step changes it, nor a letter before it

Change = Callable[[str], tuple[str, int]]


class Step(NamedTuple):
    """One way of cleaning a text, and the sentence that says how often it changed any."""

    apply: Change  # returns the new text and the number of changes
    counted: str  # what was counted, in the singular
    sentence: str  # with `{}` for the number and what was counted


def clean_corpus(
    corpus: Corpus, settings: CorpusSettings, progress: Progress | None = None
) -> Corpus:
    """Return `corpus` with every document cleaned, and a note for each step that changed any.

    A document that is left without text is dropped, with a note. Raises CorpusError if nothing but
    whitespace is left at all, and ConfigurationError if a step's library is not installed.
    """
    if settings.repair == "ftfy":
        load_ftfy()
    first, second = steps_of(settings)
    changes: Counter[str] = Counter()
    documents = corpus.documents
    read = iterate_pieces(documents)
    reported = report_progress(read, lambda piece: len(piece.text), documents, progress)
    pieces = clean_pieces(reported, first, changes)
    if settings.letter_case == "truecase":
        begun = _store(pieces, keep_blank=True)
        pieces = truecase_pieces(iterate_pieces(begun), learn_forms(begun), changes)
    cleaned = _store(clean_pieces(pieces, second, changes))
    if not cleaned:
        raise CorpusError(
            "Cleaning leaves nothing of the corpus but whitespace.",
            "Allowed: a corpus that holds some text.",
            "See what is in the files, or --set corpus.control_characters=keep",
        )
    sentences = {step.sentence: step.counted for step in first}
    sentences |= {TRUECASED: "word"} | {step.sentence: step.counted for step in second}
    notes = [
        sentence.format(format_count(changes[sentence], counted))
        for sentence, counted in sentences.items()
        if changes[sentence]
    ]
    if dropped := len(documents) - len(cleaned):
        notes.append(f"Documents: {format_count(dropped, 'document')} without text dropped.")
    return attrs.evolve(corpus, documents=cleaned, notes=(*corpus.notes, *notes))


def clean_text(text: str, settings: CorpusSettings) -> tuple[str, tuple[str, ...]]:
    """Return a text cleaned as a corpus with these settings is, and a note for each change.

    It may go on after its end: a single space there stays. Truecasing needs the corpus, and is
    left out.
    """
    steps = [BYTE_ORDER_MARK, NULS, *(step for part in steps_of(settings) for step in part)]
    text += GOES_ON
    changes: Counter[str] = Counter()
    counted: dict[str, str] = {}
    for step in steps:
        text, count = step.apply(text)
        changes[step.sentence] += count
        counted[step.sentence] = step.counted
    notes = (
        sentence.format(format_count(count, counted[sentence]))
        for sentence, count in changes.items()
        if count
    )
    return text.removesuffix(GOES_ON), tuple(notes)


def clean_pieces(
    pieces: Iterable[Piece], steps: Iterable[Step], changes: Counter[str]
) -> Iterable[Piece]:
    """Return documents cleaned; `changes` counts what was changed, by the step's sentence."""
    for step in steps:  # they are cut again for each, since the last one moved their ends
        pieces = _apply(step, cut_pieces(pieces), changes)
    return pieces


def _apply(step: Step, pieces: Iterable[Piece], changes: Counter[str]) -> Iterator[Piece]:
    for piece in pieces:
        text, count = step.apply(piece.text)
        if count:
            changes[step.sentence] += count
        yield Piece(text, piece.ends_document) if count else piece


def _store(pieces: Iterable[Piece], *, keep_blank: bool = False) -> StoredDocuments:
    writer = DocumentWriter()
    has_text = keep_blank
    for text, ends_document in pieces:
        has_text = has_text or not is_blank(text)
        writer.add(text, ends_document=ends_document)
        if ends_document:
            if not has_text:
                writer.drop_from(len(writer) - 1)
            has_text = keep_blank
    return writer.documents()


def steps_of(settings: CorpusSettings) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the steps that `settings` request, in order: those before truecasing, and the others.

    Control characters go before the Unicode form, since what they kept apart may compose; the form
    is taken again after punctuation, for the same reason, and after lowering, since a small letter
    may compose where its capital did not; spaces come after all that makes some. Truecasing comes
    before punctuation is dropped, which it needs.
    """
    form = [] if settings.unicode == "none" else [_unicode_step(settings.unicode)]
    first, second = [SURROGATES], list[Step]()
    if settings.repair == "ftfy":
        first.append(REPAIR)
    if settings.newlines == "fold":
        first.append(NEWLINES)
    if settings.control_characters == "drop":
        first.append(drop_control_characters)
    if settings.punctuation == "drop":
        second += drop_punctuation, *form
    if settings.spaces == "collapse":
        second += replace_tabs, collapse_spaces
    if settings.letter_case == "lower":
        second += lower_letters, *form
    return (*first, *form), tuple(second)


def _step(counted: str, sentence: str) -> Callable[[Change], Step]:
    return lambda change: Step(change, counted, sentence)


BYTE_ORDER_MARK = Step(  # as reading a file drops them, with any settings
    lambda text: (text.removeprefix("\ufeff"), int(text.startswith("\ufeff"))),
    "byte order mark",
    "Byte order mark: {} dropped from the start.",
)
NULS = Step(
    lambda text: (text.replace("\0", ""), text.count("\0")),
    "NUL character",
    "NUL characters: {} dropped.",
)
SURROGATES = Step(replace_surrogates, "lone surrogate", "Surrogates: {} replaced by U+FFFD.")
NEWLINES = Step(fold_newlines, "line end", "Newlines: {} (CRLF or CR) folded into LF.")
REPAIR = Step(repair_lines, "line", "Repair: {} repaired by ftfy, decoded wrongly once.")


@_step("character", "Control characters: {} dropped that cannot be printed.")
def drop_control_characters(text: str) -> tuple[str, int]:
    data = text.encode("utf-8", "surrogatepass")
    if any(pattern.search(data) for pattern in WIDE_CONTROL_CHARACTERS):
        cleaned = CONTROL_CHARACTERS.sub("", text)
    else:  # as bytes, ten times as fast
        kept = data.translate(None, ASCII_CONTROL_CHARACTERS)
        cleaned = text if len(kept) == len(data) else kept.decode("utf-8", "surrogatepass")
    return cleaned, len(text) - len(cleaned)


def _unicode_step(form: Literal["NFC", "NFD", "NFKC"]) -> Step:
    """Return the step that brings lines to a Unicode form; none reaches across a line's end."""

    def normalize(text: str) -> tuple[str, int]:
        if unicodedata.is_normalized(form, text):
            return text, 0
        return change_lines(text, partial(unicodedata.normalize, form))

    return Step(normalize, "line", f"Unicode form: {{}} brought to {form}.")


@cache
def punctuation_pattern() -> re.Pattern[str]:
    """Return the pattern of runs of punctuation, Unicode's categories P; `+` and `$` stay."""
    every = map(chr, range(sys.maxunicode + 1))
    marks = "".join(character for character in every if unicodedata.category(character)[0] == "P")
    return re.compile(f"[{re.escape(marks)}]+")


@_step("mark", "Punctuation: {} dropped.")
def drop_punctuation(text: str) -> tuple[str, int]:
    cleaned = punctuation_pattern().sub("", text)
    return cleaned, len(text) - len(cleaned)


@_step("tab", "Spaces: {} made spaces.")
def replace_tabs(text: str) -> tuple[str, int]:
    return text.replace("\t", " "), text.count("\t")


@_step("space", "Spaces: {} dropped from runs and from the ends of lines.")
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


@_step("letter", "Letter case: {} lowered.")
def lower_letters(text: str) -> tuple[str, int]:
    lowered = text.lower()
    if lowered == text:
        return text, 0
    capitals = [letter for letter in set(text) if letter.lower() != letter]
    return lowered, sum(text.count(letter) for letter in capitals)
