"""Components that break one rule each: for every check those that it must find, and its words."""

from __future__ import annotations

from testing.broken import components, metrics, models, samplers, tokenizers, trackers

BROKEN: tuple[tuple[str, type, str], ...] = (
    *components.BROKEN,
    *tokenizers.BROKEN,
    *models.BROKEN,
    *samplers.BROKEN,
    *metrics.BROKEN,
    *trackers.BROKEN,
)
