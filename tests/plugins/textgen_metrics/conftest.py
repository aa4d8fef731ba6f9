from __future__ import annotations

import pytest

from textgen_core import Evidence


@pytest.fixture
def measure():
    """Measures samples, and references if any, with a metric: all that the bundled ones look at."""

    def measure(metric, samples, references=None):
        evidence = Evidence(
            samples=samples,
            prompts=["" for _ in samples],
            references=["" for _ in samples] if references is None else references,
            training_text=[],
            token_losses=None,
            token_ids=None,
            tokenizer=None,
            score=None,
        )
        return metric.measure(evidence)

    return measure
