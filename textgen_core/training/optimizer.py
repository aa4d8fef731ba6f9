"""Optimizers by name, from Keras, and the learning rate that they get."""

from __future__ import annotations

import math
import re
from typing import Any

import keras

from textgen_core.config.settings import TrainingSettings
from textgen_core.training.averaging import begin_average
from textgen_core.training.muon import Muon

_LINEAR_DECAY_FROM = 0.4  # linear: constant until here, then straight to zero


def build_optimizer(settings: TrainingSettings, model: keras.Model, float16: bool) -> Any:
    """Return the built optimizer of the settings; in float16 it scales the loss.

    Clipping is left to the training step, which also reports the norm.
    """
    optimizer = _unbuilt_optimizer(settings, model)
    if settings.weight_decay is not None:
        others = [each for each in model.trainable_variables if len(each.shape) < 2]
        optimizer.exclude_from_weight_decay(var_list=others)
    if float16:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    begin_average(model, optimizer)
    return optimizer


def _unbuilt_optimizer(settings: TrainingSettings, model: keras.Model) -> Any:
    """Return the optimizer of the settings, with decoupled decay (Loshchilov and Hutter 2019)."""
    rate, decay = settings.learning_rate, settings.weight_decay
    given: dict[str, Any] = {} if decay is None else {"weight_decay": decay}
    if settings.average:
        given |= {"use_ema": True, "ema_momentum": settings.average}
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(rate, **given)
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, **{"weight_decay": 0.01, **given})
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate, **given)
    if decay is not None:
        given["adam_weight_decay"] = decay
    left_to_adam = [f"^{re.escape(variable.path)}$" for variable in adam_variables(model)]
    return Muon(rate, exclude_layers=left_to_adam, exclude_embeddings=True, **given)


def adam_variables(model: keras.Model) -> list[Any]:
    """Return what Muon leaves to Adam: what the model names, else all but its inner matrices."""
    named = getattr(model, "adam_variables", None)
    if named is not None:
        return list(named)
    last = [layer for layer in model.layers if layer.trainable_variables][-1:]
    left = {id(variable) for layer in last for variable in layer.trainable_variables}
    return [
        variable
        for variable in model.trainable_variables
        if id(variable) in left or len(variable.shape) != 2 or "embedding" in variable.path
    ]


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
