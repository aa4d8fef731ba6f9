"""How to read the figures of well-known metrics, by the figure's key.

The page needs no plugin, so these sentences live here; a figure that is not known is shown with its
key and what its metric says of it.
"""

from __future__ import annotations

import re

import attrs

from textgen_core.formatting import say, say_word
from textgen_core.report.records import Records, Table
from textgen_core.report.wording import cut, show_figure

_LONGEST_NAME = 120  # characters
_LONGEST_TEXT = 300  # of a figure's help or a metric's signature
_HELD_OUT = "_held_out"  # ends the key of a figure that was measured on held-out text instead
_NUMBERED = re.compile(r"([a-z_]+?)_(\d)")

# From a key, with its number left out, to a name and a reading; {n} is that number.
_READINGS = {
    "bleu": (
        "BLEU",
        "Phrases shared with what really followed the prompt, 0 to 100. Free continuations share "
        "little: a few points are usual, and much more hints at memorized text.",
    ),
    "distinct_{n}": (
        "Distinct {n}-grams",
        "Share of all samples' {n}-grams that are different. Higher is more varied; random text "
        "is the most varied of all.",
    ),
    "self_bleu": (
        "Self-BLEU",
        "How much the samples resemble each other, 0 to 100. High values mean that the model "
        "tells the same over and over.",
    ),
    "type_token_ratio": (
        "Type/token ratio",
        "Different words over words in a sample. It falls with a sample's length, so compare "
        "samples of one length only.",
    ),
    "rep_{n}": (
        "Repeated {n}-grams",
        "Share of a sample's {n}-grams that it wrote before. Lower is better.",
    ),
    "rep_4": (
        "Repeated 4-grams",
        "Share of a sample's 4-grams that it wrote before. Lower is better: people's text stays "
        "under 0.05.",
    ),
    "longest_loop": (
        "Longest loop",
        "Words in the longest span that repeats one phrase. A long one means that the sampler got "
        "stuck.",
    ),
    "longest_copied": (
        "Longest verbatim overlap",
        "Characters of the longest passage of any sample that is in the training text word for "
        "word. Far more than in held-out text means memorized passages.",
    ),
    "mean_longest_copied": (
        "Longest verbatim overlap, mean",
        "The same, mean of the samples. Set phrases give some to any text: compare with held-out "
        "text.",
    ),
    "copied_{n}": (
        "{n}-grams of the training text",
        "Share of {n}-grams that occur in the training text. Held-out text gives the share to "
        "expect; far more means memorized text.",
    ),
}


@attrs.frozen(kw_only=True)
class Reading:
    """A figure with its name and how to read it; of an unknown one the name is the key.

    `held_out` is the same figure of the held-out text, or "" if it was not measured.
    """

    key: str
    name: str
    value: str
    help: str
    held_out: str = ""


@attrs.frozen(kw_only=True)
class Measured:
    """A metric's figures; `signature` says how they were made, "" where none is known."""

    metric: str
    readings: tuple[Reading, ...]
    signature: str = ""


def describe_metrics(records: Records) -> tuple[Measured, ...]:
    """Return the metrics of a run's evaluation; none if it was not scored."""
    if records.evaluation is None:
        return ()
    signatures, declared = (records.evaluation.table(key) for key in ("signatures", "readings"))
    return tuple(
        Measured(
            metric=cut(name, _LONGEST_NAME),
            readings=_readings(figures, declared.table(name)),
            signature=cut(signatures.text(name) or "", _LONGEST_TEXT),
        )
        for name, figures in records.evaluation.table("metrics").subtables()
    )


def _readings(figures: Table, declared: Table) -> tuple[Reading, ...]:
    siblings = {key + _HELD_OUT for key in figures.values}  # shown beside the figures themselves
    return tuple(_read(key, figures, declared) for key in figures.values if key not in siblings)


def _read(key: str, figures: Table, declared: Table) -> Reading:
    match = _NUMBERED.fullmatch(key)
    stem, number = (f"{match[1]}_{{n}}", match[2]) if match and key not in _READINGS else (key, "")
    if known := _READINGS.get(stem):
        name, words = (say(text, n=number) for text in known)
    else:
        name, words = cut(key, _LONGEST_NAME), _own_help(declared.table(key))
    sibling = key + _HELD_OUT
    return Reading(
        key=key if known else "",
        name=name,
        value=show_figure(figures.number(key)),
        help=words,
        held_out=show_figure(figures.number(sibling)) if sibling in figures.values else "",
    )


def _own_help(declared: Table) -> str:
    """Return what the metric itself says of a figure, as a sentence, and which way is better."""
    words = say_word(declared.text("help") or "").strip().rstrip(".")
    sentence = f"{words[:1].upper()}{cut(words[1:], _LONGEST_TEXT)}." if words else ""
    better = {"higher": "Higher is better.", "lower": "Lower is better."}
    direction = better.get(declared.text("direction") or "")
    return f"{sentence} {say(direction) if direction else ''}".strip()
