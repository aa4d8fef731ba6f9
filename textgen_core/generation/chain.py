"""The samplers in their order: bound, given their state and options, and held to their contract.

A numeric option that a sampler's `transform` takes as an argument is passed to the compiled loop as
a number, so that another value needs no other program. The model's own logits pass the same checks
first. This module knows nothing about how a token is drawn or when a text ends; the samplers' names
are labels that the caller passes in.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import tensorflow as tf
import tokenizers

from textgen_core.components import History, Sampler, options_of
from textgen_core.errors import PluginFailure, component_errors

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

_DTYPES: dict[type, Any] = {int: tf.int32, float: tf.float32}  # of numeric options
Options = tuple[Mapping[str, Any], ...]  # for each sampler, scalars by the name of the option


@attrs.frozen(kw_only=True)
class Transformed:
    """What a chain made of logits.

    stages: float32 `(batch, vocabulary)` each: the model's logits without the tokens that are never
    drawn, then what each sampler made of them; states: the samplers' next ones; faults: int32
    `(batch,)`.
    """

    stages: tuple[Any, ...]
    states: tuple[Any, ...]
    faults: Any

    @property
    def logits(self) -> Any:
        """The logits to draw from."""
        return self.stages[-1]


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
        self.given = tuple(samplers)
        self._names = [f"The sampler {label}" for label in labels]
        self._samplers = [
            _bind(sampler, name, tokenizer)
            for sampler, name in zip(samplers, self._names, strict=True)
        ]
        self._numeric = [
            _numeric_options(sampler, bound)
            for sampler, bound in zip(samplers, self._samplers, strict=True)
        ]
        self._excluded = tuple(excluded)

    @property
    def stages(self) -> int:
        """How many stages `transform` returns: one before the samplers, and one for each."""
        return 1 + len(self._samplers)

    def serves(self, samplers: Sequence[Sampler]) -> bool:
        """Whether `samplers` are those of the chain, but for numbers that `options` takes."""
        return len(samplers) == len(self.given) and all(
            _is_like(one, other, numeric)
            for one, other, numeric in zip(samplers, self.given, self._numeric, strict=True)
        )

    def options(self, samplers: Sequence[Sampler]) -> Options:
        """Return the values that the numeric options have in `samplers`, as scalar tensors.

        samplers: those that the chain was made of, or the same ones with other numbers.
        """
        return tuple(
            {name: _scalar(getattr(sampler, name), dtype) for name, dtype in numeric.items()}
            for sampler, numeric in zip(samplers, self._numeric, strict=True)
        )

    def initial_states(self, batch_size: int, vocabulary_size: int) -> tuple[Any, ...]:
        """Return each sampler's state before the first token: a nest of tensors, or ()."""
        states = []
        for sampler, name in zip(self._samplers, self._names, strict=True):
            if not _keeps_state(sampler):
                states.append(())
                continue
            with component_errors(name):
                state = sampler.initial_state(batch_size, vocabulary_size)  # type: ignore[attr-defined]
                states.append(tf.nest.map_structure(tf.convert_to_tensor, state))
        return tuple(states)

    def transform(
        self,
        logits: Any,
        history: History,
        states: tuple[Any, ...],
        is_drawing: Any,
        options: Options,
    ) -> Transformed:
        """Return what the samplers make of the logits, one after the other.

        logits: float32 `(batch, vocabulary)`, the model's own. is_drawing: bool `(batch,)`; the
        states of the other rows, which are still reading their prompts, stay as they are.
        options: as `options` returns them.
        """
        faults = _faults(0, logits, logits)
        flags = [token in self._excluded for token in range(logits.shape[1])]
        logits = tf.where(tf.constant(flags)[None], -float("inf"), logits)
        stages, new_states = [logits], []
        parts = zip(self._samplers, self._names, states, options, strict=True)
        for stage, (sampler, name, state, numbers) in enumerate(parts, start=1):
            with component_errors(name):
                after, new_state = _transform(sampler, name, logits, history, state, numbers)
                new_states.append(_keep_rows(is_drawing, new_state, state))
            faults = tf.where(faults == 0, _faults(stage, logits, after), faults)
            logits = after
            stages.append(logits)
        return Transformed(stages=tuple(stages), states=tuple(new_states), faults=faults)

    def failure(self, fault: int) -> PluginFailure:
        """Return the error for a fault that `transform` found."""
        stage, standing = fault // 4 - 1, fault % 4
        name = MODEL if stage == 0 else self._names[stage - 1]
        advice = ""
        if standing == EXCLUDED:
            advice = "Use fewer or milder samplers: no token was left to draw."
        return PluginFailure(PROBLEMS[standing].format(name), CONTRACT, advice)


def _numeric_options(sampler: Sampler, bound: Sampler) -> dict[str, Any]:
    """Return the dtypes of the numeric options that a bound sampler's transform takes."""
    if not attrs.has(type(sampler)):
        return {}
    arguments = inspect.signature(bound.transform).parameters
    return {
        each.name: _DTYPES[each.type]
        for each in options_of(type(sampler))
        if each.type in _DTYPES and each.name in arguments
    }


def _scalar(value: float, dtype: Any) -> Any:
    """Return an option's value as a tensor; one beyond all int32 means as much as the largest."""
    return tf.constant(min(value, dtype.max) if dtype.is_integer else value, dtype)


def _is_like(one: Any, other: Any, numeric: Mapping[str, Any]) -> bool:
    """Whether two samplers are of one class and have the same options, `numeric` ones aside."""
    if type(one) is not type(other):
        return False
    if not attrs.has(type(one)):
        return one is other
    same = {name: getattr(other, name) for name in numeric}
    return bool(attrs.evolve(one, **same) == other)


def _bind(sampler: Sampler, name: str, tokenizer: tokenizers.Tokenizer) -> Sampler:
    if not hasattr(sampler, "bind"):
        return sampler
    with component_errors(name):
        bound = sampler.bind(tokenizer)
    if not callable(getattr(bound, "transform", None)):
        raise PluginFailure(
            f"{name}: bind returned {type(bound).__name__}, not a sampler.",
            "Allowed: a sampler, or the same one.",
        )
    return bound  # type: ignore[no-any-return]


def _keeps_state(sampler: Sampler) -> bool:
    return hasattr(sampler, "initial_state")


def _transform(
    sampler: Sampler,
    name: str,
    logits: Any,
    history: History,
    state: Any,
    options: Mapping[str, Any],
) -> Any:
    """Return what one sampler makes of the logits, and its next state."""
    new_state: Any = ()
    if _keeps_state(sampler):
        after, new_state = sampler.transform(logits, history, state, **options)  # type: ignore[call-arg]
    else:
        after = sampler.transform(logits, history, **options)
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
    # As floats: XLA is slow at a maximum of whole numbers.
    kept = tf.where(before > -infinity, float(SOUND), float(REVIVED))
    standing = tf.where(after > -infinity, kept, float(EXCLUDED))
    standing = tf.where(after < infinity, standing, float(NOT_A_NUMBER))  # NaN is not below it
    worst = tf.cast(tf.reduce_max(standing, axis=1), tf.int32)
    return tf.where(worst == SOUND, 0, (stage + 1) * 4 + worst)
