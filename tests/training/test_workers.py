"""Several workers: the gradient, and the training, of one."""

import numpy as np
import pytest
import tensorflow as tf
from training.thread_workers import work
from training.tiny import VOCABULARY, build_tokenizer, draw_batch, settings, values_of

from textgen_core.models.language_model import LanguageModel
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.step import TrainingStep
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder

ROWS, TIME = 5, 4


def build(kind, seed=3):
    tf.keras.utils.set_random_seed(seed)
    if kind == "lstm":
        builder = LSTMBuilder(
            units=(8,), layers=2, embedding=6, dropout=0.3, recurrent_dropout=0.2, input_dropout=0.1
        )
    else:
        builder = TransformerBuilder(layers=2, heads=2, head_size=4, feed_forward=8, dropout=0.3)
    return LanguageModel(
        model=builder.build(VOCABULARY, TIME), tokenizer=build_tokenizer(), context_length=TIME
    )


def make_step(language_model, chosen, carries_state, collective):
    optimizer = build_optimizer(chosen, language_model.model, False)
    step = TrainingStep(
        language_model, optimizer, chosen, carries_state=carries_state, collective=collective
    )
    return step, optimizer


def trained(language_model, steps, carries_state, collective, **changes):
    """The weights after so many steps, the losses, and the norms."""
    chosen = settings(**{"batch_size": ROWS, "optimizer": "sgd", **changes})
    step, optimizer = make_step(language_model, chosen, carries_state, collective)
    found = []
    for number in range(steps):
        batches = [
            draw_batch(ROWS, 10 * number + index, TIME, starts_afresh=not number, padding=1)
            for index in range(chosen.accumulate)
        ]
        result = step(batches, 0.1)
        found.append([float(result.loss_sum), float(result.gradient_norm)])
    variables = [*language_model.model.variables, *optimizer.variables]
    return values_of(variables), np.array(found)


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("carries_state", [False, True], ids=["windows", "streams"])
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_workers_find_the_gradient_of_one_with_dropout(kind, carries_state, workers):
    changes = {"accumulate": 2, "clip_norm": 0.5, "label_smoothing": 0.1}
    expected, losses = trained(build(kind), 3, carries_state, None, **changes)
    models = [build(kind) for _ in range(workers)]
    together = work(
        workers, lambda each: trained(models[each.rank], 3, carries_state, each, **changes)
    )
    for values, found in together:
        np.testing.assert_allclose(found, losses, rtol=1e-5)
        for one, other in zip(values, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for one, other in zip(together[0][0], together[-1][0], strict=True):
        np.testing.assert_array_equal(one, other)
