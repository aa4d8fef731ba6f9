"""A language model from a builder, and a table of what was built.

The model is built under the run's seed and dtype policy, with no data drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import keras
import numpy as np
import tensorflow as tf
import tokenizers

from textgen_core.config.settings import CorpusSettings
from textgen_core.errors import PluginFailure
from textgen_core.models.bounds import Bounds, bounds_of_memory, within
from textgen_core.models.devices import POLICIES
from textgen_core.models.language_model import LanguageModel
from textgen_core.registry.own_keras import check_keras
from textgen_core.registry.selection import ResolvedComponent

_EVEN = 8  # what the widths of a fast product in half precision are multiples of


@attrs.frozen(kw_only=True)
class LayerRow:
    """A line of the layer table: output shapes for a batch of 1 and for the batch of the run."""

    name: str
    kind: str
    output_for_one: str
    output_for_batch: str
    parameters: int


@attrs.frozen(kw_only=True)
class ModelDescription:
    """What was built. memory_bytes estimates the peak of training, for the run's batch."""

    layers: tuple[LayerRow, ...]
    parameters: int
    memory_bytes: int
    vocabulary_size: int
    context_length: int
    batch_size: int
    precision: str


def build_language_model(
    chosen: ResolvedComponent,
    tokenizer: tokenizers.Tokenizer,
    *,
    context_length: int,
    precision: str,
    seed: int,
    cleaning: CorpusSettings | None = None,
    bounds: Bounds | None = None,
) -> LanguageModel:
    """Return the untrained model of a builder with its tokenizer.

    cleaning: how its corpus was cleaned, and texts for it will be. bounds: how much may be built;
    by default what fits into memory. Raises their error beyond, PluginFailure if the builder
    raises, or if the model breaks its contract, and ConfigurationError if Keras is set so that the
    model would be another one.
    """
    check_keras()
    vocabulary_size = tokenizer.get_vocab_size(with_added_tokens=True)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        with chosen.errors(), _seeded(seed), within(bounds or bounds_of_memory()):
            model = chosen.instance.build(vocabulary_size, context_length)
            found = LanguageModel(
                model=model, tokenizer=tokenizer, context_length=context_length, cleaning=cleaning
            )
            found.check()
    finally:
        keras.config.set_dtype_policy(before)
    return found


def initialise(chosen: ResolvedComponent, language_model: LanguageModel) -> None:
    """Let the builder load pretrained weights; called once, before step 0."""
    with chosen.errors():
        chosen.instance.initialise(language_model.model)


def describe_model(
    language_model: LanguageModel, *, batch_size: int, precision: str, memory_bytes: int
) -> ModelDescription:
    """Trace the model for a batch of 1 and for that of the run; return the table of its layers.

    Nothing is computed. `memory_bytes` is what training is expected to need.
    """
    for_one = _output_shapes(language_model, 1)
    for_batch = _output_shapes(language_model, batch_size)
    model = language_model.model
    return ModelDescription(
        layers=tuple(
            LayerRow(
                name=layer.name,
                kind=type(layer).__name__,
                output_for_one=for_one.get(layer.name, "-"),
                output_for_batch=for_batch.get(layer.name, "-"),
                parameters=layer.count_params(),
            )
            for layer in model.layers
        ),
        parameters=model.count_params(),
        memory_bytes=memory_bytes,
        vocabulary_size=language_model.vocabulary_size,
        context_length=language_model.context_length,
        batch_size=batch_size,
        precision=precision,
    )


def check_logits(language_model: LanguageModel, *, batch_size: int) -> None:
    """Run a synthetic batch, in which every token id occurs, through the untrained model.

    Raises PluginFailure if its logits are not finite, or not one for each token of the vocabulary.
    """
    size, length = language_model.vocabulary_size, language_model.context_length
    token_ids = np.resize(np.arange(size, dtype=np.int32), (batch_size, length))
    logits = tf.function(language_model.model, autograph=False)(tf.constant(token_ids))
    wanted = (batch_size, length, size)
    if tuple(logits.shape) != wanted:
        raise PluginFailure(
            f"The model turns token ids of shape {token_ids.shape} into logits of shape "
            f"{tuple(logits.shape)}.",
            f"Allowed: {wanted}.",
        )
    if not bool(tf.reduce_all(tf.math.is_finite(tf.cast(logits, tf.float32)))):
        raise PluginFailure("The untrained model gives logits that are not finite.")


def width_advice(language_model: LanguageModel, precision: str) -> str:
    """Return a warning of widths that slow down half precision; empty if there is none.

    Half precision is computed in blocks of 8. The widths are the sizes of the matrices; that of the
    vocabulary is named as such.
    """
    if precision == "float32":
        return ""
    odd: dict[int, str] = {}
    for variable in language_model.model.trainable_variables:
        for size in variable.shape if len(variable.shape) == 2 else ():
            if size % _EVEN:
                odd.setdefault(size, _owner(variable))
    if language_model.vocabulary_size in odd:
        odd[language_model.vocabulary_size] = "the vocabulary with its 4 special tokens"
    if not odd:
        return ""
    named = [f"{size:,} ({owner})" for size, owner in odd.items()]
    more = f" and {len(named) - 4} more" if len(named) > 4 else ""
    return (
        f"In {precision} these widths slow the products down, as no multiples of {_EVEN}: "
        f"{', '.join(named[:4])}{more}."
    )


def _owner(variable: Any) -> str:
    """Return a variable's path without the model's name and without the kind of weight."""
    parts = str(variable.path).split("/")
    return "/".join(parts[1:-1] if len(parts) > 2 else parts[:1])


def _output_shapes(language_model: LanguageModel, batch_size: int) -> dict[str, str]:
    """Return each layer's output shape in a forward pass that is only traced."""
    outputs: dict[str, tuple[int, ...]] = {}
    time = language_model.context_length
    with _watched(language_model.model.layers, outputs):
        # On a fresh trace: nothing is computed, only shapes are followed.
        tf.function(language_model.model, autograph=False).get_concrete_function(
            tf.TensorSpec((batch_size, time), tf.int32)
        )
    return {
        # Layers that put time first are shown like the others: batch, time, width.
        name: str((batch_size, time, *shape[2:]) if shape[:2] == (time, batch_size) else shape)
        for name, shape in outputs.items()
    }


@contextmanager
def _watched(layers: list[Any], outputs: dict[str, tuple[int, ...]]) -> Iterator[None]:
    """Record the shape of each layer's (first) output while the block runs."""

    def watch(layer: Any, call: Any) -> Any:
        def recording(*args: Any, **options: Any) -> Any:
            output = call(*args, **options)
            first = tf.nest.flatten(output)[0]
            if first is not None:  # a layer may be there for its losses alone
                outputs[layer.name] = tuple(size or 1 for size in first.shape)
            return output

        return recording

    for layer in layers:
        object.__setattr__(layer, "call", watch(layer, layer.call))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Run a block under a seed, and leave the random state of others as it was."""
    python, legacy = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(seed)  # Python's, numpy's, TensorFlow's, and Keras's own
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
