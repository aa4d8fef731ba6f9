"""Muon taken in three parts updates what Keras's own does, and in bfloat16 nearly so."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_core.training.muon import Muon

SHAPES = [(8, 24), (24, 8), (8, 8), (8, 8), (24,), (6, 10)]


def updated(optimizer: keras.Optimizer, dtype: str | None) -> list[np.ndarray]:
    """Return the weights and momenta after three updates: in parts, or as Keras does them."""
    draw = np.random.default_rng(3)
    variables = [
        keras.Variable(draw.normal(size=shape).astype("float32"), name=f"weight_{place}")
        for place, shape in enumerate(SHAPES)
    ]
    optimizer.build(variables)
    for _ in range(3):
        gradients = [tf.constant(draw.normal(size=shape), tf.float32) for shape in SHAPES]
        if dtype is None:
            optimizer.apply(gradients, variables)
            continue
        stacks = optimizer.stacks(gradients, variables, dtype)
        assert sorted(tuple(each.shape) for each in stacks) == [(1, 6, 10), (2, 8, 8), (2, 8, 24)]
        with optimizer.given([optimizer.orthogonalised(each) for each in stacks], variables):
            optimizer.apply(gradients, variables)
    return [each.numpy() for each in (*variables, *optimizer.momentums)]


@pytest.mark.parametrize("options", [{}, {"nesterov": False}, {"weight_decay": 0.1}])
def test_in_parts_it_updates_what_keras_does(options: dict[str, object]) -> None:
    expected = updated(keras.optimizers.Muon(0.02, **options), None)
    for found, there in zip(updated(Muon(0.02, **options), "float32"), expected, strict=True):
        np.testing.assert_allclose(found, there, atol=2e-6)


def test_in_bfloat16_directions_differ_by_its_precision() -> None:
    expected = updated(keras.optimizers.Muon(0.02), None)
    found = updated(Muon(0.02), "bfloat16")
    before = updated(Muon(0.0), "float32")
    for one, there, start in zip(found[: len(SHAPES)], expected, before, strict=False):
        assert np.abs(one - there).max() < 0.1 * np.abs(there - start).max()


def test_outside_of_given_it_orthogonalises_by_itself() -> None:
    expected = updated(keras.optimizers.Muon(0.02), None)
    for found, there in zip(updated(Muon(0.02), None), expected, strict=True):
        np.testing.assert_array_equal(found, there)
