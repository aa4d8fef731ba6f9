"""A batch of texts: its tensors, which grow with them, and how many texts fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from textgen_core.data.tokenizer import END
from textgen_core.generation.chain import Options
from textgen_core.generation.decode_state import Batch, DecodeState
from textgen_core.generation.drawing import uniform_numbers
from textgen_core.generation.loop import Loop
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.prompts import Prompts
from textgen_core.models.devices import available_memory
from textgen_core.models.language_model import LanguageModel

SMALLEST_CAPACITY = 128  # tokens in a row; doubled for longer texts, so that few are compiled for
FIRST_TOKENS = 4096  # new tokens that a row has room for at first, however many are allowed
GROWTH = 4  # how much more room a row gets that is full
SHARE = 0.5  # of the free memory that the texts of a batch may take
COPIES = 3  # of a model's state: what the loop reads, what it writes, and what it returns
LOGITS = 12  # arrays as large as the logits in a step, samplers included


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """What a batch is written from.

    first: the number of its first row among the prompts. loop_for: the loop of a capacity.
    """

    prompts: Prompts
    first: int
    options: GenerationOptions
    sampler_options: Options
    loop_for: Callable[[int], Loop]

    @property
    def rows(self) -> int:
        """How many texts are written."""
        return len(self.prompts.rows)

    @property
    def longest(self) -> int:
        """How many tokens a row may have in the end."""
        return max(map(self._room, self.prompts.rows)) + self.options.max_new_tokens

    def first_capacity(self) -> int:
        """Return how many tokens a row has room for at first."""
        few = min(self.options.max_new_tokens, FIRST_TOKENS)
        return _power_of_two(max(map(self._room, self.prompts.rows)) + few)

    def next_capacity(self, capacity: int) -> int:
        """Return how many tokens a full row is given room for."""
        return min(capacity * GROWTH, _power_of_two(self.longest))

    def begin(self, loop: Loop) -> DecodeState:
        """Return the state before the first token."""
        prompts = [row.cut.token_ids for row in self.prompts.rows]
        alternatives, guided = self.options.alternatives, self.prompts.guide.initial
        return loop.initial_state(prompts, self.sampler_options, alternatives, guided)

    def batch(self, capacity: int) -> Batch:
        """Return what stays the same while the texts fill rows of a capacity."""
        guide = self.prompts.guide
        lengths = [len(row.cut.token_ids) for row in self.prompts.rows]
        return Batch(
            starts=tf.constant(lengths, tf.int32),
            max_new_tokens=tf.constant(self.options.max_new_tokens),
            uniforms=tf.constant(self._uniforms(lengths, capacity)),
            end_id=tf.constant(END),
            options=self.sampler_options,
            bias=tf.constant(guide.bias),
            follows=tf.constant(guide.follows),
            consumed=tf.constant(guide.consumed),
        )

    def _uniforms(self, lengths: Sequence[int], capacity: int) -> np.ndarray:
        start = self.options.first_sample + self.first
        numbers = uniform_numbers(self.options.seed, range(start, start + self.rows), capacity)
        uniforms = np.zeros((self.rows, capacity))
        for row, own, length in zip(uniforms, numbers, lengths, strict=True):
            row[length:] = own[: capacity - length]
        return uniforms

    @staticmethod
    def _room(prompt: Any) -> int:
        return len(prompt.cut.token_ids) + int(prompt.tokens_written_again)


def grown(state: DecodeState, capacity: int) -> DecodeState:
    """Return a state with room for more tokens in a row."""

    def pad(array: Any) -> Any:
        more = capacity - array.shape[1]
        return tf.pad(array, [(0, 0), (0, more), *[(0, 0)] * (array.shape.rank - 2)])

    return state._replace(
        token_ids=pad(state.token_ids),
        log_probabilities=pad(state.log_probabilities),
        records=type(state.records)(*map(pad, state.records)) if state.records else (),
    )


def rows_that_fit(
    language_model: LanguageModel, texts: int, capacity: int, stages: int, alternatives: int
) -> int:
    """Return how many of so many texts fit into memory side by side: all, or a power of two.

    capacity: tokens in a row; stages: of the chain of samplers.
    """
    available = available_memory()
    if available is None or texts == 1:
        return texts
    need = _bytes_of_row(language_model, capacity, stages, alternatives)
    fitting = max(1, int(SHARE * available / need))
    return texts if texts <= fitting else 1 << (fitting.bit_length() - 1)


def _bytes_of_row(
    language_model: LanguageModel, capacity: int, stages: int, alternatives: int
) -> int:
    """Return about how many bytes one more row takes."""
    state = tf.nest.flatten(language_model.initial_state(1))
    held = sum(tf.convert_to_tensor(each).shape.num_elements() for each in state)
    logits = language_model.vocabulary_size * (LOGITS + stages)
    if not language_model.can_advance:  # logits of the whole window, and what they are made of
        logits += 2 * language_model.context_length * language_model.vocabulary_size
    written = 4 * COPIES * capacity + capacity * alternatives * (2 + 3 * stages)
    return 4 * int(COPIES * held + logits + written)


def _power_of_two(size: int) -> int:
    return max(SMALLEST_CAPACITY, 1 << (size - 1).bit_length())
