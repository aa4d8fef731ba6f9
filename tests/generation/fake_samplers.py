"""Samplers that keep their contract in unusual ways, and some that break it."""

from __future__ import annotations

import attrs
import tensorflow as tf

from textgen_core import Sampler

INFINITY = float("inf")


@attrs.frozen(kw_only=True)
class Only(Sampler):
    """Allows the given ids alone."""

    ids: tuple[int, ...]

    def transform(self, logits, history):
        allowed = tf.reduce_any(tf.range(logits.shape[1])[:, None] == tf.constant(self.ids), axis=1)
        return tf.where(allowed, logits, -INFINITY)


@attrs.frozen(kw_only=True)
class Shift(Sampler):
    """Adds a number to one logit."""

    token: int
    by: float

    def transform(self, logits, history):
        return logits + self.by * tf.one_hot(self.token, logits.shape[1])


@attrs.frozen(kw_only=True)
class Returning(Sampler):
    """Replaces all logits by a number, excluded ones too."""

    number: float

    def transform(self, logits, history):
        return tf.fill(logits.shape, self.number)


@attrs.frozen(kw_only=True)
class Raising(Sampler):
    def transform(self, logits, history):
        raise ZeroDivisionError("no luck\nand more")


@attrs.frozen(kw_only=True)
class Truncating(Sampler):
    def transform(self, logits, history):
        return logits[:, 1:]


@attrs.frozen(kw_only=True)
class Narrowing(Sampler):
    def transform(self, logits, history):
        return tf.cast(logits, tf.float16)


@attrs.frozen(kw_only=True)
class Alphabetical(Sampler):
    """Allows one id after the other, from a first one on: it keeps a state."""

    first: int

    def initial_state(self, batch_size, vocabulary_size):
        return {"next": tf.fill((batch_size,), self.first), "size": vocabulary_size}

    def transform(self, logits, history, state):
        allowed = tf.one_hot(state["next"], logits.shape[1]) > 0
        state = {"next": state["next"] + 1, "size": state["size"]}
        return tf.where(allowed, logits, -INFINITY), state


@attrs.frozen(kw_only=True)
class Bound(Sampler):
    """Allows one letter, whose id it learns when it is bound."""

    letter: str
    token: int | None = None

    def bind(self, tokenizer):
        return attrs.evolve(self, token=tokenizer.token_to_id(self.letter))

    def transform(self, logits, history):
        return Only(ids=(self.token,)).transform(logits, history)


@attrs.frozen(kw_only=True)
class BoundToNothing(Sampler):
    def bind(self, tokenizer):
        return None

    def transform(self, logits, history):
        return logits


@attrs.frozen(kw_only=True)
class NoRepeat(Sampler):
    """Excludes every token that the history holds, prompt included."""

    def transform(self, logits, history):
        capacity = history.token_ids.shape[1]
        counts = tf.range(capacity)[None] < history.length[:, None]
        ids = tf.where(counts, history.token_ids, -1)
        seen = tf.reduce_any(tf.one_hot(ids, logits.shape[1]) > 0, axis=1)
        return tf.where(seen, -INFINITY, logits)


@attrs.frozen(kw_only=True)
class EndAfter(Sampler):
    """Allows <END> alone once `count` tokens were written after the prompt, and never before."""

    count: int

    def transform(self, logits, history):
        is_over = (history.length - history.prompt_length >= self.count)[:, None]
        is_end = (tf.range(logits.shape[1]) == 3)[None]
        return tf.where(is_end == is_over, logits, -INFINITY)
