"""The verbatim overlap of the samples with the training text, beside that of held-out text.

Every text shares phrases with every other of its kind: only what is far above the held-out figures
is memorized.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import attrs

from textgen_core import Evidence, Figure, Metric, option
from textgen_metrics.words import Unit, iterate_ngrams, sign_units, split_units

_ORDERS = (4, 8)

Ngram = tuple[str, ...]


@attrs.frozen(kw_only=True)
class NoveltyMetric(Metric):
    """Verbatim overlap with the training text: longest spans, and n-grams (McCoy et al. 2023)."""

    unit: Unit = option("word", help="what n-grams are of: words (in any script), or characters")
    characters: int | None = option(
        100_000_000,
        help="characters of the training text in which n-grams are looked up; none: all",
        at_least=1,
    )

    figures: ClassVar[Mapping[str, Figure]] = {
        f"{name}{suffix}": Figure(
            "neither" if suffix else "lower", 0.0, high, help=f"{words} of {whose}"
        )
        for suffix, whose in (
            ("", "the samples"),
            ("_held_out", "the held-out text that really followed"),
        )
        for name, high, words in (
            (
                "longest_copied",
                None,
                "characters of the longest span verbatim from training,",
            ),
            ("mean_longest_copied", None, "the same, mean of the longest of each,"),
            ("copied_4", 1.0, "share of the 4-grams that occur in training,"),
            ("copied_8", 1.0, "share of the 8-grams that occur in training,"),
        )
    }

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return the figures of samples and references; NaN where there is nothing to count.

        Without a training text there is nothing to compare them with. A reference counts up to
        the length of its sample, since longer text has longer overlaps.
        """
        samples = list(evidence.samples)
        references = list(evidence.references)
        if len(samples) != len(references):
            raise ValueError(f"{len(samples)} samples and {len(references)} references")
        if next(evidence.training_pieces(), None) is None:
            return dict.fromkeys(self.figures, math.nan)
        references = [text[: len(sample)] for text, sample in zip(references, samples, strict=True)]
        longest = evidence.longest_copied([*samples, *references])
        written = [self._ngrams(samples, order) for order in _ORDERS]
        real = [self._ngrams(references, order) for order in _ORDERS]
        found = self._find(evidence, [{*a, *b} for a, b in zip(written, real, strict=True)])
        return {
            **_figures("", longest[: len(samples)], written, found),
            **_figures("_held_out", longest[len(samples) :], real, found),
        }

    def signature(self, evidence: Evidence | None = None) -> str:
        """Return what was counted, by the script of the text: words, characters or syllables."""
        return sign_units(self.unit, evidence)

    def _ngrams(self, texts: Iterable[str], order: int) -> list[Ngram]:
        units = (split_units(text, self.unit) for text in texts)
        return [ngram for text in units for ngram in iterate_ngrams(text, order)]

    def _find(self, evidence: Evidence, wanted: Sequence[set[Ngram]]) -> list[set[Ngram]]:
        """Return those of the n-grams, a set for each order, that occur in the training text."""
        found: list[set[Ngram]] = [set() for _ in wanted]
        if not any(wanted):
            return found
        for units in self._training_units(evidence):
            for order, some, those in zip(_ORDERS, wanted, found, strict=True):
                those |= some.intersection(zip(*(units[at:] for at in range(order)), strict=False))
        return found

    def _training_units(self, evidence: Evidence) -> Iterator[list[str]]:
        """Yield the units of each piece, after the last ones of its document's piece before."""
        reach = max(_ORDERS) - 1
        before: list[str] = []
        left = math.inf if self.characters is None else self.characters
        for text, ends_document in evidence.training_pieces():
            units = before + split_units(
                text if len(text) <= left else text[: int(left)], self.unit
            )
            yield units
            left -= len(text)
            if left <= 0:
                return
            before = [] if ends_document else units[-reach:]


def _figures(
    suffix: str,
    longest: Sequence[int],
    ngrams: Sequence[Sequence[Ngram]],
    found: Sequence[set[Ngram]],
) -> dict[str, float]:
    shares = (
        sum(ngram in known for ngram in some) / len(some) if some else math.nan
        for some, known in zip(ngrams, found, strict=True)
    )
    return {
        f"longest_copied{suffix}": float(max(longest, default=math.nan)),
        f"mean_longest_copied{suffix}": sum(longest) / len(longest) if longest else math.nan,
        **{f"copied_{order}{suffix}": share for order, share in zip(_ORDERS, shares, strict=True)},
    }
