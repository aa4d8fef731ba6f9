"""How much a mixture trusts its network, and how much the counts.

The mixture is log-linear (Klakow 1998, "Log-linear interpolation of language models"): its logits
are a weighted sum of the network's logits and of the log-probabilities of the counts. Its loss is
convex in the two weights, so Newton's method finds the best ones in a few passes over some text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

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


def fit_weights(curve_at: Callable[[MixtureWeights], LossCurve], tokens: int) -> MixtureWeights:
    """Return the weights with the least loss on a text, by Newton's method.

    Args:
        curve_at: measures the loss of the text with some weights.
        tokens: how many tokens it measures.
    """
    start = np.array(attrs.astuple(MixtureWeights()))
    weights, best, least = start, start, math.inf
    for _ in range(_PASSES):
        curve = curve_at(_weights_of(weights))
        prior = _PRIOR_TOKENS / tokens * np.trace(curve.curvature) / 2
        away = weights - start
        loss = curve.loss + prior * away @ away / 2
        if not math.isfinite(loss) or loss >= least:
            break
        best, least = weights, loss
        curvature = curve.curvature + (prior + 1e-9) * np.eye(2)
        change = np.linalg.solve(curvature, curve.gradient + prior * away)
        weights = np.clip(weights - change, 0.0, LARGEST)
        if np.abs(weights - best).max() < _SMALL:
            break
    return _weights_of(best)


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
    found = read_json(path)
    try:
        weights = MixtureWeights(**{key: float(value) for key, value in found.items()})
        if not all(0 <= each <= LARGEST for each in attrs.astuple(weights)):
            raise ValueError(f"weights are from 0 to {LARGEST:g}")
    except (AttributeError, TypeError, ValueError) as error:
        raise RunDirectoryError(
            f"{path} does not hold the weights of a mixture: {error}.",
            "Allowed: network and counts, each a number.",
            f"Restore {path.name} from a copy of the run, or delete it: it is then mixed evenly.",
        ) from error
    return weights
