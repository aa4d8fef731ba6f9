"""No more is built than the weights of a run are for, whoever's model it is."""

from __future__ import annotations

import time

import keras
import numpy as np
import pytest

from textgen_core.errors import OutOfMemory, RunDirectoryError
from textgen_core.models.bounds import bounds_of_memory, bounds_of_weights, within
from textgen_core.registry import choose, discover

TOO_LARGE = RunDirectoryError("too large")
BOUNDS = bounds_of_weights(1 << 20, 8, TOO_LARGE)  # of weights of a megabyte

HUGE = [
    "lstm:units=20000",
    "lstm:layers=1000000,units=8",
    "lstm:embedding=1000000000",
    "lstm:ngrams=1000000",
    "lstm:units=1000000000000",
    "transformer:feed_forward=10000000",
    "transformer:layers=1000000",
    "transformer:heads=1000000",
    "transformer:ngrams=1000000,ngram_rows=1000000000",
]


@pytest.mark.parametrize("spec", HUGE)
def test_a_bundled_model_of_any_size_ends_at_once(spec):
    builder = choose(discover(), "model", spec, place="here").instance
    begun = time.monotonic()
    with pytest.raises(RunDirectoryError, match="too large"), within(BOUNDS):
        builder.build(100, 64)
    assert time.monotonic() - begun < 10


def _many_layers():
    return [keras.layers.Dropout(0.1) for _ in range(10**9)]


def _many_variables():
    return [keras.Variable(np.zeros((), np.float32)) for _ in range(10**9)]


def _a_huge_functional_model():
    inputs = keras.Input((64,), dtype="int32")
    return keras.Model(inputs, keras.layers.Embedding(10**9, 10**3)(inputs))


@pytest.mark.parametrize("build", [_many_layers, _many_variables, _a_huge_functional_model])
def test_so_does_any_other_model(build):
    with pytest.raises(RunDirectoryError, match="too large"), within(BOUNDS):
        build()


def test_what_fits_is_built_and_nothing_is_counted_afterwards():
    before = keras.Variable.__init__, keras.layers.Layer.__init__
    builder = choose(discover(), "model", "lstm:units=64,layers=2", place="here").instance
    for bounds in (BOUNDS, bounds_of_memory(), None):
        with within(bounds):
            model = builder.build(100, 64)
    size = sum(int(np.prod(each.shape)) for each in model.variables)
    assert size > 50_000
    with pytest.raises(RunDirectoryError), within(BOUNDS):
        _many_layers()
    assert (keras.Variable.__init__, keras.layers.Layer.__init__) == before


def test_a_new_model_is_bounded_by_memory(monkeypatch):
    monkeypatch.setattr("textgen_core.models.bounds.available_memory", lambda: 10**6)
    with pytest.raises(OutOfMemory, match=r"1\.0 MB free"), within(bounds_of_memory()):
        keras.Variable(lambda shape, dtype: 1 / 0, shape=(1000, 1000))  # it is not asked for
    monkeypatch.setattr("textgen_core.models.bounds.available_memory", lambda: None)
    assert bounds_of_memory() is None
