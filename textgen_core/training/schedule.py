"""Learning rates: a share of the highest rate, as a function of the training's progress."""

from __future__ import annotations

import math

_LINEAR_DECAY_FROM = 0.4  # linear: constant until here, then straight to zero


def rate_share(schedule: str, warm_up: float, progress: float) -> float:
    """Return the share of the highest learning rate at a progress from 0 to 1.

    `warm_up` is the share of the training in which the rate rises from zero. "plateau" and
    "halving" are constant here: they fall at validations and epochs.
    """
    if warm_up and progress < warm_up:
        return max(progress, 1e-3 * warm_up) / warm_up
    if schedule == "linear":
        return min(1.0, (1.0 - progress) / (1.0 - max(_LINEAR_DECAY_FROM, warm_up)))
    if schedule == "cosine":
        done = (progress - warm_up) / (1.0 - warm_up)
        return 0.5 * (1.0 + math.cos(math.pi * done))
    return 1.0


def halved(epochs: int, halve_after: int) -> float:
    """Return what "halving" leaves of the rate after so many epochs.

    `halve_after` epochs run at the full rate, and each later one at half that of the one before
    (Zaremba et al. 2014).
    """
    return float(2.0 ** -max(0, epochs - halve_after + 1))
