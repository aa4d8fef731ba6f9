"""The samplers in their order: bound, given their state, and held to their contract.

The model's own logits pass the same checks first. This module knows nothing about how a token is
drawn or when a text ends; the samplers' names are labels that the caller passes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tokenizers

from textgen_core.components import History, Sampler
from textgen_core.errors import PluginFailure
from textgen_core.generation.failures import reported

# How a row of logits stands, by the worst of its entries. A fault is (stage + 1) * 4 + standing;
# stage 0 is the model, stage i the i-th sampler, and 0 is no fault.
EXCLUDED, SOUND, REVIVED, NOT_A_NUMBER = range(4)

MODEL = "The model"
PROBLEMS = {
    EXCLUDED: "{} excluded every token.",
    REVIVED: "{} gave a finite logit to a token that was excluded.",
    NOT_A_NUMBER: "{} returned logits that are NaN or +infinity.",
}
CONTRACT = "Allowed: a finite logit, or -inf for an excluded token; what came in as -inf stays so."


class Chain:
    """A chain of samplers, bound to a tokenizer."""

    def __init__(
        self,
        samplers: Sequence[Sampler],
        labels: Sequence[str],
        tokenizer: tokenizers.Tokenizer,
        excluded: Sequence[int],
    ) -> None:
        """Bind the samplers; `excluded` are the ids that are never drawn."""
        self._names = [f"The sampler {label}" for label in labels]
        self._samplers = [
            _bind(sampler, name, tokenizer)
            for sampler, name in zip(samplers, self._names, strict=True)
        ]
        self._excluded = tuple(excluded)

    def initial_states(self, batch_size: int, vocabulary_size: int) -> tuple[Any, ...]:
        """Return each sampler's state before the first token: a nest of tensors, or ()."""
        states = []
        for sampler, name in zip(self._samplers, self._names, strict=True):
            if not _keeps_state(sampler):
                states.append(())
                continue
            with reported(name):
                state = sampler.initial_state(batch_size, vocabulary_size)  # type: ignore[attr-defined]
                states.append(tf.nest.map_structure(tf.convert_to_tensor, state))
        return tuple(states)

    def transform(
        self, logits: Any, history: History, states: tuple[Any, ...], is_drawing: Any
    ) -> Any:
        """Return the logits to draw from, the next states, and the faults, int32 `(batch,)`.

        logits: float32 `(batch, vocabulary)`, the model's own. is_drawing: bool `(batch,)`; the
        states of the other rows, which are still reading their prompts, stay as they are.
        """
        faults = _faults(0, logits, logits)
        flags = [token in self._excluded for token in range(logits.shape[1])]
        logits = tf.where(tf.constant(flags)[None], -float("inf"), logits)
        new_states = []
        stages = zip(self._samplers, self._names, states, strict=True)
        for stage, (sampler, name, state) in enumerate(stages, start=1):
            with reported(name):
                after, new_state = _transform(sampler, name, logits, history, state)
                new_states.append(_keep_rows(is_drawing, new_state, state))
            faults = tf.where(faults == 0, _faults(stage, logits, after), faults)
            logits = after
        return logits, tuple(new_states), faults

    def failure(self, fault: int) -> PluginFailure:
        """Return the error for a fault that `transform` found."""
        stage, standing = fault // 4 - 1, fault % 4
        name = MODEL if stage == 0 else self._names[stage - 1]
        advice = ""
        if standing == EXCLUDED:
            advice = "Use fewer or milder samplers: no token was left to draw."
        return PluginFailure(PROBLEMS[standing].format(name), CONTRACT, advice)


def _bind(sampler: Sampler, name: str, tokenizer: tokenizers.Tokenizer) -> Sampler:
    if not hasattr(sampler, "bind"):
        return sampler
    with reported(name):
        bound = sampler.bind(tokenizer)
    if not callable(getattr(bound, "transform", None)):
        raise PluginFailure(
            f"{name}: bind returned {type(bound).__name__}, not a sampler.",
            "Allowed: a sampler, or the same one.",
        )
    return bound  # type: ignore[no-any-return]


def _keeps_state(sampler: Sampler) -> bool:
    return hasattr(sampler, "initial_state")


def _transform(sampler: Sampler, name: str, logits: Any, history: History, state: Any) -> Any:
    """Return what one sampler makes of the logits, and its next state."""
    new_state: Any = ()
    if _keeps_state(sampler):
        after, new_state = sampler.transform(logits, history, state)  # type: ignore[call-arg]
    else:
        after = sampler.transform(logits, history)
    after = tf.convert_to_tensor(after)
    if after.dtype != tf.float32 or not after.shape.is_compatible_with(logits.shape):
        raise PluginFailure(
            f"{name} returned logits of shape {after.shape}, {after.dtype.name}.",
            f"Allowed: those that it was given, {logits.shape}, float32.",
        )
    return tf.ensure_shape(after, logits.shape), new_state


def _keep_rows(is_drawing: Any, new_state: Any, state: Any) -> Any:
    """Return the new state, with the old one in rows that draw nothing yet.

    A tensor whose first dimension is not the batch belongs to no row, and is always the new one.
    """
    batch_size = is_drawing.shape[0]

    def keep(new: Any, old: Any) -> Any:
        new = tf.ensure_shape(tf.cast(new, old.dtype), old.shape)
        if old.shape.rank == 0 or old.shape[0] != batch_size:
            return new
        flags = tf.reshape(is_drawing, (batch_size,) + (1,) * (old.shape.rank - 1))
        return tf.where(flags, new, old)

    return tf.nest.map_structure(keep, new_state, state)


def _faults(stage: int, before: Any, after: Any) -> Any:
    """Return int32 `(batch,)`: how `after` breaks the contract, or 0."""
    infinity = float("inf")
    kept = tf.where(before > -infinity, SOUND, REVIVED)
    standing = tf.where(after > -infinity, kept, EXCLUDED)
    standing = tf.where(after < infinity, standing, NOT_A_NUMBER)  # a NaN is not below infinity
    worst = tf.reduce_max(standing, axis=1)
    return tf.where(worst == SOUND, 0, (stage + 1) * 4 + worst)
