"""How much the samples differ, within a text and from one another.

References play no part: a model that writes random words is as diverse as can be.
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
class DiversityMetric(Metric):
    """Distinct n-grams (Li et al. 2016), self-BLEU (Zhu et al. 2018) and type/token ratio."""

    unit: Unit = option("word", help="what is counted: words (in any script), or characters")
    lowercase: bool = option(False, help="count without regard to letter case")
    self_bleu_samples: int = option(
        200, help="samples compared for self-BLEU, whose cost is quadratic", at_least=2
    )

    figures: ClassVar[Mapping[str, Figure]] = {
        **{
            f"distinct_{order}": Figure(
                "higher", 0.0, 1.0, help=f"distinct {order}-grams of all samples over all of them"
            )
            for order in _ORDERS
        },
        "self_bleu": Figure(
            "lower", 0.0, 100.0, help="mean BLEU-4 of each sample against the others, 0 to 100"
        ),
        "type_token_ratio": Figure(
            "higher",
            0.0,
            1.0,
            help="distinct words over words of a sample, mean of the samples",
        ),
    }

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return the figures over all samples; NaN where there are too few words or samples."""
        texts = [split_units(text, self.unit, self.lowercase) for text in evidence.samples]
        texts = [text for text in texts if text]
        return {
            **{f"distinct_{order}": measure_distinct(texts, order) for order in _ORDERS},
            "self_bleu": measure_self_bleu(texts[: self.self_bleu_samples]),
            "type_token_ratio": _mean([len(set(text)) / len(text) for text in texts]),
        }

    def signature(self, evidence: Evidence | None = None) -> str:
        """Return what was counted, by the script of the text: words, characters or syllables."""
        return sign_units(self.unit, evidence, self.lowercase)


def measure_distinct(texts: Sequence[Sequence[str]], order: int) -> float:
    """Return distinct n-grams over n-grams of all `texts` together (Li et al. 2016), or NaN."""
    ngrams = [ngram for text in texts for ngram in iterate_ngrams(text, order)]
    return len(set(ngrams)) / len(ngrams) if ngrams else math.nan


def measure_self_bleu(texts: Sequence[Sequence[str]]) -> float:
    """Return the mean BLEU-4, 0 to 100, of each text against the others (Zhu et al. 2018), or NaN.

    Texts shorter than four words are compared by the orders that they have.
    """
    if len(texts) < 2:
        return math.nan
    from sacrebleu.metrics import BLEU

    scorer = BLEU(tokenize="none", force=True, effective_order=True)
    lines = [" ".join(text) for text in texts]
    scores = [
        scorer.sentence_score(line, lines[:position] + lines[position + 1 :]).score
        for position, line in enumerate(lines)
    ]
    return min(_mean(scores), 100.0)  # rounding may leave it just above


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
