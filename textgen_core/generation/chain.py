"""The samplers in their order: bound, given their state and options, and held to their contract.

A traced option is an input of the compiled loop, so that another value needs no other program. The
model's own logits pass the same checks first.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import tensorflow as tf
import tokenizers

from textgen_core.components import History, Sampler, options_of
from textgen_core.errors import PluginFailure, component_errors, reason_of

# What is wrong with a row of logits, by the highest of its tokens; a masked token has -inf.
ALL_MASKED, SOUND, UNMASKED, NOT_A_NUMBER = range(-1, 3)

MODEL = "The model"
PROBLEMS = {
    ALL_MASKED: "{} excluded every token. Fewer or milder samplers leave some to draw.",
    UNMASKED: "{} gave a finite logit to a token that was excluded.",
    NOT_A_NUMBER: "{} returned logits that are NaN or +infinity.",
}
CONTRACT = "Allowed: a finite logit, or -inf for an excluded token; what came in as -inf stays so."

_DTYPES: dict[type, Any] = {int: tf.int32, float: tf.float32}  # of options that are tensors
Options = tuple[Mapping[str, Any], ...]  # for each sampler, scalars by the name of the option


class Faults(NamedTuple):
    """The first fault of each row, int32 `(batch,)` both.

    kind: SOUND, or one of PROBLEMS; stage: whose it is, 0 the model, i the i-th sampler.
    """

    stage: Any
    kind: Any


def no_faults(batch_size: int) -> Faults:
    """Return the faults of rows that have none."""
    return Faults(stage=tf.zeros((batch_size,), tf.int32), kind=tf.fill((batch_size,), SOUND))


class Transformed(NamedTuple):
    """What a chain made of logits.

    stages: float32 `(batch, vocabulary)` each: the model's logits without the suppressed tokens,
    then what each sampler made of them, the last to draw from; states: the samplers' next ones.
    """

    stages: tuple[Any, ...]
    states: tuple[Any, ...]
    faults: Faults


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
        self._links = [
            _link(sampler, f"The sampler {label}", tokenizer)
            for sampler, label in zip(samplers, labels, strict=True)
        ]
        self._excluded = tuple(excluded)

    def is_compatible(self, samplers: Sequence[Sampler]) -> bool:
        """Whether `samplers` are those of the chain, but for numbers that `options` takes."""
        if len(samplers) != len(self._links):
            return False
        return all(map(_Link.is_compatible, self._links, samplers))

    def options(self, samplers: Sequence[Sampler]) -> Options:
        """Return the values of the traced options in compatible samplers, as scalar tensors."""
        return tuple(
            {name: _scalar(getattr(sampler, name), dtype) for name, dtype in link.dtypes.items()}
            for link, sampler in zip(self._links, samplers, strict=True)
        )

    def initial_states(
        self, batch_size: int, vocabulary_size: int, options: Options | None = None
    ) -> tuple[Any, ...]:
        """Return each sampler's state before the first token: a nest of tensors, or ().

        options: as `options` returns them; None: those that the chain was made with.
        """
        values = options or ({},) * len(self._links)
        pairs = zip(self._links, values, strict=True)
        return tuple(link.initial_state(batch_size, vocabulary_size, own) for link, own in pairs)

    def transform(
        self,
        logits: Any,
        history: History,
        states: tuple[Any, ...],
        is_drawing: Any,
        options: Options,
        bias: Any = None,
    ) -> Transformed:
        """Return what the samplers make of the logits, one after the other.

        logits: float32 `(batch, vocabulary)`, the model's own. is_drawing: bool `(batch,)`; the
        states of the other rows, which are still reading their prompts, stay as they are.
        options: as `options` returns them. bias: float32 `(batch, vocabulary)`, added beforehand;
        -inf excludes a token.
        """
        faults = no_faults(logits.shape[0])._replace(kind=_fault_kind(logits, logits))
        excluded = tf.constant([token in self._excluded for token in range(logits.shape[1])])[None]
        if bias is not None:
            excluded |= bias == -float("inf")
            logits += bias
        logits = tf.where(excluded, -float("inf"), logits)
        stages, new_states = [logits], []
        parts = zip(self._links, states, options, strict=True)
        for number, (link, state, values) in enumerate(parts, start=1):
            after, new_state = link.transform(logits, history, state, values)
            with component_errors(link.name):
                new_states.append(_keep_rows(is_drawing, new_state, state))
            is_first = faults.kind == SOUND
            faults = Faults(
                stage=tf.where(is_first, number, faults.stage),
                kind=tf.where(is_first, _fault_kind(logits, after), faults.kind),
            )
            logits = after
            stages.append(logits)
        return Transformed(tuple(stages), tuple(new_states), faults)

    def failure(self, stage: int, kind: int) -> PluginFailure:
        """Return the error for a fault that `transform` found."""
        name = MODEL if stage == 0 else self._links[stage - 1].name
        return PluginFailure(PROBLEMS[kind].format(name), CONTRACT)


@attrs.frozen(kw_only=True, eq=False)
class _Link:
    """One sampler of a chain.

    given: as it was requested; bound: to the tokenizer. traced, arguments: the options, with their
    dtypes, that are set on a copy, and those that `transform` takes, which is the older way.
    """

    given: Sampler
    bound: Sampler
    name: str
    traced: Mapping[str, Any]
    arguments: Mapping[str, Any]

    @property
    def dtypes(self) -> dict[str, Any]:
        return {**self.traced, **self.arguments}

    def is_compatible(self, sampler: Sampler) -> bool:
        if type(sampler) is not type(self.given):
            return False
        same = {name: getattr(self.given, name) for name in self.dtypes}
        return bool(_with_fields(sampler, same) == self.given)

    def initial_state(self, batch_size: int, vocabulary_size: int, values: Any) -> Any:
        if not hasattr(self.bound, "initial_state"):
            return ()
        with component_errors(self.name):
            sampler: Any = self._with_traced(values)
            state = sampler.initial_state(batch_size, vocabulary_size)
            return tf.nest.map_structure(tf.convert_to_tensor, state)

    def transform(self, logits: Any, history: History, state: Any, values: Any) -> Any:
        """Return what the sampler makes of the logits, and its next state."""
        keeps_state = hasattr(self.bound, "initial_state")
        given = (logits, history, state) if keeps_state else (logits, history)
        arguments = {name: values[name] for name in self.arguments}

        def call(sampler: Sampler) -> Any:
            return sampler.transform(*given, **arguments)

        with component_errors(self.name):
            try:
                found = call(self._with_traced(values))
            except Exception as error:
                self._check_python_use(call, values, error)
                raise
            after, new_state = found if keeps_state else (found, ())
            after = tf.convert_to_tensor(after)
        if after.dtype != tf.float32 or not after.shape.is_compatible_with(logits.shape):
            raise PluginFailure(
                f"{self.name} returned logits of shape {after.shape}, {after.dtype.name}.",
                f"Allowed: those that it was given, {logits.shape}, float32.",
            )
        return tf.ensure_shape(after, logits.shape), new_state

    def _with_traced(self, values: Mapping[str, Any]) -> Sampler:
        return _with_fields(self.bound, {name: values[name] for name in self.traced if values})

    def _check_python_use(self, call: Any, values: Mapping[str, Any], error: Exception) -> None:
        """Raise PluginFailure if `call` fails only because a traced option is a tensor."""
        if not self.traced or not _succeeds(call, self.bound):
            return
        one_each = {name: _with_fields(self.bound, {name: values[name]}) for name in self.traced}
        misused = [name for name, sampler in one_each.items() if not _succeeds(call, sampler)]
        raise PluginFailure(
            f"{self.name} uses its traced option {' and '.join(misused or self.traced)} "
            f"where Python needs a number: {reason_of(error)}",
            "Allowed: TensorFlow operations, such as tf.where in place of `if`.",
            "Leave traced=True out of an option that decides what is compiled.",
        ) from error


def _link(sampler: Sampler, name: str, tokenizer: tokenizers.Tokenizer) -> _Link:
    bound = sampler
    if hasattr(sampler, "bind"):
        with component_errors(name):
            bound = sampler.bind(tokenizer)
        if not callable(getattr(bound, "transform", None)):
            raise PluginFailure(
                f"{name}: bind returned {type(bound).__name__}, not a sampler.",
                "Allowed: a sampler, or the same one.",
            )
    options = options_of(type(sampler)) if attrs.has(type(sampler)) else ()
    numeric = {each.name: _DTYPES[each.type] for each in options if each.type in _DTYPES}
    declared = inspect.signature(bound.transform).parameters
    arguments = {each: dtype for each, dtype in numeric.items() if each in declared}
    for each in arguments:
        warnings.warn(
            f"{name}: options as arguments of transform are removed in textgen 0.3. Declare "
            f"{each} with option(..., traced=True), and read self.{each}.",
            DeprecationWarning,
            stacklevel=2,
        )
    # What `bind` made of an option is not the option: it is built into the program.
    traced = {
        each.name: numeric[each.name]
        for each in options
        if each.rules.traced
        and each.name in numeric
        and getattr(bound, each.name, None) == getattr(sampler, each.name)
    }
    return _Link(given=sampler, bound=bound, name=name, traced=traced, arguments=arguments)


def _with_fields(sampler: Sampler, values: Mapping[str, Any]) -> Sampler:
    """Return a copy with other values, tensors perhaps: no converter or validator sees them."""
    if not values:
        return sampler
    other = copy.copy(sampler)
    for name, value in values.items():
        object.__setattr__(other, name, value)
    return other


def _succeeds(call: Any, sampler: Sampler) -> bool:
    try:
        call(sampler)
    except Exception:
        return False
    return True


def _scalar(value: float, dtype: Any) -> Any:
    """Return an option's value as a tensor; one beyond all int32 means as much as the largest."""
    return tf.constant(min(value, dtype.max) if dtype.is_integer else value, dtype)


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


def _fault_kind(before: Any, after: Any) -> Any:
    """Return int32 `(batch,)`: how `after` breaks the contract, or SOUND."""
    infinity = float("inf")
    # As floats: XLA is slow at a maximum of whole numbers.
    finite = tf.where(before > -infinity, float(SOUND), float(UNMASKED))
    kind = tf.where(after > -infinity, finite, float(ALL_MASKED))
    kind = tf.where(after < infinity, kind, float(NOT_A_NUMBER))  # NaN is not below it
    return tf.cast(tf.reduce_max(kind, axis=1), tf.int32)
