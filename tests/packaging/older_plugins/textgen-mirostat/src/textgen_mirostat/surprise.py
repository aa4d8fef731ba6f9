"""How surprising the model finds what it wrote, beside what people wrote after the same prompts.

Text that is much less surprising than people's is dull, and text that is much more so is confused
(Holtzman et al. 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import attrs
from textgen_core import Evidence, Figure, Metric


@attrs.frozen(kw_only=True)
class SurpriseMetric(Metric):
    """The surprise of samples and of held-out text under the model, in bits a token."""

    figures: ClassVar[Mapping[str, Figure]] = {
        "bits": Figure("neither", 0.0, help="bits a token of the samples, mean of the samples"),
        "bits_held_out": Figure("neither", 0.0, help="the same of the text that really followed"),
        "deviation": Figure(
            "lower",
            0.0,
            help="standard deviation of the samples' bits: how evenly they are written",
        ),
    }

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return the figures; a text without a token is left out, NaN if all are."""
        written = list(_bits(evidence, evidence.samples))
        real = list(_bits(evidence, evidence.references))
        mean = _mean(written)
        return {
            "bits": mean,
            "bits_held_out": _mean(real),
            "deviation": math.sqrt(_mean([(each - mean) ** 2 for each in written])),
        }


def _bits(evidence: Evidence, texts: Sequence[str]) -> Iterator[float]:
    """Yield the mean surprise of each text, which is read after its prompt."""
    for prompt, text in zip(evidence.prompts, texts, strict=True):
        read_before = len(evidence.tokenizer.encode(prompt, add_special_tokens=False).ids)
        losses = evidence.score(prompt + text)[read_before:]
        if len(losses):
            yield float(losses.mean()) / math.log(2)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
