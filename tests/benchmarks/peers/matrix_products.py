"""The peak of matrix products on this machine: squares of 2048, in TensorFlow, graph and XLA.

What training reaches is measured by this. A "token" here is one operation: an addition or a
multiplication.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from worker import Answer, Peer, serve

_SIZE = 2048
_OPERATIONS = 2 * _SIZE**3
_WAYS = {"graph": False, "xla": True}


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer; its answer holds the operations per second of each precision and way."""
    tf.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(setting["threads"])
    products = {
        f"{precision} {way}": _product(tf.as_dtype(precision), jit_compile)
        for precision in ("float32", "bfloat16")
        for way, jit_compile in _WAYS.items()
    }

    def train(seconds: float) -> Answer:
        began = time.perf_counter()
        speeds = {
            name: _operations_per_second(product, seconds / len(products))
            for name, product in products.items()
        }
        passed = time.perf_counter() - began
        return {"tokens": 0, "steps": 1, "seconds": passed, "speeds": speeds}

    return Peer(train=train)


def _product(dtype: Any, jit_compile: bool) -> Callable[[], Any]:
    one, other = (
        tf.cast(tf.random.stateless_normal((_SIZE, _SIZE), (1, seed)), dtype) for seed in (1, 2)
    )
    multiply = tf.function(tf.matmul, jit_compile=jit_compile, autograph=False)
    return lambda: multiply(one, other)


def _operations_per_second(product: Callable[[], Any], seconds: float) -> float:
    count, began = 0, time.perf_counter()
    while True:
        product()  # returns when it is computed
        count += 1
        passed = time.perf_counter() - began
        if passed >= seconds:
            return count * _OPERATIONS / passed


if __name__ == "__main__":
    serve(build)
