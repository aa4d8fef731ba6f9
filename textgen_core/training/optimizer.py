"""Optimizers by name, from Keras."""

from __future__ import annotations

import re
from typing import Any

import keras

from textgen_core.config.settings import TrainingSettings


def build_optimizer(settings: TrainingSettings, model: keras.Model, float16: bool) -> Any:
    """Return the built optimizer of the settings; in float16 it scales the loss.

    Clipping is left to the training step, which also reports the norm.
    """
    optimizer = _named(settings, model)
    if float16:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def _named(settings: TrainingSettings, model: keras.Model) -> Any:
    rate = settings.learning_rate
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=0.01)
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate)
    left_to_adam = [f"^{re.escape(variable.path)}$" for variable in adam_variables(model)]
    return keras.optimizers.Muon(rate, exclude_layers=left_to_adam, exclude_embeddings=True)


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
