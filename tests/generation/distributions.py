"""Distributions to try samplers on, and a slow reference in float64 numpy."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

INFINITY = float("inf")


def transform(sampler, logits, mode="eager"):
    """What a sampler makes of logits (batch, vocabulary), run eagerly or compiled."""
    function = sampler.transform
    if mode != "eager":
        function = tf.function(function, jit_compile=mode == "xla", autograph=False)
    return np.asarray(function(tf.constant(logits, tf.float32), None))


def logits_of(probabilities):
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(probabilities, np.float64))[None]


def probabilities_of(logits):
    """The distributions in float64 of logits (batch, vocabulary)."""
    logits = np.asarray(logits, np.float64)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def kept(logits):
    """The ids of the tokens that are not excluded, of a single row."""
    return np.flatnonzero(np.isfinite(logits[0])).tolist()


def random_logits(seed, rows, vocabulary, spread):
    """Rows of random logits with some tokens excluded in each."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(rows, vocabulary)) * spread
    logits[generator.random(logits.shape) < 0.1] = -INFINITY
    logits[:, 0] = generator.normal(size=rows) * spread
    return logits.astype(np.float32)


def restrict(logits, mask):
    """The distributions in float64 of the tokens in the mask alone."""
    return probabilities_of(np.where(mask, logits.astype(np.float64), -INFINITY))
