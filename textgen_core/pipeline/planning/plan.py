"""A plan as a value: what each size of model comes to in some times, what it recommends, JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from textgen_core.pipeline.planning.law import RUNS_HASH, Forecast
from textgen_core.pipeline.planning.measuring import SizeFacts, TextFacts

_WORTH_LEAVING = 0.005  # bits per byte: for less the recipe's own model stays


@attrs.frozen(kw_only=True)
class Choice:
    """A size of model and a time: how far training comes, and how good the model will be."""

    facts: SizeFacts
    minutes: float
    steps: int
    passes: float
    forecast: Forecast

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "size": self.facts.size.name,
            "minutes": self.minutes,
            "steps": self.steps,
            "passes": self.passes,
            "seconds": self.seconds,
            **attrs.asdict(self.forecast),
        }

    @property
    def seconds(self) -> float:
        """How long the training takes: less than its time where a recipe ends it sooner."""
        return min(60 * self.minutes, self.facts.pace.seconds(self.steps))


@attrs.frozen(kw_only=True)
class Plan:
    """What a text will come to on this machine.

    sizes: of models, in order; choices: each of them in each time, times first.
    """

    text: TextFacts
    sizes: tuple[SizeFacts, ...]
    choices: tuple[Choice, ...]

    @property
    def minutes(self) -> list[float]:
        """The times, in order."""
        return list(dict.fromkeys(each.minutes for each in self.choices))

    def of(self, minutes: float) -> list[Choice]:
        """Return the choices of a time, by size."""
        return [each for each in self.choices if each.minutes == minutes]

    def recommended(self, minutes: float) -> Choice:
        """Return what is recommended for a time.

        The least loss among the offered sizes that fit into memory; the recipe's own one if it
        is hardly worse.
        """
        offered = [each for each in self.of(minutes) if each.facts.size.is_offered]
        fitting = [each for each in offered if each.facts.fits] or offered[:1]
        best = min(fitting, key=lambda each: each.forecast.bits_per_byte)
        limit = best.forecast.bits_per_byte + _WORTH_LEAVING
        for each in fitting:
            if each.facts.size.is_default and each.forecast.bits_per_byte <= limit:
                return each
        return best

    def as_json(self) -> dict[str, Any]:
        """Return plain values; losses in bits per byte of the held-out text."""
        return {
            "text": attrs.asdict(self.text),
            "sizes": [_size_json(each) for each in self.sizes],
            "forecasts": [each.as_json() for each in self.choices],
            "recommended": list(self._recommended_json()),
            "law": RUNS_HASH,
        }

    def _recommended_json(self) -> Iterator[dict[str, Any]]:
        for minutes in self.minutes:
            chosen = self.recommended(minutes)
            yield {
                "minutes": minutes,
                "size": chosen.facts.size.name,
                "model": chosen.facts.size.spec,
                "bits_per_byte": chosen.forecast.bits_per_byte,
                "better_than_counts": self.text.counts - chosen.forecast.bits_per_byte,
            }


def _size_json(facts: SizeFacts) -> dict[str, Any]:
    return {
        "size": facts.size.name,
        "model": facts.size.spec,
        "is_default": facts.size.is_default,
        "is_offered": facts.size.is_offered,
        "parameters": facts.parameters,
        "memory_bytes": facts.memory_bytes,
        "disk_bytes": facts.disk_bytes,
        "tokens_per_second": facts.pace.tokens_per_second,
        "fits": facts.fits,
    }
