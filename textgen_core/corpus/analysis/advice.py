"""What the figures of a text mean for training, where there is something to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from textgen_core.corpus.analysis.analyse import Analysis
from textgen_core.corpus.analysis.patterns import CONTENTS
from textgen_core.formatting import format_count

LITTLE_TEXT = 100_000  # characters; from less a model learns nothing but repetition
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
    """Return sentences for the user, the most important first; none if all looks well."""
    rules = (_on_size, _on_encoding, _on_copies, _on_parts, _on_words, _on_lines)
    return tuple(sentence for rule in rules for sentence in rule(analysis))


def _on_size(analysis: Analysis) -> Iterator[str]:
    if analysis.characters < LITTLE_TEXT:
        yield (
            f"{analysis.characters:,} characters are very little: expect a model that repeats the "
            "text. From about 1,000,000 on it learns to write its own sentences."
        )
    elif analysis.characters < SOME_TEXT:
        yield (
            f"{analysis.characters:,} characters are enough to learn spelling and rhythm; more "
            "text of the same kind would help more than a larger model."
        )


def _on_encoding(analysis: Analysis) -> Iterator[str]:
    least = max(FEW_SPOILT, MANY_SPOILT * analysis.characters)
    if analysis.mojibake >= least:
        yield (
            f"At {analysis.mojibake:,} places there are signs like Ã© or â€™: UTF-8 that was once "
            "read in another encoding. The model will learn to write them. Repair the text with "
            "corpus.repair=ftfy, or read the file with the right corpus.encoding."
        )
    elif analysis.replacement_characters >= least:
        yield (
            f"{format_count(analysis.replacement_characters, 'character')} could not be read by "
            "whoever made this text, and stand as U+FFFD (\ufffd). Look for a better copy."
        )


def _on_copies(analysis: Analysis) -> Iterator[str]:
    if analysis.repeated_characters >= MANY_REPEATED:
        yield (
            f"{analysis.repeated_characters:.0%} of the text stands in lines that occurred before: "
            "held-out text will repeat training text, so its loss flatters. Remove the copies."
        )
    near = analysis.near_duplicates
    if near is not None and near.share >= MANY_NEAR:
        yield (
            f"{near.share:.0%} of the {near.unit}s are nearly the same as another: keep one of "
            "each, or held-out text will repeat training text."
        )


def _on_parts(analysis: Analysis) -> Iterator[str]:
    slices_by_kind = {"script": analysis.script_slices, "language": analysis.language_slices}
    for kind, slices in slices_by_kind.items():
        usual, *others = [name for name, _ in Counter(slices).most_common() if name] or [""]
        if others:
            places = (str(place) for place, name in enumerate(slices, 1) if name in others)
            yield (
                f"Tenth {', '.join(places)} of the text is in another {kind} "
                f"({', '.join(sorted(others))}) than the rest ({usual}): a small model learns one "
                "better. What is held out by position ends the text."
            )
            break
    ratios = analysis.type_token_ratio_slices
    if analysis.words < HAPAX_WORDS or not ratios:
        return
    median = sorted(ratios)[len(ratios) // 2]
    least, most = UNEVEN_SLICE * median, median / UNEVEN_SLICE
    uneven = [str(place) for place, ratio in enumerate(ratios, 1) if not least <= ratio <= most]
    if uneven:
        yield (
            f"The vocabulary of tenth {', '.join(uneven)} of the text differs from the rest: it "
            "may be of another kind (a list, a licence, another language). What is held out by "
            "position ends the text."
        )


def _on_words(analysis: Analysis) -> Iterator[str]:
    letters = sum(analysis.scripts.values())
    unspaced = sum(analysis.scripts.get(script, 0) for script in WITHOUT_SPACES)
    if letters and unspaced >= letters / 2:
        yield (
            "Most of the text is in a script that writes no spaces between words: figures of words "
            "are of unbroken runs. Use the character or the bpe tokenizer."
        )
    if analysis.alphabet_size >= LARGE_ALPHABET:
        yield (
            f"{analysis.alphabet_size:,} different characters are many for the character "
            "tokenizer: bpe spells the rare ones in bytes."
        )
    if analysis.words >= HAPAX_WORDS and analysis.hapaxes >= MANY_HAPAXES * analysis.types:
        yield (
            f"{analysis.hapaxes:,} of {analysis.types:,} different words occur once: a word "
            "tokenizer cannot learn them. Use bpe."
        )


def _on_lines(analysis: Analysis) -> Iterator[str]:
    if analysis.line_lengths.maximum >= LONG_LINE:
        longest = f"{analysis.line_lengths.maximum:,} characters"
        yield f"The longest line has {longest}: it may be data and not writing."
    lines = dict(analysis.line_shapes).get(CONTENTS, 0)
    if lines >= CONTENTS_LINES:
        yield (
            f"{lines:,} lines look like a table of contents (a title, dots, a page): the model "
            "will write such lines too. Take them out."
        )
    for wording, count in analysis.licences[:1]:
        yield (
            f"The wording of a licence occurs {format_count(count, 'time')} ({wording}): the model "
            "will learn it with the rest. Take out what you do not want it to write."
        )
