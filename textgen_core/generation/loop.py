"""The compiled loop: feed a token, transform the logits, draw the next one, all rows together.

One program serves any number of tokens: how far a call goes is an argument of it. Under XLA the
model's state is updated in place. The loop sees token ids, no text: between two calls of it the
caller reads what was written.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from textgen_core.components import History
from textgen_core.errors import OutOfMemory, PluginFailure, component_errors, reason_of
from textgen_core.generation.chain import MODEL, SOUND, Chain, Options, no_faults
from textgen_core.generation.decode_state import Batch, DecodeState
from textgen_core.generation.drawing import draw
from textgen_core.generation.trace_recorder import empty_records, record, written
from textgen_core.models.devices import UNCOMPILABLE
from textgen_core.models.language_model import LanguageModel

READ_IN_LOOP = 64  # tokens of a prompt that are read one by one, which beats the way to feed them


class Loop:
    """The loop for one batch size and one capacity, which is that of a row in tokens.

    compiled_with: "xla" or "graph": as requested, but for what XLA cannot compile.
    compile_seconds: the time spent on compiling so far.
    """

    def __init__(
        self, language_model: LanguageModel, chain: Chain, capacity: int, compile_with: str = "xla"
    ) -> None:
        """Prepare a loop; nothing is compiled yet."""
        self.language_model = language_model
        self.chain = chain
        self.compiled_with = compile_with
        self.compile_seconds = 0.0
        self._capacity = capacity
        self._state_capacity = language_model.state_capacity
        self._program: Any = None
        self._refill: Any = None

    def initial_state(
        self,
        prompts: Sequence[Sequence[int]],
        options: Options,
        alternatives: int = 0,
        guided: Sequence[int] = (),
    ) -> DecodeState:
        """Return the state before the first token, or at the end of the shortest long prompt.

        options: the traced ones. guided: of each prompt the guide's state after it, by default the
        first. With `alternatives` the loop records a trace, and so many tokens
        at each step.
        """
        batch_size, vocabulary_size = len(prompts), self.language_model.vocabulary_size
        records: Any = ()
        if alternatives:
            shown = min(alternatives, vocabulary_size)
            records = empty_records(batch_size, self._capacity, shown, stages=1 + len(options))
        token_ids = np.zeros((batch_size, self._capacity), np.int32)
        for row, prompt in zip(token_ids, prompts, strict=True):
            row[: len(prompt)] = prompt
        with component_errors(MODEL):
            model_state = self.language_model.initial_state(batch_size)
        shortest = min(len(prompt) for prompt in prompts)
        return DecodeState(
            length=tf.constant(shortest if shortest > READ_IN_LOOP else 1),
            prompt_lengths=tf.constant([len(prompt) for prompt in prompts], tf.int32),
            guided=tf.constant(guided or [0] * batch_size, tf.int32),
            token_ids=tf.constant(token_ids),
            log_probabilities=tf.zeros(token_ids.shape),
            is_open=tf.fill((batch_size,), True),
            faults=no_faults(batch_size),
            model_state=tf.nest.map_structure(tf.convert_to_tensor, model_state),
            sampler_states=self.chain.initial_states(batch_size, vocabulary_size, options),
            records=records,
        )

    def prepare(self, state: DecodeState, batch: Batch) -> None:
        """Compile, unless that is done."""
        if self._program is None:
            self._compile(state, batch)

    def prefill(self, state: DecodeState, batch: Batch) -> DecodeState:
        """Compile, unless that is done, and feed all but the last of the tokens read at once."""
        self.prepare(state, batch)
        count = int(state.length) - 1
        held = held_after(count, self._state_capacity)
        if not held:
            return state
        window = state.token_ids[:, count - held : count]
        with component_errors(MODEL):
            # As single operations: every length of a prompt would be a program to compile.
            fed = self.language_model.feed(window, state.model_state)
        return state._replace(model_state=_like(fed, state.model_state))

    def decode(self, state: DecodeState, batch: Batch, count: int) -> DecodeState:
        """Read or draw up to `count` more tokens in every row.

        Fewer, if every text ends before, if a fault is found, or if the rows or the model's state
        are full.
        """
        length = int(state.length)
        count = min(count, self._capacity - length)
        if self._state_capacity is not None:
            held = held_after(length - 1, self._state_capacity)
            if held == self._state_capacity:
                state = self._refilled(state, length - 1)
                held = self._state_capacity // 2
            count = min(count, self._state_capacity - held)
        return self._run(self._program, state, batch, tf.constant(length + count))  # type: ignore[no-any-return]

    def _refilled(self, state: DecodeState, fed: int) -> DecodeState:
        """Return the state with a fresh one of the model, which holds a full one's last half."""
        assert self._state_capacity is not None  # nothing else is ever full
        window = state.token_ids[:, fed - self._state_capacity // 2 : fed]
        full = state.model_state
        if self._refill is None:
            self._refill = self._run(self._compiled, self._fresh_state, window, full)
        return state._replace(model_state=self._run(self._refill, window, full))

    def _compile(self, state: DecodeState, batch: Batch) -> None:
        """Compile for tensors of these shapes, by a call that takes no step."""
        arguments = (self._steps, state, batch, state.length)
        if self.compiled_with == "xla":
            try:
                self._program = self._compiled(*arguments)
                return
            except UNCOMPILABLE:
                self.compiled_with = "graph"
        self._program = self._run(self._compiled, *arguments)

    def _compiled(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return a function compiled for arguments of these shapes, which it was called with once.

        It is bound to them: to inspect its arguments at each call takes TensorFlow longer than some
        tokens take.
        """
        start = time.perf_counter()
        is_xla = self.compiled_with == "xla"
        try:
            # A partial, since TensorFlow warns of a function that is compiled again and again.
            traced = tf.function(functools.partial(function), jit_compile=is_xla, autograph=False)
            program = traced.get_concrete_function(*arguments)
            program(*arguments)
            return program
        finally:
            self.compile_seconds += time.perf_counter() - start

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
            state = self.language_model.initial_state(window.shape[0])
            if window.shape[1]:
                state = self.language_model.feed(window, state)
        return _like(state, full)

    def _steps(self, state: DecodeState, batch: Batch, until: Any) -> DecodeState:
        def goes_on(*variables: Any) -> Any:
            state = DecodeState(*variables)
            may_go_on = (state.length < until) & tf.reduce_all(state.faults.kind == SOUND)
            return may_go_on & tf.reduce_any(state.is_open)

        def step(*variables: Any) -> Any:
            return tuple(self._decode_step(DecodeState(*variables), batch))

        return DecodeState(*tf.while_loop(goes_on, step, tuple(state)))

    def _decode_step(self, state: DecodeState, batch: Batch) -> DecodeState:
        """Feed the last token of every row, and draw or read the next."""
        position = state.length
        logits, model_state = self._next_logits(state)  # (batch, vocabulary)
        is_drawing = position >= batch.starts
        history = History(
            token_ids=state.token_ids,
            length=tf.maximum(position, batch.starts),
            prompt_length=state.prompt_lengths,
        )
        is_guided = batch.bias.shape[0] > 1
        bias = tf.gather(batch.bias, state.guided) if is_guided else None  # (batch, vocabulary)
        transformed = self.chain.transform(
            logits, history, state.sampler_states, is_drawing, batch.options, bias
        )
        drawn = draw(transformed.stages[-1], tf.gather(batch.uniforms, position, axis=1))
        tokens = tf.where(is_drawing, drawn, tf.gather(state.token_ids, position, axis=1))
        chosen = tf.gather(logits, tokens, axis=1, batch_dims=1)
        own = chosen - tf.reduce_logsumexp(logits, axis=1)
        records = state.records
        if records:
            records = record(records, position, logits, transformed.stages, tokens)
        guided, prompt_lengths = state.guided, state.prompt_lengths
        if is_guided:
            following = tf.gather_nd(batch.follows, tf.stack([guided, tokens], axis=1))
            guided = tf.where(is_drawing, following, guided)
            prompt_lengths += tf.cast(is_drawing & (following >= batch.consumed), tf.int32)
        is_last = position + 1 >= prompt_lengths + batch.max_new_tokens
        has_ended = is_drawing & ((tokens == batch.end_id) | is_last)
        kind = tf.where(is_drawing & state.is_open, transformed.faults.kind, SOUND)
        return DecodeState(
            length=position + 1,
            prompt_lengths=prompt_lengths,
            guided=guided,
            token_ids=written(state.token_ids, tokens, position),
            log_probabilities=written(state.log_probabilities, own, position),
            is_open=state.is_open & ~has_ended,
            faults=transformed.faults._replace(kind=kind),
            model_state=model_state,
            sampler_states=transformed.states,
            records=records,
        )

    def _next_logits(self, state: DecodeState) -> Any:
        last = tf.gather(state.token_ids, state.length - 1, axis=1)[:, None]  # (batch, 1)
        with component_errors(MODEL):
            logits, after = self.language_model.advance_to_last(last, state.model_state)
        wanted = (last.shape[0], self.language_model.vocabulary_size)
        if not logits.shape.is_compatible_with(wanted):
            raise PluginFailure(
                f"{MODEL} returned logits of shape {logits.shape} for the next token.",
                f"Allowed: {wanted}, the batch and the vocabulary of its tokenizer.",
            )
        return tf.ensure_shape(logits, wanted), _like(after, state.model_state)


def held_after(count: int, capacity: int | None) -> int:
    """Return how many tokens a state holds once `count` were fed one by one.

    A full state is replaced, before the next token is fed, by a fresh one with its last half.
    """
    if capacity is None or count <= capacity:
        return count
    half = capacity // 2
    return half + 1 + (count - capacity - 1) % (capacity - half)


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
