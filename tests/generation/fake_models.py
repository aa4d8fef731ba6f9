"""Models small enough to know what they must write, and a slow writer that says so in numpy."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from generation.letter_tokenizer import END, LETTERS, SPECIAL, START, build_tokenizer

from textgen_core.generation.drawing import uniform_numbers
from textgen_core.models.language_model import LanguageModel


def language_model(model, letters=LETTERS, context_length=16):
    return LanguageModel(
        model=model, tokenizer=build_tokenizer(letters), context_length=context_length
    )


def random_table(letters=LETTERS, seed=0, end=-3.0):
    """Logits (vocabulary, vocabulary) of what follows what; `end` is that of <END>."""
    size = len(SPECIAL) + len(letters)
    table = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32) * 2
    table[:, END] = end
    return table


def table_of(followers, letters=LETTERS):
    """Logits with which each letter is surely followed by the next of `followers`, round and round.

    A hash stands for <END>, and the first follower for what begins a text.
    """
    tokens = (*SPECIAL[:3], "#", *letters)
    table = np.full((len(tokens), len(tokens)), -50.0, np.float32)
    follower = dict(zip(followers, followers[1:] + followers[:1], strict=True))
    follower["<START>"] = followers[0]
    for token, following in follower.items():
        table[tokens.index(token), tokens.index(following)] = 0.0
    return table


class TableModel(keras.Model):
    """The next token depends on the last one alone; it keeps no state."""

    def __init__(self, table):
        super().__init__()
        self.table = tf.constant(table)

    def call(self, token_ids, training=False):
        return tf.gather(self.table, token_ids)


class SumModel(keras.Model):
    """The next token depends on the sum of all tokens in the window; it keeps no state."""

    def __init__(self, table):
        super().__init__()
        self.table = tf.constant(table)

    def call(self, token_ids, training=False):
        return tf.gather(self.table, tf.cumsum(token_ids, axis=1) % self.table.shape[0])


class AdvancingSumModel(SumModel):
    """The same, offering `advance`; `fed` notes how many tokens each call brought."""

    def __init__(self, table, state_capacity=None):
        super().__init__(table)
        self.fed = []
        if state_capacity is not None:
            self.state_capacity = state_capacity

    def initial_state(self, batch_size):
        return {"sum": tf.zeros((batch_size,), tf.int32)}

    def advance(self, token_ids, state):
        self.fed.append(token_ids.shape[1])
        sums = state["sum"][:, None] + tf.cumsum(token_ids, axis=1)
        logits = tf.gather(self.table, sums % self.table.shape[0])
        return logits, {"sum": sums[:, -1]}


def write_slowly(table, prompt, *, max_new_tokens, seed, sample=0, capacity=None, counts=None):
    """The new tokens of SumModel's distribution, fed one by one, drawn in float64.

    counts: a `FakeCounts` that is mixed with it.
    """
    numbers = uniform_numbers(seed, [sample], max_new_tokens)[0]
    held, fed, new = [], [START, *(4 + LETTERS.index(letter) for letter in prompt)], []
    for token in fed:
        held = _feed(held, token, capacity)
    while len(new) < max_new_tokens:
        logits = table[sum(held) % len(table)].astype(np.float64)
        if counts is not None:
            logits = counts.weights.network * logits + counts.weights.counts * counts.after(held)
        logits[[0, 1, 2]] = -np.inf
        weights = np.exp(logits - logits.max())
        sums = np.cumsum(weights)
        new.append(int(np.searchsorted(sums, numbers[len(new)] * sums[-1], side="right")))
        if new[-1] == END:
            break
        held = _feed(held, new[-1], capacity)
    return tuple(new)


def _feed(held, token, capacity):
    if capacity is not None and len(held) == capacity:
        held = held[len(held) - capacity // 2 :]
    return [*held, token]
