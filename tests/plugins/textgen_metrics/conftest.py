from __future__ import annotations

import pytest

from textgen_core import Evidence


@pytest.fixture
def evidence_of():
    """Makes evidence of samples, and references if any: all that the bundled metrics look at."""

    def evidence_of(samples, references=None):
        return Evidence(
            samples=samples,
            prompts=["" for _ in samples],
            references=samples if references is None else references,
            training_text=[],
            token_losses=None,
            token_ids=None,
            tokenizer=None,
            score=None,
        )

    return evidence_of


@pytest.fixture
def measure(evidence_of):
    """Measures samples, and references if any, with a metric."""

    def measure(metric, samples, references=None):
        references = ["" for _ in samples] if references is None else references
        return metric.measure(evidence_of(samples, references))

    return measure
