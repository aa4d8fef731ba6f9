"""Whether a loss and a gradient are finite, and if not the likely cause, as far as one can tell.

Looks at the batch, the weights and the settings, once, when training has to stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from textgen_core.data.batches import Batch
from textgen_core.errors import TrainingDiverged
from textgen_core.training.job import TrainingJob, precision_of
from textgen_core.training.update import StepResult

_HUGE = 1e6  # a weight that no sound training reaches
_EXPLODED = 20  # times what guessing costs: no training comes back from there


class LossCheck:
    """Holds each step of a training to a loss that it can come back from.

    What guessing costs is the measure, or the first step's loss if that is higher.
    """

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self._worst_loss = 0.0

    def check(self, result: StepResult, step: int, batches: Sequence[Batch]) -> None:
        """Raise TrainingDiverged if a step is not finite, or its loss out of all proportion.

        step: how many updates were made before.
        """
        loss = float(result.loss_sum) / max(1, int(result.tokens))
        if not bool(result.finite):
            what = "The gradient" if math.isfinite(loss) else "The loss"
            raise divergence(f"{what} is no longer finite", self._job, step, batches)
        if not self._worst_loss:
            guessing = math.log(self._job.language_model.vocabulary_size)
            self._worst_loss = _EXPLODED * max(guessing, loss)
        if loss > self._worst_loss:
            what = f"The loss has exploded to {loss:,.0f} nats a token"
            raise divergence(what, self._job, step, batches)


def divergence(
    what: str, job: TrainingJob, step: int, batches: Sequence[Batch]
) -> TrainingDiverged:
    """Return the error for a training that has diverged: what, the likely cause, what helps.

    step: how many updates were made before. batches: those of the step that failed, which left the
    weights alone.
    """
    cause, advice = _cause_and_advice(job, step, batches)
    saved = job.run.saved_steps()
    kept = f"; the checkpoint of step {saved[-1]} is kept" if saved else ""
    return TrainingDiverged(
        f"{what} at step {step + 1}.", f"The likely cause: {cause}.", f"{advice}{kept}."
    )


def _cause_and_advice(job: TrainingJob, step: int, batches: Sequence[Batch]) -> tuple[str, str]:
    """Return the first cause that applies: proved ones first, likely ones last."""
    vocabulary_size = job.language_model.vocabulary_size
    unknown = _unknown_token(batches, vocabulary_size)
    if unknown is not None:
        return (
            f"a damaged token file, which holds the token id {unknown} in a vocabulary of "
            f"{vocabulary_size}",
            "Empty the cache (TEXTGEN_CACHE, or textgen in your cache folder): it is rebuilt",
        )
    rate, precision = job.settings.learning_rate, precision_of(job.language_model)
    wrecked = _wrecked_weight(job.language_model.model.trainable_variables)
    if not step:
        return _at_the_start(wrecked, precision)
    high = f"a learning rate of {rate:g} is too high"
    lower = f"Try a third of it: --learning-rate {rate / 3:.2g}"
    if wrecked:
        return f"{high}: the weights of {wrecked} are wrecked", lower
    if precision == "float16":
        return (
            f"a number above 65,504, which float16 cannot hold, or {high}",
            f"Try --set training.precision=bfloat16 or float32; or {lower[0].lower()}{lower[1:]}",
        )
    if job.settings.clip_norm is None:
        return f"{high}, and no gradient is clipped", f"{lower}, or --set training.clip_norm=1"
    return high, lower


def _at_the_start(wrecked: str, precision: str) -> tuple[str, str]:
    """Before the first update no learning rate has done anything yet."""
    if wrecked:
        return (
            f"the weights that the model began with: those of {wrecked} are not finite or huge",
            "Try the model without pretrained weights, or another seed",
        )
    if precision != "float32":
        return (
            f"the model's arithmetic in {precision}: no weight has been moved yet",
            "Try --set training.precision=float32",
        )
    return (
        "the model itself, since no weight has been moved yet",
        "Try other options of the model, or another one",
    )


def _unknown_token(batches: Sequence[Batch], vocabulary_size: int) -> int | None:
    """Return a token id of the batches that the vocabulary does not hold, if there is one."""
    token_ids = np.concatenate([[batch.inputs, batch.targets] for batch in batches])
    outside = token_ids[(token_ids < 0) | (token_ids >= vocabulary_size)]
    return int(outside[0]) if outside.size else None


def _wrecked_weight(weights: Sequence[Any]) -> str:
    """Return the path of the first variable that is not finite, or huge; empty if there is none."""
    for variable in weights:
        values = np.asarray(variable.numpy(), dtype=np.float32)
        if not np.all(np.abs(values) < _HUGE):
            return str(variable.path)
    return ""
