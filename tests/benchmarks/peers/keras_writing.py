"""Writing in plain Keras, as its examples do: the model runs again over the window for each token.

The forward pass is compiled once, for a window of one length; the draw is numpy's.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from worker import Peer, serve, write_by_texts


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    tf.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(setting["threads"])
    keras.utils.set_random_seed(1)
    model = _lstm(setting) if setting["model"] == "lstm" else _transformer(setting)
    samples, new_tokens = setting["samples"], setting["new_tokens"]
    p = setting["sampling"]["top_p"]

    def write(seed: int) -> None:
        draw = np.random.default_rng(seed)
        token_ids = np.zeros((samples, 1 + new_tokens), np.int32)
        token_ids[:, 0] = 2
        for position in range(new_tokens):
            logits = model.predict_on_batch(token_ids[:, :-1])[:, position]
            token_ids[:, position + 1] = _nucleus(logits, p, draw)

    return Peer(
        train=write_by_texts(write, samples * new_tokens),
        about={
            "compiled_with": "graph",
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        },
    )


def _nucleus(logits: np.ndarray, p: float, draw: np.random.Generator) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    order = np.argsort(-weights, axis=1)
    sums = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    sums /= sums[:, -1:]
    ends = np.minimum((sums < p).sum(axis=1), sums.shape[1] - 1)
    numbers = draw.random(len(sums)) * sums[np.arange(len(sums)), ends]
    places = (sums <= numbers[:, None]).sum(axis=1)
    return order[np.arange(len(order)), places]


def _lstm(setting: dict[str, Any]) -> keras.Model:
    layers = [keras.layers.Embedding(setting["vocabulary_size"], setting["embedding"])]
    for _ in range(setting["layers"]):
        layers.append(keras.layers.LSTM(setting["units"], return_sequences=True))
    return keras.Sequential([*layers, keras.layers.Dense(setting["vocabulary_size"])])


def _transformer(setting: dict[str, Any]) -> keras.Model:
    width = setting["width"]
    token_ids = keras.Input((setting["new_tokens"],), dtype="int32")
    positions = keras.ops.arange(setting["new_tokens"])
    stream = keras.layers.Embedding(setting["vocabulary_size"], width)(token_ids)
    stream += keras.layers.Embedding(setting["context_length"], width)(positions)
    for _ in range(setting["layers"]):
        normed = keras.layers.LayerNormalization()(stream)
        attention = keras.layers.MultiHeadAttention(setting["heads"], width // setting["heads"])
        stream += attention(normed, normed, use_causal_mask=True)
        expanded = keras.layers.Dense(4 * width, "gelu")(keras.layers.LayerNormalization()(stream))
        stream += keras.layers.Dense(width)(expanded)
    hidden = keras.layers.LayerNormalization()(stream)
    return keras.Model(token_ids, keras.layers.Dense(setting["vocabulary_size"])(hidden))


if __name__ == "__main__":
    serve(build)
