"""How much a sample repeats itself, as small models and greedy decoding do.

Repetition between samples is what `diversity` measures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from textgen_core import Evidence, Figure, Metric, option
from textgen_metrics.words import Unit, iterate_ngrams, sign_units, split_units

_ORDERS = (1, 2, 3, 4)


@attrs.frozen(kw_only=True)
class RepetitionMetric(Metric):
    """Repeated n-grams within a sample (Welleck et al. 2019) and the longest loop."""

    unit: Unit = option("word", help="what is counted: words (in any script), or characters")
    lowercase: bool = option(False, help="count without regard to letter case")
    longest_phrase: int = option(
        50, help="the longest phrase, in units, whose repeating counts as a loop", at_least=1
    )

    figures: ClassVar[Mapping[str, Figure]] = {
        **{
            f"rep_{order}": Figure(
                "lower",
                0.0,
                1.0,
                help=f"share of a sample's {order}-grams that it wrote before, mean of the samples",
            )
            for order in _ORDERS
        },
        "longest_loop": Figure(
            "lower",
            0.0,
            help="words in the longest span that repeats one phrase, in any sample",
        ),
    }

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return the figures; a sample too short for an order is left out, NaN if all are."""
        texts = [split_units(text, self.unit, self.lowercase) for text in evidence.samples]
        loops = [measure_longest_loop(text, self.longest_phrase) for text in texts]
        return {
            **{f"rep_{order}": _mean_repetition(texts, order) for order in _ORDERS},
            "longest_loop": float(max(loops, default=math.nan)),
        }

    def signature(self, evidence: Evidence | None = None) -> str:
        """Return what was counted, by the script of the text: words, characters or syllables."""
        return sign_units(self.unit, evidence, self.lowercase)


def measure_repetition(text: Sequence[str], order: int) -> float:
    """Return 1 - distinct n-grams / n-grams of a text (seq-rep-n, Welleck et al. 2019), or NaN."""
    ngrams = list(iterate_ngrams(text, order))
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else math.nan


def measure_longest_loop(text: Sequence[str], longest_phrase: int) -> int:
    """Return the units in the longest span that repeats a phrase without a break, or 0.

    A span of period p counts from two whole phrases on: "a b a b a" is a loop of 5.
    """
    longest = 0
    for period in range(1, min(longest_phrase, len(text) // 2) + 1):
        repeated = 0
        for position in range(period, len(text)):
            repeated = repeated + 1 if text[position] == text[position - period] else 0
            if repeated >= period:
                longest = max(longest, repeated + period)
    return longest


def _mean_repetition(texts: Sequence[Sequence[str]], order: int) -> float:
    shares = [measure_repetition(text, order) for text in texts if len(text) >= order]
    return math.fsum(shares) / len(shares) if shares else math.nan
