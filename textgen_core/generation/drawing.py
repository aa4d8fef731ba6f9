"""Drawing a token: one uniform number for each row, and the inverse of the cumulative distribution.

The numbers are a function of the seed, the sample's index and the new token's index, and of nothing
else: no batch size, chunk or device changes them. The sums here are exact, so what is drawn from
given logits does not depend on the order in which a machine adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

# Weights are rounded down to whole multiples of 2**-32 of the largest. Sums of them are whole
# numbers below 2**53 for any vocabulary under two million tokens, so float64 adds them exactly.
WEIGHT_STEPS = 2.0**32
BLOCK = 128  # tokens summed at once; the cumulative sums are over blocks, then within one


def uniform_numbers(seed: int, sample_indices: Sequence[int], count: int) -> np.ndarray:
    """Return float64 `(samples, count)` in [0, 1): the numbers of each sample's new tokens.

    Philox of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011),
    keyed by the seed and the sample's index. A longer row begins as a shorter one.
    """
    rows = [
        np.random.Philox(key=np.array([seed % 2**64, index], np.uint64)).random_raw(count)
        for index in sample_indices
    ]
    return np.stack(rows).astype(np.uint64).__rshift__(np.uint64(11)) * 2.0**-53


def draw(logits: Any, numbers: Any) -> Any:
    """Return the int32 tokens `(batch,)` at which the cumulative probability passes the numbers.

    logits: float32 `(batch, vocabulary)`; numbers: float64 `(batch,)` in [0, 1). A token of logit
    -inf is never drawn, provided that its row has another.
    """
    highest = tf.reduce_max(logits, axis=1, keepdims=True)
    # A row of -inf alone would turn into NaN.
    highest = tf.maximum(highest, tf.float32.min)
    sums = _block_sums(logits, highest)  # (batch, blocks)
    ends = tf.cumsum(sums, axis=1)
    total = ends[:, -1]
    # Rounding could lift the product to the total, which no cumulative sum passes.
    goal = tf.minimum(tf.floor(numbers * total), total - 1)[:, None]
    block = tf.minimum(_count(ends <= goal), tf.shape(ends)[1] - 1)  # (batch,)
    start = tf.gather(ends - sums, block, axis=1, batch_dims=1)[:, None]
    # The weights of that block are worked out once more: to keep all of them costs more.
    tokens = block[:, None] * BLOCK + tf.range(BLOCK)  # (batch, BLOCK)
    last = tf.shape(logits)[1] - 1
    within_block = tf.gather(logits, tf.minimum(tokens, last), axis=1, batch_dims=1)
    weights = tf.where(tokens <= last, _whole_weights(within_block, highest), 0.0)
    within = start + tf.cumsum(weights, axis=1)
    return tf.minimum(block * BLOCK + _count(within <= goal), last)


def _block_sums(logits: Any, highest: Any) -> Any:
    """Return the weights of BLOCK tokens each, and of what is left, summed: `(batch, blocks)`."""
    whole = logits.shape[1] // BLOCK * BLOCK
    blocks = tf.reshape(logits[:, :whole], (tf.shape(logits)[0], whole // BLOCK, BLOCK))
    sums = tf.reduce_sum(_whole_weights(blocks, highest[:, :, None]), axis=2)
    rest = tf.reduce_sum(_whole_weights(logits[:, whole:], highest), axis=1, keepdims=True)
    return tf.concat([sums, rest], axis=1)


def _whole_weights(logits: Any, highest: Any) -> Any:
    """Return the unnormalised probabilities as whole numbers in float64, the largest 2**32."""
    return tf.cast(tf.floor(tf.exp(logits - highest) * WEIGHT_STEPS), tf.float64)


def _count(flags: Any) -> Any:
    return tf.reduce_sum(tf.cast(flags, tf.int32), axis=1)
