"""The contract, and what the sampler does to distributions that are computed by hand."""

from __future__ import annotations

import math

import pytest
from textgen_core import History
from textgen_core.testing import conformance

from textgen_epsilon.epsilon import EpsilonSampler

# One test for each thing that textgen expects of a sampler: `pytest -v` names them.
test_contract = conformance("textgen-epsilon:sampler/epsilon")


def kept(least: float, probabilities: list[float]) -> list[int]:
    """Return the tokens that may still be drawn, by their positions."""
    import tensorflow as tf

    logits = tf.constant([[math.log(each) for each in probabilities]])
    nothing_yet = History(token_ids=None, length=None, prompt_length=None)
    sampler = EpsilonSampler(least=least)
    (row,) = sampler.transform(logits, nothing_yet).numpy()
    return [token for token, logit in enumerate(row) if logit > -math.inf]


def test_what_is_probable_enough_is_kept() -> None:
    assert kept(0.15, [0.5, 0.2, 0.2, 0.1]) == [0, 1, 2]


@pytest.mark.parametrize("least", [0.75, 1.0])
def test_the_most_probable_token_is_always_kept(least: float) -> None:
    assert kept(least, [0.1, 0.1, 0.7, 0.1]) == [2]
