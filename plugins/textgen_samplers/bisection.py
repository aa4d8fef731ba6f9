"""Where to cut a distribution: the exact float32 threshold, without sorting a vocabulary.

Sorting costs more than a small model's whole step; a pass over a vocabulary costs next to nothing.
A small vocabulary is compared with itself at once. In a large one an interval is narrowed, at
first where its numbers say that the threshold is, and in the end, where that is not enough, by
halving the floats in it, so that 32 more passes reach the exact one.

Masks are computed, not selected: compiled for an interpreter too, arithmetic is what is fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

# A vocabulary of so many tokens is compared with itself faster than it is searched.
SMALL = 128
# A sum over a row waits for its own last addition; so many side by side keep a processor busy.
LANES = 64
GUIDED_STEPS = 16  # after which an interval is halved in the order of the floats
LOWEST = tf.float32.min
LEAST = 1e-37  # to divide by, and to take the logarithm of
ROUNDING = 2e-6  # the relative error of a float32 sum over lanes
STEEP = 2.0**126  # times any difference of the numbers compared here: 1 or more


class Interval(NamedTuple):
    """Where a threshold is, float32 `(batch, 1)` each: enough is measured at low, not at high."""

    low: Any
    high: Any
    at_low: Any
    at_high: Any


def lanes(values: Any, filler: float = 0.0) -> Any:
    """Return `(batch, vocabulary)` as `(batch, rows, LANES)`, filled up."""
    missing = -values.shape[1] % LANES
    padded = tf.pad(values, [[0, 0], [0, missing]], constant_values=filler)
    return tf.reshape(padded, (values.shape[0], -1, LANES))


def total_of(values: Any) -> Any:
    """Return the sums `(batch, 1)` over the lanes `(batch, rows, LANES)`."""
    return tf.reduce_sum(tf.reduce_sum(values, axis=1), axis=1, keepdims=True)


def at_least(values: Any, threshold: Any) -> Any:
    """Return 1.0 where a value is a threshold or more, else 0.0.

    Values that differ must differ by 1e-38 or more; -inf is below every threshold, which is finite.
    """
    return tf.clip_by_value((values - threshold) * STEEP + 1.0, 0.0, 1.0)


def weights_from(excess: Any, weights: Any) -> Any:
    """Return the weights, of 1 at most, where a value is a threshold or more, else 0.

    excess: how far the value is above the threshold, times STEEP.
    """
    return tf.minimum(weights, tf.nn.relu(excess + 1.0))


def without(logits: Any, kept: Any) -> Any:
    """Return the logits with -inf where `kept`, 1.0 or 0.0, is 0."""
    return logits - (1.0 / kept - 1.0)


def threshold_among(values: Any, weights: Any, needed: Any) -> Any:
    """Return what `largest_threshold` does, of a small vocabulary in one pass.

    values, weights: float32 `(batch, vocabulary)`; what a value weighs counts from it downwards.
    needed: float32 `(batch, 1)`, above 0.
    """
    values = tf.maximum(values, LOWEST)  # of two -inf the difference would be NaN
    # A token stays if those above it do not reach what is needed: (batch, token, other token).
    excess = (tf.expand_dims(values, 1) - tf.expand_dims(values, 2)) * STEEP
    are_above = tf.minimum(tf.expand_dims(weights, 1), tf.nn.relu(excess))
    above = tf.reduce_sum(are_above, axis=2)
    return tf.reduce_min(tf.where(above < needed, values, float("inf")), axis=1, keepdims=True)


def largest_threshold(
    measure: Callable[[Any], Any],
    needed: Any,
    interval: Interval,
    *,
    between: Callable[[Any, Any, Any], Any],
    is_settled: Callable[[Interval], Any],
) -> Any:
    """Return the largest float32 thresholds `(batch, 1)` at which `measure` is at least `needed`.

    `measure` maps thresholds to numbers of that shape, and never grows with them. `between(low,
    high, share)` is the point of an interval that lies a share, in (0, 1), of the way to its upper
    end. Where `is_settled(interval)`, no token lies between the ends but those to be kept, and the
    search may end early with a threshold that keeps the same tokens.
    """

    def is_guided(step: Any, interval: Interval) -> Any:
        return (step < GUIDED_STEPS) & tf.reduce_any(~is_settled(interval))

    def is_open(interval: Interval) -> Any:
        is_wide = _position(interval.low) + 1 < _position(interval.high)
        return tf.reduce_any(is_wide & ~is_settled(interval))

    def narrowed(interval: Interval, middle: Any) -> Interval:
        low, high, at_low, at_high = interval
        at_middle = measure(middle)
        enough = at_middle >= needed
        return Interval(
            low=tf.where(enough, middle, low),
            high=tf.where(enough, high, middle),
            at_low=tf.where(enough, at_middle, at_low),
            at_high=tf.where(enough, at_high, at_middle),
        )

    def guided(step: Any, interval: Interval) -> Any:
        low, high, at_low, at_high = interval
        # Where a straight line crosses: half-way from there to the middle both ends come nearer.
        crossing = (at_low - needed) / tf.maximum(at_low - at_high, LEAST)
        middle = between(low, high, 0.25 + 0.5 * crossing)
        return step + 1, narrowed(interval, tf.clip_by_value(middle, low, high))

    def halved(interval: Interval) -> tuple[Interval]:
        return (narrowed(interval, _middle(interval.low, interval.high)),)

    _, interval = tf.while_loop(is_guided, guided, (tf.constant(0), interval))
    return tf.while_loop(is_open, halved, (interval,))[0].low


def _position(values: Any) -> Any:
    """Return int32 positions that are ordered as the float32 values are."""
    bits = tf.bitcast(values, tf.int32)
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, tf.int32.max), bits)


def _middle(low: Any, high: Any) -> Any:
    """Return the float32 half-way between two, in the order of the floats."""
    low, high = _position(low), _position(high)
    one = tf.ones_like(low)
    half_low, half_high = tf.bitwise.right_shift(low, one), tf.bitwise.right_shift(high, one)
    # Halved before they are added, which could overflow: two odd ones lose a whole.
    position = half_low + half_high + (low - 2 * half_low) * (high - 2 * half_high)
    bits = tf.where(position < 0, tf.bitwise.bitwise_xor(position, tf.int32.max), position)
    return tf.bitcast(bits, tf.float32)
