"""Checks of what is drawn with a sampler: thousands of tokens, from a few rows of logits.

The core draws, as it does in generation, from fixed random numbers, so that a check finds the same
each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.sampler_checks import awkward_rows, transformed
from textgen_core.testing.subject import Subject

if TYPE_CHECKING:
    import numpy as np

CALLS = 12  # of the sampler, each of them with the same logits and texts so far
FEW_CALLS = 4  # where the counts themselves do not matter
DRAWS = 400  # for each row in each call
SEED = 11
# A sampler that is right fails by chance in one of a million rows; the seed is fixed, so that a
# sampler either always passes or never.
LEAST_PROBABILITY = 1e-6
LEAST_EXPECTED = 5  # draws, of the tokens that are counted together


@check("sampler.never-draws-excluded", "sampler")
def never_draws_excluded(subject: Subject) -> None:
    """Of thousands of tokens none is drawn that was excluded, by the core or by itself."""
    import numpy as np

    before, after, counts = _draw_many(subject, FEW_CALLS)
    wrong = np.argwhere((counts > 0) & ((before == -np.inf) | (after == -np.inf)))
    if len(wrong):
        row, token = wrong[0]
        by = "the core" if before[row, token] == -np.inf else "itself, in its first call"
        problem = f"The token {token} is drawn in row {row}, and was excluded by {by}."
        raise ConformanceFault(problem)


@check("sampler.frequencies", "sampler")
def draws_as_often(subject: Subject) -> None:
    """The tokens are drawn as often as the logits say that it returned first: chi-square test."""
    _, after, counts = _draw_many(subject, CALLS)
    for row, (logits, found) in enumerate(zip(after, counts, strict=True)):
        probability = _probability_of(found, logits)
        what = f"In row {row} {CALLS * DRAWS} tokens are drawn otherwise than by the first logits"
        bound = f"probability {probability:.1g}, at least {LEAST_PROBABILITY:g} allowed"
        require(probability >= LEAST_PROBABILITY, f"{what} it returned: {bound}.")


def _draw_many(subject: Subject, calls: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logits, those that the sampler returns first, and the draws of each token.

    All are `(rows, vocabulary)`; the draws, int64, are those of all calls.
    """
    import numpy as np

    from textgen_core.generation.drawing import draw, uniform_numbers

    rows, sampler = awkward_rows(seed=8), subject.instance()
    rows = attrs.evolve(rows, logits=rows.logits[:1])  # a single step
    first = transformed(subject.instance(), rows)[0]
    batch = len(first)
    numbers = uniform_numbers(SEED, range(batch * DRAWS), calls)  # (batch * DRAWS, calls)
    counts = np.zeros(first.shape, np.int64)
    for call in range(calls):
        logits = np.repeat(transformed(sampler, rows)[0], DRAWS, axis=0)
        tokens = np.array(draw(logits, numbers[:, call]))
        np.add.at(counts, (np.arange(batch * DRAWS) // DRAWS, tokens), 1)
    return rows.logits[0], first, counts


def _probability_of(counts: np.ndarray, logits: np.ndarray) -> float:
    """Return how probable counts are that lie as far from what is expected: Pearson's test."""
    import numpy as np
    import tensorflow as tf

    probabilities = tf.nn.softmax(logits.astype(np.float64)).numpy()
    if counts[probabilities == 0].any():
        return 0.0
    order = np.argsort(probabilities)
    expected = (probabilities * counts.sum())[order]
    # The rarest are counted together, as many as are expected often enough.
    together = int(np.searchsorted(np.cumsum(expected), LEAST_EXPECTED)) + 1
    starts = [0, *range(together, len(order))]
    found, wanted = np.add.reduceat(counts[order], starts), np.add.reduceat(expected, starts)
    if len(wanted) < 2:
        return 1.0  # one token has it all
    distance = float(((found - wanted) ** 2 / wanted).sum())
    half = np.float64((len(wanted) - 1) / 2)
    return float(tf.math.igammac(half, np.float64(distance / 2)))
