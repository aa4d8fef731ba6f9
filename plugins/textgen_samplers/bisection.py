"""Where to cut a distribution, found by halving an interval of float32 thresholds.

Sorting a vocabulary costs more than a small model's whole step; a pass over it costs next to
nothing. The halving is over the floats themselves, in their order, so 32 passes at most reach the
exact one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

# A sum over a row waits for its own last addition; this many side by side keep a processor busy.
STRIPS = 4
LANES = 16  # float32 numbers in the widest vector


def strips(values: Any) -> list[Any]:
    """Return `(batch, vocabulary)` as STRIPS of equal width, filled up with -inf.

    What is measured must be zero for -inf, under any threshold that is finite.
    """
    missing = -values.shape[1] % (STRIPS * LANES)
    padded = tf.pad(values, [[0, 0], [0, missing]], constant_values=-float("inf"))
    return tf.split(padded, STRIPS, axis=1)  # type: ignore[no-any-return]


def sum_of_strips(parts: Iterable[Any]) -> Any:
    """Return the sums `(batch,)` over the rows of all parts together."""
    return tf.reduce_sum(tf.add_n(list(parts)), axis=1)


def largest_threshold(
    measure: Callable[[Any], Any],
    needed: Any,
    *,
    low: Any,
    high: Any,
    is_settled: Callable[[Any, Any, Any], Any],
) -> Any:
    """Return the largest float32 thresholds `(batch,)` at which `measure` is at least `needed`.

    `measure` maps thresholds to numbers `(batch,)` and never grows with them; it must reach
    `needed` at `low`, and is taken for zero above `high`. Where `is_settled(low, measure at low,
    measure at the upper end)`, no token lies between the two ends but those to be kept, and the
    search may end early with a threshold that keeps the same tokens.
    """
    at_low = measure(low)

    def is_open(low: Any, high: Any, at_low: Any, at_high: Any) -> Any:
        settled = is_settled(_float(low), at_low, at_high)
        return tf.reduce_any((low + 1 < high) & ~settled)

    def halve(low: Any, high: Any, at_low: Any, at_high: Any) -> Any:
        # The mean rounded down, without the overflow of adding first.
        middle = tf.bitwise.bitwise_and(low, high) + tf.bitwise.right_shift(
            tf.bitwise.bitwise_xor(low, high), tf.ones_like(low)
        )
        at_middle = measure(_float(middle))
        enough = at_middle >= needed
        return (
            tf.where(enough, middle, low),
            tf.where(enough, high, middle),
            tf.where(enough, at_middle, at_low),
            tf.where(enough, at_high, at_middle),
        )

    ends = (_position(low), _position(high) + 1, at_low, tf.zeros_like(at_low))
    return _float(tf.while_loop(is_open, halve, ends)[0])


def _position(values: Any) -> Any:
    """Return int32 positions that are ordered as the float32 values are."""
    bits = tf.bitcast(values, tf.int32)
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, tf.int32.max), bits)


def _float(positions: Any) -> Any:
    """Return the float32 values at the positions."""
    bits = tf.where(positions < 0, tf.bitwise.bitwise_xor(positions, tf.int32.max), positions)
    return tf.bitcast(bits, tf.float32)
