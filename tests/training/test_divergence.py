"""The likely cause of a loss that is no longer finite, as far as the evidence goes."""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from training.tiny import VOCABULARY, draw_batch, settings

from textgen_core.data.batches import Batch
from textgen_core.models.devices import POLICIES
from textgen_core.training.divergence import divergence


def weight(value=0.5, name="kernel"):
    return keras.Variable(np.array([[0.1, value]], np.float32), name=name)


def told(*, step=6, batches=None, weights=None, precision="float32", saved_step=4, **changes):
    """The three lines of a divergence after 6 steps, without a trace of its cause."""
    chosen = settings(**{"learning_rate": 3.0, "clip_norm": 1.0, **changes})
    model = SimpleNamespace(
        trainable_variables=weights or [weight()],
        dtype_policy=keras.DTypePolicy(POLICIES[precision]),
    )
    job = SimpleNamespace(
        language_model=SimpleNamespace(model=model, vocabulary_size=VOCABULARY),
        settings=chosen,
        run=SimpleNamespace(saved_steps=lambda: [saved_step] if saved_step else []),
    )
    error = divergence("The loss is no longer finite", job, step, batches or [draw_batch(4)])
    lines = str(error).splitlines()
    assert len(lines) == 3
    return lines


def test_without_a_trace_it_is_the_learning_rate_and_a_third_of_it_is_advised():
    what, cause, advice = told()
    assert what == "The loss is no longer finite at step 7."
    assert cause == "The likely cause: a learning rate of 3 is too high."
    assert advice == "Try a third of it: --learning-rate 1; the checkpoint of step 4 is kept."


def test_a_run_without_a_checkpoint_speaks_of_none():
    assert told(saved_step=None)[2] == "Try a third of it: --learning-rate 1."


def strange(token):
    batch = draw_batch(4)
    inputs = batch.inputs.copy()
    inputs[2, 3] = token
    return Batch(inputs=inputs, targets=batch.targets, starts_afresh=True)


@pytest.mark.parametrize("token", [VOCABULARY, 60_000, -1])
def test_a_token_outside_the_vocabulary_is_a_damaged_token_file(token):
    _, cause, advice = told(batches=[draw_batch(4, seed=1), strange(token)])
    assert f"the token id {token} in a vocabulary of {VOCABULARY}" in cause
    assert "TEXTGEN_CACHE" in advice
    assert "learning rate" not in cause


def test_before_the_first_update_no_learning_rate_is_blamed():
    for precision in ("float32", "bfloat16", "float16"):
        _, cause, advice = told(step=0, saved_step=None, precision=precision)
        assert "learning rate" not in cause
        assert "no weight has been moved yet" in cause
        assert ("training.precision=float32" in advice) == (precision != "float32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30])
def test_weights_that_an_update_wrecked_are_named(value):
    _, cause, _ = told(weights=[weight(), weight(value, "gates")])
    assert "learning rate of 3 is too high" in cause
    assert "the weights of gates" in cause


def test_weights_that_were_wrecked_from_the_start_are_the_models():
    _, cause, advice = told(step=0, weights=[weight(np.nan, "gates")])
    assert "the weights that the model began with: those of gates" in cause
    assert "pretrained" in advice


def test_float16_may_have_overflowed():
    _, cause, advice = told(precision="float16")
    assert "65,504" in cause
    assert "learning rate of 3" in cause
    assert "training.precision=bfloat16" in advice
    assert "float16" not in told(precision="bfloat16")[1]


def test_a_gradient_that_nobody_clips_is_told():
    _, cause, advice = told(clip_norm=None)
    assert "no gradient is clipped" in cause
    assert "training.clip_norm=1" in advice


def test_weights_without_a_number_are_no_evidence():
    empty = keras.Variable(np.zeros((0, 2), np.float32), name="empty")
    assert "learning rate" in told(weights=[empty])[1]


def test_the_module_reads_no_file():
    from textgen_core.training import divergence as module

    assert "open(" not in Path(module.__file__).read_text(encoding="utf-8")
