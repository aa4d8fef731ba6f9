"""The bundled metrics: of what a model wrote, against what really followed and in itself."""

from __future__ import annotations

from collections.abc import Mapping

from textgen_core import Metric, hookimpl
from textgen_metrics.bleu import BleuMetric
from textgen_metrics.diversity import DiversityMetric
from textgen_metrics.novelty import NoveltyMetric
from textgen_metrics.repetition import RepetitionMetric


@hookimpl
def textgen_metrics() -> Mapping[str, type[Metric]]:
    """Return the bundled metrics by name."""
    return {
        "bleu": BleuMetric,
        "diversity": DiversityMetric,
        "novelty": NoveltyMetric,
        "repetition": RepetitionMetric,
    }
