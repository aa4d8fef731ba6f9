"""How to read the figures of well-known metrics, by the figure's key.

The page needs no plugin, so these sentences live here; a figure that is not known is shown with its
key alone. This module knows nothing about who measured a figure.
"""

from __future__ import annotations

import re

import attrs

from textgen_core.report.fields import Table
from textgen_core.report.records import Records
from textgen_core.report.wording import cut, show_figure

_LONGEST_NAME = 120
_NUMBERED = re.compile(r"([a-z_]+?)_(\d)")

# From a key, with its number left out, to a name and a reading; {n} is that number.
_READINGS = {
    "bleu": (
        "BLEU",
        "Phrases shared with what really followed the prompt, 0 to 100. Free continuations share "
        "little: a few points are usual, and much more hints at text learnt by heart.",
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
        "Words in the longest stretch that repeats one phrase at once. A long one means that the "
        "sampler got stuck.",
    ),
}


@attrs.frozen(kw_only=True)
class Reading:
    """A figure with its name and how to read it; of an unknown one the name is the key."""

    key: str
    name: str
    value: str
    help: str


@attrs.frozen(kw_only=True)
class Measured:
    """A metric's figures."""

    metric: str
    readings: tuple[Reading, ...]


def describe_metrics(records: Records) -> tuple[Measured, ...]:
    """Return the metrics of a run's evaluation; none if it was not scored."""
    if records.evaluation is None:
        return ()
    return tuple(
        Measured(
            metric=cut(name, _LONGEST_NAME),
            readings=tuple(_read(key, figures) for key in figures.values),
        )
        for name, figures in records.evaluation.table("metrics").subtables()
    )


def _read(key: str, figures: Table) -> Reading:
    value = show_figure(figures.number(key))
    match = _NUMBERED.fullmatch(key)
    stem, number = (
        (key, "") if match is None or key in _READINGS else (f"{match[1]}_{{n}}", match[2])
    )
    if stem not in _READINGS:
        return Reading(key="", name=cut(key, _LONGEST_NAME), value=value, help="")
    name, reading = (words.format(n=number) for words in _READINGS[stem])
    return Reading(key=key, name=name, value=value, help=reading)
