"""The compiled loop: feed a token, transform the logits, draw the next one, all rows together.

One program serves any number of tokens: how far a call goes is an argument of it. Under XLA the
model's state is updated in place. This module knows nothing about text: it sees token ids alone,
and a caller that stops it between two calls to read what was written.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from textgen_core.components import History
from textgen_core.errors import OutOfMemory, PluginFailure, component_errors, reason_of
from textgen_core.generation.chain import MODEL, Chain
from textgen_core.generation.drawing import draw
from textgen_core.generation.trace_recorder import empty_notes, noted
from textgen_core.models.devices import UNCOMPILABLE
from textgen_core.models.language_model import LanguageModel

READ_IN_LOOP = 64  # tokens of a prompt that are read one by one, which beats the way to feed them


class Plan(NamedTuple):
    """What stays the same while a batch is written.

    prompt_lengths, ends: int32 `(batch,)`, where each row's new tokens begin and end.
    numbers: float64 `(batch, capacity)`, the uniform number for each position.
    end_id: int32, the token that ends a text.
    options: the numeric options of the samplers.
    """

    prompt_lengths: Any
    ends: Any
    numbers: Any
    end_id: Any
    options: Any


class Rows(NamedTuple):
    """What changes with every token.

    length: int32, how many tokens every row has read or written; the last is not fed yet.
    token_ids: int32 `(batch, capacity)`, prompts and new tokens, zeros after them.
    log_probabilities: float32 `(batch, capacity)`, the model's own.
    is_open: bool `(batch,)`, False where a text has ended.
    faults: int32 `(batch,)`, the chain's; the loop leaves off at the first.
    notes: what a trace is made of; () where none is wanted.
    """

    length: Any
    token_ids: Any
    log_probabilities: Any
    is_open: Any
    faults: Any
    model_state: Any
    sampler_states: Any
    notes: Any


class Loop:
    """The loop for one batch size and one capacity.

    compiled_with: "xla" or "graph": as asked for, but for what XLA cannot compile.
    compile_seconds: the time spent on compiling so far.
    """

    def __init__(
        self, language_model: LanguageModel, chain: Chain, *, compile_with: str = "xla"
    ) -> None:
        """Prepare a loop; nothing is compiled yet."""
        self._language_model = language_model
        self._state_capacity = language_model.state_capacity
        self._chain = chain
        self._program: Any = None
        self._refill: Any = None
        self.compiled_with = compile_with
        self.compile_seconds = 0.0

    def prefill(self, rows: Rows, plan: Plan) -> Rows:
        """Compile, unless that is done, and feed all but the last of the tokens read at once."""
        if self._program is None:
            start = time.perf_counter()
            self._compile(rows, plan)
            self.compile_seconds += time.perf_counter() - start
        count = int(rows.length) - 1
        held = held_after(count, self._state_capacity)
        if not held:
            return rows
        window = rows.token_ids[:, count - held : count]
        with component_errors(MODEL):
            # As single operations: every length of a prompt would be a program to compile.
            state = self._language_model.feed(window, rows.model_state)
        return rows._replace(model_state=_like(state, rows.model_state))

    def write(self, rows: Rows, plan: Plan, count: int) -> Rows:
        """Read or draw up to `count` more tokens in every row.

        Fewer, if every text ends before, if a fault is found, or if the model's state is full.
        """
        length = int(rows.length)
        if self._state_capacity is not None:
            held = held_after(length - 1, self._state_capacity)
            if held == self._state_capacity:
                rows = self._with_fresh_state(rows, length - 1)
                held = self._state_capacity // 2
            count = min(count, self._state_capacity - held)
        return self._run(self._program, rows, plan, tf.constant(length + count))  # type: ignore[no-any-return]

    def _with_fresh_state(self, rows: Rows, fed: int) -> Rows:
        """Return the rows with a state that holds the last half of a full one's tokens."""
        assert self._state_capacity is not None  # nothing else is ever full
        window = rows.token_ids[:, fed - self._state_capacity // 2 : fed]
        if self._refill is None:
            start = time.perf_counter()
            is_xla = self.compiled_with == "xla"
            self._refill = self._run(_program, self._fresh_state, is_xla, window, rows.model_state)
            self.compile_seconds += time.perf_counter() - start
        return rows._replace(model_state=self._run(self._refill, window, rows.model_state))

    def _compile(self, rows: Rows, plan: Plan) -> None:
        """Compile for rows of these shapes, by a call that takes no step."""
        if self.compiled_with == "xla":
            try:
                self._program = _program(self._steps, True, rows, plan, rows.length)
                return
            except UNCOMPILABLE:
                self.compiled_with = "graph"
        self._program = self._run(_program, self._steps, False, rows, plan, rows.length)

    def _run(self, program: Any, *arguments: Any) -> Any:
        try:
            return program(*arguments)
        except tf.errors.ResourceExhaustedError as error:
            raise OutOfMemory(
                "The samples do not fit into memory together.",
                advice="Write fewer at a time, or use a smaller model.",
            ) from error
        except tf.errors.OpError as error:
            raise PluginFailure(f"{MODEL} or a sampler failed: {reason_of(error)}") from error

    def _fresh_state(self, window: Any, full: Any) -> Any:
        with component_errors(MODEL):
            state = self._language_model.initial_state(window.shape[0])
            if window.shape[1]:
                state = self._language_model.feed(window, state)
        return _like(state, full)

    def _steps(self, rows: Rows, plan: Plan, until: Any) -> Rows:
        def goes_on(*variables: Any) -> Any:
            rows = Rows(*variables)
            may_go_on = (rows.length < until) & tf.reduce_all(rows.faults == 0)
            return may_go_on & tf.reduce_any(rows.is_open)

        def step(*variables: Any) -> Any:
            return tuple(self._step(Rows(*variables), plan))

        return Rows(*tf.while_loop(goes_on, step, tuple(rows)))

    def _step(self, rows: Rows, plan: Plan) -> Rows:
        """Feed the last token of every row, and draw or read the next."""
        position = rows.length
        logits, model_state = self._next_logits(rows)  # (batch, vocabulary)
        is_drawing = position >= plan.prompt_lengths
        history = History(
            token_ids=rows.token_ids,
            length=tf.maximum(position, plan.prompt_lengths),
            prompt_length=plan.prompt_lengths,
        )
        transformed = self._chain.transform(
            logits, history, rows.sampler_states, is_drawing, plan.options
        )
        drawn = draw(transformed.logits, tf.gather(plan.numbers, position, axis=1))
        tokens = tf.where(is_drawing, drawn, tf.gather(rows.token_ids, position, axis=1))
        is_here = (tf.range(rows.token_ids.shape[1]) == position)[None]  # (1, capacity)
        chosen = tf.gather(logits, tokens, axis=1, batch_dims=1)
        own = chosen - tf.reduce_logsumexp(logits, axis=1)
        notes = rows.notes
        if notes:
            notes = noted(notes, position, logits, transformed.stages, tokens)
        has_ended = is_drawing & ((tokens == plan.end_id) | (position + 1 >= plan.ends))
        return Rows(
            length=position + 1,
            token_ids=tf.where(is_here, tokens[:, None], rows.token_ids),
            log_probabilities=tf.where(is_here, own[:, None], rows.log_probabilities),
            is_open=rows.is_open & ~has_ended,
            faults=tf.where(is_drawing & rows.is_open, transformed.faults, 0),
            model_state=model_state,
            sampler_states=transformed.states,
            notes=notes,
        )

    def _next_logits(self, rows: Rows) -> Any:
        last = tf.gather(rows.token_ids, rows.length - 1, axis=1)[:, None]  # (batch, 1)
        with component_errors(MODEL):
            logits, state = self._language_model.advance_to_last(last, rows.model_state)
        wanted = (last.shape[0], self._language_model.vocabulary_size)
        if not logits.shape.is_compatible_with(wanted):
            raise PluginFailure(
                f"{MODEL} returned logits of shape {logits.shape} for the next token.",
                f"Allowed: {wanted}, the batch and the vocabulary of its tokenizer.",
            )
        return tf.ensure_shape(logits, wanted), _like(state, rows.model_state)


def _program(function: Callable[..., Any], is_xla: bool, *arguments: Any) -> Any:
    """Return a function compiled for arguments of these shapes, which it was called with once.

    It is bound to them: to find out anew, at each call, what it is called with takes TensorFlow
    longer than some tokens take.
    """
    # TensorFlow warns of a function that is compiled again and again: each loop brings its own.
    traced = tf.function(functools.partial(function), jit_compile=is_xla, autograph=False)
    program = traced.get_concrete_function(*arguments)
    program(*arguments)
    return program


def held_after(count: int, capacity: int | None) -> int:
    """Return how many tokens a state holds once `count` were fed one by one.

    A full state is replaced, before the next token is fed, by a fresh one with its last half.
    """
    if capacity is None or count <= capacity:
        return count
    half = capacity // 2
    return half + 1 + (count - capacity - 1) % (capacity - half)


def first_rows(
    prompts: list[list[int]],
    capacity: int,
    language_model: LanguageModel,
    chain: Chain,
    alternatives: int = 0,
) -> Rows:
    """Return rows before the first token, or at the end of the shortest prompt if it is long.

    With `alternatives` the loop takes notes for a trace, and of so many tokens at each step.
    """
    notes: Any = ()
    if alternatives:
        shown = min(alternatives, language_model.vocabulary_size)
        notes = empty_notes(len(prompts), capacity, shown, chain.stages)
    token_ids = np.zeros((len(prompts), capacity), np.int32)
    for row, prompt in zip(token_ids, prompts, strict=True):
        row[: len(prompt)] = prompt
    with component_errors(MODEL):
        state = language_model.initial_state(len(prompts))
    shortest = min(len(prompt) for prompt in prompts)
    return Rows(
        length=tf.constant(shortest if shortest > READ_IN_LOOP else 1),
        token_ids=tf.constant(token_ids),
        log_probabilities=tf.zeros(token_ids.shape),
        is_open=tf.fill((len(prompts),), True),
        faults=tf.zeros((len(prompts),), tf.int32),
        model_state=tf.nest.map_structure(tf.convert_to_tensor, state),
        sampler_states=chain.initial_states(len(prompts), language_model.vocabulary_size),
        notes=notes,
    )


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
