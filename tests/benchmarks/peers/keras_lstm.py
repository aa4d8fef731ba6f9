"""The course's LSTM in plain Keras: keras.layers.LSTM in a compiled `fit`.

Written as Keras's guides advise, over a tf.data pipeline that is ready beforehand and prefetches.
"""

from __future__ import annotations

import os
import time
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from worker import Answer, Peer, serve

_BATCHES = 32  # prepared, and repeated
_MANY = 10**6  # steps of an epoch, which the clock ends


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    tf.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(setting["threads"])
    keras.utils.set_random_seed(1)
    if setting["precision"] == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    model = _model(setting)
    jit_compile = True if setting["compile"] == "xla" else "auto"
    model.compile(
        optimizer=keras.optimizers.Adam(0.001, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    dataset = _dataset(setting)
    tokens = setting["batch_size"] * setting["sequence_length"]

    def train(seconds: float) -> Answer:
        clock = _Clock(seconds)
        model.fit(dataset, epochs=1, steps_per_epoch=_MANY, verbose=0, callbacks=[clock])
        return {"tokens": clock.steps * tokens, "steps": clock.steps, "seconds": clock.passed}

    return Peer(
        train=train,
        about={
            "compiled_with": "xla" if model.jit_compile else "graph",
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        },
    )


class _Clock(keras.callbacks.Callback):
    """Stops `fit` after so many seconds, counted from its first batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._began: float | None = None
        self.steps = 0
        self.passed = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Start the clock at the first batch: what `fit` does before costs the peer nothing."""
        if self._began is None:
            self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop when the time is over; the loss is read, as in every contestant."""
        float(logs["loss"])
        assert self._began is not None
        self.steps += 1
        self.passed = time.perf_counter() - self._began
        self.model.stop_training = self.passed >= self._seconds


def _model(setting: dict[str, Any]) -> keras.Model:
    layers = [keras.layers.Embedding(setting["vocabulary_size"], setting["embedding"])]
    for _ in range(setting["layers"]):
        layers.append(keras.layers.LSTM(setting["units"], return_sequences=True))
        layers.append(keras.layers.Dropout(setting["dropout"]))
    layers.append(keras.layers.Dense(setting["vocabulary_size"]))
    return keras.Sequential(layers)


def _dataset(setting: dict[str, Any]) -> tf.data.Dataset:
    """Return an endless dataset of inputs and targets, int32 `(batch, time)`."""
    draw = np.random.default_rng(1)
    shape = (_BATCHES, setting["batch_size"], setting["sequence_length"] + 1)
    token_ids = draw.integers(setting["vocabulary_size"], size=shape, dtype=np.int32)
    dataset = tf.data.Dataset.from_tensor_slices((token_ids[:, :, :-1], token_ids[:, :, 1:]))
    return dataset.repeat().prefetch(tf.data.AUTOTUNE)


if __name__ == "__main__":
    serve(build)
