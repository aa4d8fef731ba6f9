"""Steps and stages that TensorFlow computes: for any model, on a GPU, and while it is trained.

A step is compiled once for a number of rows; its program takes and returns the states.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from textgen_core.components import History
from textgen_core.errors import OutOfMemory, PluginFailure, component_errors, reason_of
from textgen_core.generation import transforming
from textgen_core.generation.chain import Chain
from textgen_core.generation.faults import MODEL
from textgen_core.generation.runtime import Runtime, Values
from textgen_core.generation.steps import Stages, Steps
from textgen_core.models.devices import UNCOMPILABLE, available_memory
from textgen_core.models.language_model import LanguageModel

READ_ONE_BY_ONE = 64  # tokens, which beats tracing the way to feed them at once
FED_AT_ONCE = 1024  # tokens, so that a long prompt needs bounded memory
SHARE = 0.5  # of the free memory that the texts of a group may take
COPIES = 3  # of a model's state: what a step reads, what it writes, and what it returns
LOGITS = 12  # arrays as large as the logits in a step, samplers included
MIXED = 3  # more of them where counts are mixed with the network


class TensorFlowRuntime(Runtime):
    """Computes with a model that TensorFlow holds; its weights may change between two texts."""

    name = "tensorflow"
    is_bound_by_memory = True

    def __init__(self, language_model: LanguageModel) -> None:
        """Prepare to compute; nothing is compiled yet."""
        self.language_model = language_model
        self.reader = language_model
        self.state_capacity = language_model.state_capacity
        self._compiled: dict[Any, _Compiled] = {}

    def rows_for(
        self, texts: int, *, capacity: int = 0, stages: int = 1, alternatives: int = 0
    ) -> int:
        """Return how many rows fit into memory: as many as there are texts, or a power of two."""
        available = available_memory()
        if available is None or texts == 1:
            return texts
        need = self._bytes_of_row(capacity, stages, alternatives)
        fitting = max(1, int(SHARE * available / need))
        return texts if texts <= fitting else 1 << (fitting.bit_length() - 1)

    def _steps(self, rows: int, compile_with: str, **_: bool) -> Steps:
        """Return the model's steps for so many rows, compiled once."""
        return _TensorFlowSteps(self, rows, compile_with)

    def stages(
        self, chain: Chain, values: Values, *, rows: int, capacity: int, compile_with: str = "graph"
    ) -> Stages:
        """Return the chain's stages, compiled once for the same rows and capacity."""
        return _TensorFlowStages(self, chain, values, rows, capacity, compile_with)

    def compiled(self, key: Any, function: Callable[..., Any], compile_with: str) -> _Compiled:
        """Return what compiles a function, which is kept by its key."""
        key = (key, compile_with)
        if key not in self._compiled:
            self._compiled[key] = _Compiled(self, function, compile_with)
        return self._compiled[key]

    def _bytes_of_row(self, capacity: int, stages: int, alternatives: int) -> int:
        """Return about how many bytes one more row takes."""
        model = self.language_model
        state = tf.nest.flatten(model.initial_state(1))
        held = sum(tf.convert_to_tensor(each).shape.num_elements() for each in state)
        logits = model.vocabulary_size * (LOGITS + stages + (0 if model.counts is None else MIXED))
        if not model.can_advance:  # logits of the whole window, and what they are made of
            logits += 2 * model.context_length * model.vocabulary_size
        written = 3 * capacity + capacity * alternatives * (2 + 3 * stages)
        return 4 * int(COPIES * held + logits + written)


