"""Mirostat for textgen: a sampler that aims at a surprisal, and a metric that measures it."""

from __future__ import annotations

from textgen_core import Metric, Sampler, hookimpl

from textgen_mirostat.mirostat import MirostatSampler
from textgen_mirostat.surprise import SurpriseMetric

__all__ = ["MirostatSampler", "SurpriseMetric"]


@hookimpl
def textgen_samplers() -> dict[str, type[Sampler]]:
    """Return the sampler by its name."""
    return {"mirostat": MirostatSampler}


@hookimpl
def textgen_metrics() -> dict[str, type[Metric]]:
    """Return the metric by its name."""
    return {"surprise": SurpriseMetric}
