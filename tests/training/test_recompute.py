"""Recomputed activations: the same gradients to the bit, in less of the compiled step's memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from training.tiny import TIME, VOCABULARY, draw_batch, make_step, settings, values_of

from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "recomputation.py"
BUILDERS = {
    "transformer": TransformerBuilder(layers=2, heads=2, head_size=4, feed_forward=16, dropout=0.3),
    "lstm": LSTMBuilder(units=(6,), layers=2, embedding=6, dropout=0.3, recurrent_dropout=0.2),
}


def trained(model, recompute, *, streams, compile):
    """Return losses and all variables after three steps from the same weights and seeds."""
    keras.utils.set_random_seed(4)
    model = BUILDERS[model].build(VOCABULARY, TIME)
    model.recompute = recompute
    step, optimizer = make_step(model, settings(compile=compile), streams)
    groups = [[draw_batch(3, seed, starts_afresh=seed == 0)] for seed in range(3)]
    losses = [float(step(group, 0.5).loss_sum) for group in groups]
    return losses, values_of([*model.variables, *optimizer.variables])


WAYS = [  # compiling is what takes long here
    ("transformer", "windows", "eager"),
    ("transformer", "windows", "graph"),
    ("transformer", "streams", "eager"),
    ("transformer", "streams", "xla"),
    ("lstm", "windows", "xla"),
    ("lstm", "streams", "eager"),
]


@pytest.mark.parametrize(("model", "batching", "compile"), WAYS)
def test_a_step_with_dropout_is_the_same_when_its_activations_are_computed_again(
    model, batching, compile
):
    streams = batching == "streams"
    losses, kept = trained(model, False, streams=streams, compile=compile)
    again, recomputed = trained(model, True, streams=streams, compile=compile)
    assert len(set(losses)) == 3
    np.testing.assert_allclose(again, losses, rtol=1e-6)
    for one, other in zip(recomputed, kept, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_compiled_step_needs_a_third_less_memory_and_its_gradients_are_equal():
    small = ["--layers", "3", "--heads", "2", "--batch", "8", "--time", "48", "--rounds", "0"]
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), *small, "--batching", "stream", "--json"],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    kept, recomputed = found["temporary_bytes"]
    assert recomputed < 0.7 * kept
    assert found["gradient_difference"] <= 1e-6
    assert found["gradients"] > 30
