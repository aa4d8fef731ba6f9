"""How much memory training will need, estimated before anything is computed.

What the backward pass reads of the forward pass has to be kept in between: it is read off the
traced graph, so that activation checkpointing and the precision count as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.models.devices import parts_of_batch
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.loss import chunk_rows

_FLOAT = 4  # bytes
_LOGITS = 3  # a chunk of logits, its softmax, and its gradient
_MOMENTS = {"sgd": 0}  # numbers that an optimizer keeps for each weight; the others keep two
# Operations whose result lies where their input does.
_VIEWS = ("Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "EnsureShape")
# Operations whose result is no activation: weights, constants, inputs and seeds.
_NO_ACTIVATIONS = ("ReadVariableOp", "Const", "Placeholder", "VarHandleOp", "Shape")


def training_memory(
    language_model: LanguageModel, settings: TrainingSettings, batch_size: int
) -> int:
    """Return about how many bytes training needs at most.

    These are the weights, their gradient and the optimizer's moments; what the forward pass keeps
    for the backward pass; and the logits of one chunk.
    """
    rows, vocabulary_size = (
        batch_size * language_model.context_length,
        language_model.vocabulary_size,
    )
    if hasattr(language_model.model, "project"):
        rows = chunk_rows(rows, vocabulary_size)
    trained = _numbers(language_model.model.trainable_variables)
    parts = parts_of_batch(batch_size, language_model.context_length)
    gradients = max(parts, 1 + (settings.accumulate > 1))
    copies = gradients + _kept_numbers(settings)
    return (
        weight_bytes(language_model)
        + _FLOAT * copies * trained
        + _kept_activations(language_model, batch_size, settings.recompute)
        + _LOGITS * _FLOAT * rows * vocabulary_size
    )


def checkpoint_bytes(language_model: LanguageModel, settings: TrainingSettings) -> int:
    """Return about how many bytes a checkpoint takes: the weights and the optimizer's moments."""
    trained = _numbers(language_model.model.trainable_variables)
    return weight_bytes(language_model) + _FLOAT * _kept_numbers(settings) * trained


def _kept_numbers(settings: TrainingSettings) -> int:
    """Return how many numbers an optimizer keeps for each weight at most."""
    return _MOMENTS.get(settings.optimizer, 2) + (settings.average > 0)


def weight_bytes(language_model: LanguageModel) -> int:
    """Return the bytes of a model's variables, which are there once it is built."""
    return _FLOAT * _numbers(language_model.model.variables)


def _numbers(variables: Sequence[Any]) -> int:
    return sum(int(math.prod(each.shape)) for each in variables)


def _kept_activations(language_model: LanguageModel, batch_size: int, recompute: bool) -> int:
    """Return the bytes of the forward pass that the backward pass reads, and of their gradient."""
    model = language_model.model
    optional = {"project": False} if hasattr(model, "project") else {}
    borders: list[int] = []

    def differentiate(token_ids: Any) -> Any:
        variables = [each.value for each in model.trainable_variables]
        with tf.GradientTape() as tape:
            outputs = tf.cast(model(token_ids, training=True, **optional), tf.float32)
        borders.append(len(tf.compat.v1.get_default_graph().get_operations()))
        tape.gradient(outputs, variables)
        return tf.zeros(())

    tokens = tf.TensorSpec((batch_size, language_model.context_length), tf.int32)
    before = getattr(model, "recompute", None)
    if before is not None:
        model.recompute = recompute
    try:
        traced = tf.function(differentiate, autograph=False)
        graph = traced.get_concrete_function(tokens).graph
    finally:
        if before is not None:
            model.recompute = before
    sizes = _sizes_read_across(graph.get_operations(), borders[0])
    return sum(sizes) + 2 * max(sizes, default=0)


def _sizes_read_across(operations: list[Any], border: int) -> list[int]:
    """Return the bytes of each tensor made before the border and read after it."""
    before = {operation.name for operation in operations[:border]}
    kept: dict[str, int] = {}
    for operation in operations[border:]:
        for tensor in operation.inputs:
            if tensor.op.name not in before:
                continue
            source = _source(tensor)
            if source.op.type not in _NO_ACTIVATIONS and source.dtype.is_floating:
                sizes = [0] if source.shape.rank is None else source.shape.as_list()
                known = [1 if size is None else size for size in sizes]
                kept[source.name] = math.prod(known) * source.dtype.size
    return list(kept.values())


def _source(tensor: Any) -> Any:
    """Return the tensor whose memory a view shares."""
    while tensor.op.type in _VIEWS:
        tensor = tensor.op.inputs[0]
    return tensor
