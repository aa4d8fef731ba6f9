"""What the figures of a text mean for a model that is to learn from it, in sentences.

This module knows the figures of `analyse`, and no text. A sentence is given only where there is
something to do or to beware of.
"""

from __future__ import annotations

from textgen_core.corpus.analyse import Analysis

LITTLE_TEXT = 100_000  # characters; nothing but repetition is learnt from less
SOME_TEXT = 1_000_000
MANY_REPEATED = 0.2  # share of the characters in lines that occurred before
WITHOUT_SPACES = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
LARGE_ALPHABET = 1_000
MANY_HAPAXES = 0.6
HAPAX_WORDS = 20_000  # in short texts most words occur once anyway
LONG_LINE = 100_000
UNEVEN_SLICE = 0.6  # of the median slice's type/token ratio


def advise_on(analysis: Analysis) -> tuple[str, ...]:
    """Return sentences for the person, the most important first; none if all looks well."""
    rules = (_size, _repetition, _evenness, _scripts, _alphabet, _rare_words, _lines)
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