class _Compiled:
    """A function compiled for arguments of the shapes that it was called with first.

    It is bound to them: to inspect its arguments at each call takes TensorFlow longer than some
    tokens take.
    """

    def __init__(
        self, runtime: TensorFlowRuntime, function: Callable[..., Any], compile_with: str
    ) -> None:
        self._runtime, self._function, self.compiled_with = runtime, function, compile_with
        self._program: Any = None

    def __call__(self, *arguments: Any) -> Any:
        with _tensor_errors():
            if self._program is None:
                self._program = self._compile(arguments)
            return self._program(*arguments)

    def _compile(self, arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            if self.compiled_with == "xla":
                try:
                    return self._traced(arguments, jit_compile=True)
                except UNCOMPILABLE:
                    self.compiled_with = "graph"
            return self._traced(arguments, jit_compile=False)
        finally:
            self._runtime.compile_seconds += time.perf_counter() - start

    def _traced(self, arguments: Any, *, jit_compile: bool) -> Any:
        # A partial, since TensorFlow warns of a function that is compiled again and again.
        function = functools.partial(self._function)
        traced = tf.function(function, jit_compile=jit_compile, autograph=False)
        program = traced.get_concrete_function(*arguments)
        program(*arguments)  # under XLA this is what compiles it
        return program


class _TensorFlowSteps(Steps):
    """A model's steps for a number of rows."""

    def __init__(self, runtime: TensorFlowRuntime, rows: int, compile_with: str) -> None:
        self.rows = rows
        self._model = runtime.language_model
        self._advance = runtime.compiled(("steps", rows), self._advance_once, compile_with)
        self._state: Any = None

    @property
    def compiled_with(self) -> str:
        return self._advance.compiled_with

    def restart(self) -> None:
        with component_errors(MODEL):
            state = self._model.initial_state(self.rows)
            self._state = tf.nest.map_structure(tf.convert_to_tensor, state)

    def feed(self, token_ids: np.ndarray) -> None:
        time = token_ids.shape[1]
        if time <= READ_ONE_BY_ONE and self._model.can_advance:
            for place in range(time):
                self.advance(token_ids[:, place])
            return
        for start in range(0, time, FED_AT_ONCE):
            with _tensor_errors(), component_errors(MODEL):
                # As single operations: every length of a prompt would be a program to compile.
                part = tf.constant(token_ids[:, start : start + FED_AT_ONCE])
                self._state = _like(self._model.feed(part, self._state), self._state)

    def advance(self, token_ids: np.ndarray) -> np.ndarray:
        logits, self._state = self._advance(tf.constant(token_ids[:, None]), self._state)
        return np.asarray(logits)

    def _advance_once(self, token_ids: Any, state: Any) -> Any:
        with component_errors(MODEL):
            logits, after = self._model.advance_to_last(token_ids, state)
            return logits, _like(after, state)


class _TensorFlowStages(Stages):
    """A chain's stages for a number of rows: all samplers in one program."""

    def __init__(
        self,
        runtime: TensorFlowRuntime,
        chain: Chain,
        values: Values,
        rows: int,
        capacity: int,
        compile_with: str,
    ) -> None:
        self._runtime, self._chain, self._rows = runtime, chain, rows
        self._compile_with = compile_with
        self._values = tuple(map(transforming.option_tensors, chain.links, values))
        self._states: tuple[Any, ...] = ()
        self.widen(capacity)

    def restart(self) -> None:
        size = self._runtime.reader.vocabulary_size
        self._states = tuple(
            transforming.initial_state(link, self._rows, size, values)
            for link, values in zip(self._chain.links, self._values, strict=True)
        )

    def widen(self, capacity: int) -> None:
        key = ("stages", self._chain, self._rows, capacity)
        self._transform = self._runtime.compiled(key, self._transform_all, self._compile_with)

    def transform(
        self, logits: np.ndarray, history: History, is_drawing: np.ndarray
    ) -> list[np.ndarray]:
        if not self._chain.links:
            return []
        seen = (history.token_ids, history.length, history.prompt_length)
        given = [tf.constant(each) for each in (logits, *seen, is_drawing)]
        stages, self._states = self._transform(*given, self._states, self._values)
        return [np.asarray(stage) for stage in stages]

    def _transform_all(
        self, logits: Any, *arguments: Any
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        token_ids, length, prompt_length, is_drawing, states, all_values = arguments
        history = History(token_ids=token_ids, length=length, prompt_length=prompt_length)
        stages, new_states = [], []
        for link, state, values in zip(self._chain.links, states, all_values, strict=True):
            logits, new_state = transforming.transform(link, logits, history, state, values)
            stages.append(logits)
            new_states.append(_keep_rows(is_drawing, new_state, state))
        return tuple(stages), tuple(new_states)


@contextmanager
def _tensor_errors() -> Iterator[None]:
    """Turn what TensorFlow raises while it computes into errors of ours."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OutOfMemory(
            "The samples do not fit into memory together.",
            advice="Write fewer at a time, or use a smaller model.",
        ) from error
    except tf.errors.OpError as error:
        raise PluginFailure(f"{MODEL} or a sampler failed: {reason_of(error)}") from error


def _keep_rows(is_drawing: Any, new_state: Any, state: Any) -> Any:
    """Return the new state, with the old one in rows that draw nothing yet.

    A tensor whose first dimension is not the batch belongs to no row, and is always the new one.
    """
    batch_size = is_drawing.shape[0]

    def keep(new: Any, old: Any) -> Any:
        if old.shape.rank == 0 or old.shape[0] != batch_size:
            return new
        flags = tf.reshape(is_drawing, (batch_size,) + (1,) * (old.shape.rank - 1))
        return tf.where(flags, new, old)

    return tf.nest.map_structure(keep, new_state, state)


def _like(state: Any, before: Any) -> Any:
    """Return the state, having checked that it keeps its structure, shapes and dtypes."""

    def check(new: Any, old: Any) -> Any:
        new = tf.convert_to_tensor(new)
        if new.dtype != old.dtype or not new.shape.is_compatible_with(old.shape):
            raise PluginFailure(
                f"{MODEL} turned a state of shape {old.shape}, {old.dtype.name} "
                f"into one of shape {new.shape}, {new.dtype.name}.",
                "Allowed: a state that keeps its structure, shapes and dtypes.",
            )
        return tf.ensure_shape(new, old.shape)

    with component_errors(MODEL):
        return tf.nest.map_structure(check, state, before)
