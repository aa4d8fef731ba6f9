"""A sampler's `transform` in TensorFlow: called with tensors, and held to the contract.

Traced options are tensors on a copy of the sampler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from textgen_core.components import History, Sampler
from textgen_core.errors import PluginFailure, component_errors, reason_of
from textgen_core.generation.chain import Link, with_fields


def option_tensors(link: Link, values: Mapping[str, float]) -> dict[str, Any]:
    """Return the values of a link's options as scalar tensors of their dtypes."""
    return {name: tf.constant(values[name], dtype) for name, dtype in link.dtypes.items()}


def initial_state(
    link: Link, batch_size: int, vocabulary_size: int, values: Mapping[str, Any]
) -> Any:
    """Return a sampler's state before the first token: a nest of tensors, or ().

    values: the options' tensors, as `option_tensors` returns them.
    """
    if not link.keeps_state:
        return ()
    with component_errors(link.name):
        sampler: Any = _with_traced(link, values)
        state = sampler.initial_state(batch_size, vocabulary_size)
        return tf.nest.map_structure(tf.convert_to_tensor, state)


def transform(
    link: Link, logits: Any, history: History, state: Any, values: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Return what a sampler makes of logits, float32 `(batch, vocabulary)`, and its next state.

    history: of tensors; state: as `initial_state` returned it; values: the options' tensors. Raises
    PluginFailure if the sampler does, or if what it returns is of another shape or dtype.
    """
    given = (logits, history, state) if link.keeps_state else (logits, history)
    arguments = {name: values[name] for name in link.arguments}

    def call(sampler: Sampler) -> Any:
        return sampler.transform(*given, **arguments)

    with component_errors(link.name):
        try:
            found = call(_with_traced(link, values))
        except Exception as error:
            _check_python_use(link, call, values, error)
            raise
        after, new_state = found if link.keeps_state else (found, ())
        after = tf.convert_to_tensor(after)
        new_state = tf.nest.map_structure(_like, new_state, state)
    if after.dtype != tf.float32 or not after.shape.is_compatible_with(logits.shape):
        raise PluginFailure(
            f"{link.name} returned logits of shape {after.shape}, {after.dtype.name}.",
            f"Allowed: those that it was given, {logits.shape}, float32.",
        )
    return tf.ensure_shape(after, logits.shape), new_state


def _like(new: Any, old: Any) -> Any:
    return tf.ensure_shape(tf.cast(new, old.dtype), old.shape)


def _with_traced(link: Link, values: Mapping[str, Any]) -> Sampler:
    return with_fields(link.bound, {name: values[name] for name in link.traced})


def _check_python_use(link: Link, call: Any, values: Mapping[str, Any], error: Exception) -> None:
    """Raise PluginFailure if `call` fails only because a traced option is a tensor."""
    if not link.traced or not _succeeds(call, link.bound):
        return
    one_each = {name: with_fields(link.bound, {name: values[name]}) for name in link.traced}
    misused = [name for name, sampler in one_each.items() if not _succeeds(call, sampler)]
    raise PluginFailure(
        f"{link.name} uses its traced option {' and '.join(misused or link.traced)} "
        f"where Python needs a number: {reason_of(error)}",
        "Allowed: TensorFlow operations, such as tf.where in place of `if`.",
        "Leave traced=True out of an option that decides what is compiled.",
    ) from error


def _succeeds(call: Any, sampler: Sampler) -> bool:
    try:
        call(sampler)
    except Exception:
        return False
    return True
