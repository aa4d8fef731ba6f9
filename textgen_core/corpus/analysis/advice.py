"""What the figures of a text mean for a model that is to learn from it, in sentences.

This module knows the figures of `analyse`, and no text. A sentence is given only where there is
something to do or to beware of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from textgen_core.corpus.analysis.analyse import Analysis
from textgen_core.corpus.analysis.patterns import CONTENTS
from textgen_core.corpus.reading.documents import count_of

LITTLE_TEXT = 100_000  # characters; nothing but repetition is learnt from less
SOME_TEXT = 1_000_000
MANY_REPEATED = 0.2  # share of the characters in lines that occurred before
WITHOUT_SPACES = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
LARGE_ALPHABET = 1_000
MANY_HAPAXES = 0.6
HAPAX_WORDS = 20_000  # in short texts most words occur once anyway
LONG_LINE = 100_000
UNEVEN_SLICE = 0.6  # of the median slice's type/token ratio
MANY_NEAR = 0.05  # share of documents with a near copy
MANY_SPOILT = 1e-5  # share of characters, and places, that a wrong encoding has spoilt
FEW_SPOILT = 5  # so few of them may be a text's subject
CONTENTS_LINES = 10


def advise_on(analysis: Analysis) -> tuple[str, ...]:
    """Return sentences for the person, the most important first; none if all looks well."""
    rules = (
        _size,
        _encoding,
        _repetition,
        _near_duplicates,
        _other_parts,
        _evenness,
        _scripts,
        _alphabet,
        _rare_words,
        _lines,
        _contents,
        _licence,
    )
    return tuple(sentence for rule in rules if (sentence := rule(analysis)))


def _size(analysis: Analysis) -> str:
    if analysis.characters < LITTLE_TEXT:
        return (
            f"{analysis.characters:,} characters are very little: expect a model that repeats the "
            "text. From about 1,000,000 on it learns to write its own sentences."
        )
    if analysis.characters < SOME_TEXT:
        return (
            f"{analysis.characters:,} characters are enough to learn spelling and rhythm; more "
            "text of the same kind would help more than a larger model."
        )
    return ""


def _repetition(analysis: Analysis) -> str:
    if analysis.repeated_characters < MANY_REPEATED:
        return ""
    return (
        f"{analysis.repeated_characters:.0%} of the text stands in lines that occurred before: "
        "held-out text will repeat training text, so its loss flatters. Remove the copies."
    )


def _encoding(analysis: Analysis) -> str:
    least = max(FEW_SPOILT, MANY_SPOILT * analysis.characters)
    if analysis.mojibake >= least:
        return (
            f"At {analysis.mojibake:,} places there are signs like Ã© or â€™: UTF-8 that was once "
            "read in another encoding. The model will learn to write them. Mend the file, or read "
            "it with the right corpus.encoding."
        )
    if analysis.replacement_characters >= least:
        return (
            f"{count_of(analysis.replacement_characters, 'character')} could not be read by "
            "whoever made this text, and stand as U+FFFD (\ufffd). Look for a better copy."
        )
    return ""


def _near_duplicates(analysis: Analysis) -> str:
    near = analysis.near_duplicates
    if near is None or near.share < MANY_NEAR:
        return ""
    return (
        f"{near.share:.0%} of the {near.unit}s are nearly the same as another: keep one of each, "
        "or held-out text will repeat training text."
    )


def _other_parts(analysis: Analysis) -> str:
    for kind, slices in (
        ("script", analysis.script_slices),
        ("language", analysis.language_slices),
    ):
        usual, others = _others(slices)
        if others:
            found = ", ".join(sorted({slices[place] for place in others}))
            places = ", ".join(str(place + 1) for place in others)
            return (
                f"Tenth {places} of the text is in another {kind} ({found}) than the rest "
                f"({usual}): a small model learns one better. What is held out by position ends "
                "the text."
            )
    return ""


def _others(slices: Sequence[str]) -> tuple[str, list[int]]:
    """Return the most frequent of known values, and the places, from 0, of other ones."""
    known = Counter(each for each in slices if each)
    if not known:
        return "", []
    usual = max(known, key=known.__getitem__)
    return usual, [place for place, each in enumerate(slices) if each and each != usual]


def _contents(analysis: Analysis) -> str:
    lines = dict(analysis.line_shapes).get(CONTENTS, 0)
    if lines < CONTENTS_LINES:
        return ""
    return (
        f"{lines:,} lines look like a table of contents (a title, dots, a page): the model will "
        "write such lines too. Take them out."
    )


def _licence(analysis: Analysis) -> str:
    if not analysis.licences:
        return ""
    wording, count = analysis.licences[0]
    return (
        f"The wording of a licence occurs {count_of(count, 'time')} ({wording}): the model will "
        "learn it with the rest. Take out what you do not want it to write."
    )


def _evenness(analysis: Analysis) -> str:
    ratios = analysis.type_token_ratio_slices
    if analysis.words < HAPAX_WORDS or not ratios:
        return ""
    median = sorted(ratios)[len(ratios) // 2]
    uneven = [
        place
        for place, ratio in enumerate(ratios, start=1)
        if not UNEVEN_SLICE * median <= ratio <= median / UNEVEN_SLICE
    ]
    if not uneven:
        return ""
    places = ", ".join(map(str, uneven))
    return (
        f"The vocabulary of tenth {places} of the text differs from the rest: it may be of another "
        "kind (a list, a licence, another language). What is held out by position ends the text."
    )


def _scripts(analysis: Analysis) -> str:
    letters = sum(analysis.scripts.values())
    unspaced = sum(analysis.scripts.get(script, 0) for script in WITHOUT_SPACES)
    if not letters or unspaced < letters / 2:
        return ""
    return (
        "Most of the text is in a script that writes no spaces between words: figures of words "
        "are of unbroken runs. Use the character or the bpe tokenizer."
    )


def _alphabet(analysis: Analysis) -> str:
    if analysis.alphabet_size < LARGE_ALPHABET:
        return ""
    return (
        f"{analysis.alphabet_size:,} different characters are many for the character tokenizer: "
        "bpe spells the rare ones in bytes."
    )


def _rare_words(analysis: Analysis) -> str:
    if analysis.words < HAPAX_WORDS or analysis.hapaxes < MANY_HAPAXES * analysis.types:
        return ""
    return (
        f"{analysis.hapaxes:,} of {analysis.types:,} different words occur once: a word tokenizer "
        "cannot learn them. Use bpe."
    )


def _lines(analysis: Analysis) -> str:
    if analysis.line_lengths.maximum < LONG_LINE:
        return ""
    return (
        f"The longest line has {analysis.line_lengths.maximum:,} characters: it may be data and "
        "not writing."
    )
