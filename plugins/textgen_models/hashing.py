"""A hash of 32-bit numbers in TensorFlow operations, the same however they are compiled."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def mixed(numbers: Any) -> Any:
    """Return uint32 `numbers`, each of whose bits now depends on all of its bits.

    The constants are those of the 32-bit hash "lowbias32" (Wellons 2018): each bit of a number
    moves each bit of the result with almost even odds.
    """
    numbers = tf.bitwise.bitwise_xor(numbers, tf.bitwise.right_shift(numbers, unsigned(16)))
    numbers *= unsigned(0x7FEB352D)
    numbers = tf.bitwise.bitwise_xor(numbers, tf.bitwise.right_shift(numbers, unsigned(15)))
    numbers *= unsigned(0x846CA68B)
    return tf.bitwise.bitwise_xor(numbers, tf.bitwise.right_shift(numbers, unsigned(16)))


def unsigned(number: int) -> Any:
    """Return a number below 2**32 as a uint32 scalar."""
    return tf.constant(number, tf.uint32)
