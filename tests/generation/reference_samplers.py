"""What every bundled sampler does, written again in float64 numpy: slow, and with sorting.

Each returns the distributions `(batch, vocabulary)` of logits, and `is_clear` `(batch,)`: where no
token stands so close to a threshold that float32 may decide otherwise.
"""

from __future__ import annotations

import numpy as np
from generation.distributions import INFINITY, probabilities_of, restrict

CLOSE = 3e-6


def temperature(logits, t):
    return probabilities_of(logits.astype(np.float64) / t), everywhere(logits)


def top_k(logits, k):
    highest = -np.sort(-logits.astype(np.float64), axis=1)[:, : min(k, logits.shape[1])]
    return restrict(logits, logits >= highest[:, -1:]), everywhere(logits)


def greedy(logits):
    return top_k(logits, 1)


def nucleus(logits, p):
    probabilities = probabilities_of(logits)
    return _reaching(logits, probabilities, -probabilities, p)


def min_p(logits, p):
    probabilities = probabilities_of(logits)
    least = p * probabilities.max(axis=1, keepdims=True)
    is_close = np.abs(probabilities / least - 1) < CLOSE
    return restrict(logits, probabilities >= least), ~is_close.any(axis=1)


def typical(logits, p):
    probabilities = probabilities_of(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.log(probabilities)
        entropy = np.nansum(probabilities * surprise, axis=1, keepdims=True)
    distance = np.where(probabilities > 0, np.abs(surprise - entropy), INFINITY)
    return _reaching(logits, probabilities, distance, p)


def repetition_penalty(logits, penalty, seen):
    """seen: the tokens of each row's text."""
    after = logits.astype(np.float64)
    for row, tokens in enumerate(seen):
        for token in set(tokens):
            after[row, token] *= penalty if after[row, token] < 0 else 1 / penalty
    return probabilities_of(after), everywhere(logits)


def occurrence_penalty(logits, frequency, presence, seen):
    """seen: the tokens that were written in each row."""
    after = logits.astype(np.float64)
    for row, tokens in enumerate(seen):
        for token in set(tokens):
            after[row, token] -= frequency * tokens.count(token) + presence
    return probabilities_of(after), everywhere(logits)


def no_repeat_ngram(logits, n, seen):
    mask = np.ones(logits.shape, bool)
    for row, tokens in enumerate(seen):
        end = tuple(tokens[len(tokens) - (n - 1) :])
        for start in range(len(tokens) - n + 1):
            if tuple(tokens[start : start + n - 1]) == end:
                mask[row, tokens[start + n - 1]] = False
        if not np.isfinite(logits[row][mask[row]]).any():
            mask[row] = True
    return restrict(logits, mask), everywhere(logits)


def everywhere(logits):
    return np.ones(len(logits), bool)


def _reaching(logits, probabilities, order, p):
    """Keep the tokens of lowest `order` that together reach p, and all that tie with the last."""
    ranks = np.argsort(order, axis=1, kind="stable")
    ordered = np.take_along_axis(order, ranks, axis=1)
    sums = np.cumsum(np.take_along_axis(probabilities, ranks, axis=1), axis=1)
    last = np.minimum((sums < p).sum(axis=1), logits.shape[1] - 1)[:, None]
    threshold = np.take_along_axis(ordered, last, axis=1)
    is_clear = np.abs(sums - p).min(axis=1) > CLOSE
    # A token that comes next, and is almost as good as the last one, may tie with it in float32.
    following = np.where(ordered > threshold, ordered, INFINITY).min(axis=1)
    with np.errstate(invalid="ignore"):
        gap = following - threshold[:, 0]
    is_clear &= ~(gap < CLOSE * np.maximum(1, np.abs(threshold[:, 0])))
    return restrict(logits, order <= threshold), is_clear
