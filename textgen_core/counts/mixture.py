"""How much a mixture trusts its network, and how much the counts.

The mixture is log-linear (Klakow 1998, "Log-linear interpolation of language models"): its logits
are a weighted sum of the network's logits and of the log-probabilities of the counts. Its loss is
convex in the two weights, so Newton's method finds the best ones in a few passes over some text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from textgen_core.data.reader import MixtureWeights
from textgen_core.errors import RunDirectoryError
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json, write_json

LARGEST = 10.0
_PASSES = 8
_SMALL = 1e-3  # a change of the weights that is not worth another pass
# What a fit begins with counts like so many tokens of average curvature: a little text moves the
# weights a little.
_PRIOR_TOKENS = 50


@attrs.frozen(kw_only=True)
class LossCurve:
    """The loss in nats, summed over some tokens, near certain weights.

    gradient: float64 `(2,)`, by the weight of the network and of the counts; curvature: float64
    `(2, 2)`, the second derivatives.
    """

    loss: float
    gradient: np.ndarray
    curvature: np.ndarray


def loss_curves(
    logits: np.ndarray, log_counts: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the loss of a mixture at some positions, and how it changes with the weights.

    With what is weighted as features of a token, the derivatives are the features' means under the
    mixture, less those of the target, and their covariances.

    Args:
        logits: the network's, float32 `(positions, vocabulary)`.
        log_counts: log-probabilities of the counts, likewise.
        targets: int `(positions,)`.
        weights: of the network and of the counts.

    Returns:
        float32 `(positions, 6)`: the loss in nats, its first derivatives by the weight of network
        and of counts, and its second ones: by the network's, by both, by the counts'.
    """
    at = np.arange(len(targets)), targets
    first, second = logits - logits[at][:, None], log_counts - log_counts[at][:, None]
    mixed = weights[0] * first + weights[1] * second  # 0 at the target
    most = mixed.max(axis=1, keepdims=True)
    shares = np.exp(mixed - most)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    means = [np.einsum("ij,ij->i", shares, each) for each in (first, second)]
    pairs = ((first, first), (first, second), (second, second))
    squares = [np.einsum("ij,ij,ij->i", shares, one, other) for one, other in pairs]
    products = (means[0] ** 2, means[0] * means[1], means[1] ** 2)
    curvatures = [each - product for each, product in zip(squares, products, strict=True)]
    losses = (most + np.log(total))[:, 0]
    return np.stack([losses, *means, *curvatures], axis=1).astype(np.float32, copy=False)


def as_curve(sums: np.ndarray) -> LossCurve:
    """Return the sums of `loss_curves` over all positions, float64 `(6,)`, as a curve."""
    loss, gradient, (of_network, of_both, of_counts) = sums[0], sums[1:3], sums[3:]
    curvature = np.array([[of_network, of_both], [of_both, of_counts]])
    return LossCurve(loss=float(loss), gradient=gradient, curvature=curvature)


def fit_weights(curve_at: Callable[[MixtureWeights], LossCurve], tokens: int) -> MixtureWeights:
    """Return the weights with the least loss on a text, by Newton's method.

    A step that leads too far, where the loss is larger or not finite, is halved.

    Args:
        curve_at: measures the loss of the text with some weights.
        tokens: how many tokens it measures.
    """
    start = np.array(attrs.astuple(MixtureWeights()))
    weights, best, least = start, start, math.inf
    prior: float | None = None
    for _ in range(_PASSES):
        curve = curve_at(_weights_of(weights))
        if prior is None:
            prior = _PRIOR_TOKENS / tokens * float(np.trace(curve.curvature)) / 2
        away = weights - start
        loss = curve.loss + prior * float(away @ away) / 2
        if loss < least:
            best, least = weights, loss
            step = _newton_step(
                weights, curve.gradient + prior * away, curve.curvature + prior * np.eye(2)
            )
            weights = np.clip(weights - step, 0.0, LARGEST)
        else:
            weights = (weights + best) / 2
        if not np.abs(weights - best).max() >= _SMALL:  # nor if it is not a number
            break
    return _weights_of(best)


def _newton_step(weights: np.ndarray, gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Return what is to be taken from the weights; one at 0 stays if it would be negative."""
    step = np.zeros(2)
    (free,) = np.nonzero((weights > 0) | (gradient < 0))
    stiff = curvature[np.ix_(free, free)] + 1e-9 * np.eye(len(free))
    step[free] = np.linalg.solve(stiff, gradient[free])
    return step


def _weights_of(values: np.ndarray) -> MixtureWeights:
    return MixtureWeights(network=float(values[0]), counts=float(values[1]))


def save_mixture(weights: MixtureWeights, path: Path) -> None:
    """Write weights to a JSON file; raises RunDirectoryError if that fails."""
    write_json(path, attrs.asdict(weights))


def load_mixture(path: Path) -> MixtureWeights:
    """Return the weights in a file of `save_mixture`, the default ones where there is none yet.

    Raises RunDirectoryError if it is damaged.
    """
    if not is_there(path):
        return MixtureWeights()
    advice = f"Restore {path.name} from a copy of the run, or delete it: both then weigh the same."
    try:
        return _read_weights(read_json(path))
    except ValueError as error:
        raise RunDirectoryError(
            f"{path} does not hold the weights of a mixture: {error}.",
            f"Allowed: network and counts, each a number from 0 to {LARGEST:g}.",
            advice,
        ) from error
    except RunDirectoryError as error:
        raise RunDirectoryError(error.problem, error.allowed, error.advice or advice) from error


def _read_weights(found: Any) -> MixtureWeights:
    """Return the weights that a JSON value holds; raises ValueError if it holds anything else."""
    if not isinstance(found, dict) or found.keys() != attrs.fields_dict(MixtureWeights).keys():
        raise ValueError("its keys are others")
    for name, value in found.items():
        if type(value) not in (int, float) or not 0 <= value <= LARGEST:
            raise ValueError(f"{name} is {str(value)[:20]}")
    return MixtureWeights(**{name: float(value) for name, value in found.items()})
