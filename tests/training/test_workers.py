"""Several workers: the gradient, and the training, of one."""

import numpy as np
import pytest
import tensorflow as tf
from training.test_parts import ModelWithLosses
from training.thread_workers import work
from training.tiny import (
    VOCABULARY,
    TinyModel,
    build_tokenizer,
    draw_batch,
    settings,
    values_of,
    wrap,
)

from textgen_core.data.batches import WindowBatches
from textgen_core.errors import ConfigurationError
from textgen_core.models import devices
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.loss import cross_entropy
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.step import TrainingStep
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder

ROWS, TIME, WIDTH = 5, 4, 8


def build(kind, seed=3):
    tf.keras.utils.set_random_seed(seed)
    if kind == "lstm":
        builder = LSTMBuilder(
            units=(8,), layers=2, embedding=6, dropout=0.3, recurrent_dropout=0.2, input_dropout=0.1
        )
    else:
        builder = TransformerBuilder(
            layers=2, heads=2, head_size=4, feed_forward=8, dropout=0.3, ngrams=2
        )
    return LanguageModel(
        model=builder.build(VOCABULARY, TIME), tokenizer=build_tokenizer(), context_length=TIME
    )


def make_step(language_model, chosen, carries_state, collective):
    optimizer = build_optimizer(chosen, language_model.model, False)
    step = TrainingStep(
        language_model, optimizer, chosen, carries_state=carries_state, collective=collective
    )
    return step, optimizer


def trained(language_model, steps, carries_state, collective, halves=1, **changes):
    """The weights after so many steps, the losses, and the norms."""
    chosen = settings(**{"batch_size": ROWS, "optimizer": "sgd", **changes})
    step, optimizer = make_step(language_model, chosen, carries_state, collective)
    step._update.micro_batches = halves
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
    expected, losses = trained(build(kind), 2, carries_state, None, **changes)
    models = [build(kind) for _ in range(workers)]
    together = work(
        workers, lambda each: trained(models[each.rank], 2, carries_state, each, **changes)
    )
    for values, found in together:
        np.testing.assert_allclose(found, losses, rtol=1e-5)
        for one, other in zip(values, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for one, other in zip(together[0][0], together[-1][0], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "muon", "average": 0.9, "weight_decay": 0.1},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "adam", "recompute": True},
    ],
    ids=["muon", "adamw", "recomputed"],
)
def test_the_update_is_that_of_one_worker_whatever_makes_it(options):
    def built():
        language_model = build("transformer")
        language_model.model.recompute = options.get("recompute", False)
        return language_model

    expected, _ = trained(built(), 3, False, None, **options)
    models = [built() for _ in range(2)]
    for values, _ in work(2, lambda each: trained(models[each.rank], 3, False, each, **options)):
        for one, other in zip(values, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_a_models_own_losses_count_once_however_many_workers_there_are():
    expected, _ = trained(wrap(ModelWithLosses(), TIME), 2, False, None)
    models = [wrap(ModelWithLosses(), TIME) for _ in range(3)]
    for values, _ in work(3, lambda each: trained(models[each.rank], 2, False, each)):
        for one, other in zip(values, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_seeds_of_kerass_dropout_stay_alike_where_memory_is_short_in_one_worker():
    """Each worker's rows have masks of their own, in micro-batches too."""
    models = [wrap(TinyModel(dropout=0.5), TIME) for _ in range(2)]

    def short(collective):
        model = models[collective.rank]
        return trained(model, 2, False, collective, halves=2 - collective.rank)

    (values, _), (others, _) = work(2, short)
    for one, other in zip(values, others, strict=True):
        np.testing.assert_array_equal(one, other)
    seeds = [each for each in values if each.dtype.kind in "iu" and each.shape == (2,)]
    before = TinyModel(dropout=0.5).non_trainable_variables[0].numpy()
    assert [seed.tolist() for seed in seeds] == [[before[0], before[1] + 2]]


class CountingModel(TinyModel):
    """Counts its calls, in a variable."""

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def _run(self, token_ids, state, training, project):
        if training:
            self.calls.assign_add(1.0)
        return super()._run(token_ids, state, training, project)


def test_a_model_that_changes_more_than_seeds_is_refused():
    models = [wrap(CountingModel(), TIME) for _ in range(2)]
    with pytest.raises(ConfigurationError, match="changes tiny/calls as it computes"):
        work(2, lambda each: trained(models[each.rank], 1, False, each))


def losses_after_200_steps(language_model, collective):
    """The validation loss of a training on a text in which each token tells much of the next."""
    rng = np.random.default_rng(1)
    follow = rng.dirichlet(np.full(VOCABULARY - 4, 0.2), VOCABULARY)
    tokens = [4]
    for _ in range(6_000):
        tokens.append(4 + rng.choice(VOCABULARY - 4, p=follow[tokens[-1]]))
    text, held_out = np.array(tokens[:5_000], np.int32), np.array([tokens[5_000:]], np.int32)
    chosen = settings(batch_size=8, optimizer="adam", compile="xla", clip_norm=1.0)
    step, _ = make_step(language_model, chosen, False, collective)
    batches = WindowBatches(text, 12, 12, 8, seed=1)
    for number in range(200):
        step([batches.batch(number)], 0.01)
    logits = language_model.logits(held_out[:, :-1])
    return float(cross_entropy(logits, held_out[:, 1:]).plain) / held_out[:, 1:].size


def test_after_200_steps_the_validation_loss_is_that_of_one_worker():
    alone = losses_after_200_steps(build("lstm"), None)
    models = [build("lstm") for _ in range(2)]
    together = work(2, lambda each: losses_after_200_steps(models[each.rank], each))
    assert together[0] == together[1]
    assert together[0] == pytest.approx(alone, abs=0.002)
    assert alone < 0.9 * np.log(VOCABULARY - 4)  # it has learned


def test_parts_and_micro_batches_of_workers_are_as_good_as_one_eager_worker(monkeypatch):
    """With XLA, masks of dropout, n-grams, and rows that do not divide evenly by anything."""
    monkeypatch.setattr(devices, "cores", lambda: 2)
    monkeypatch.setattr(devices, "_TOKENS_OF_A_PART", TIME)
    expected, losses = trained(build("transformer"), 3, False, None, clip_norm=0.5)
    models = [build("transformer") for _ in range(2)]

    def in_parts(collective):
        halves = 2 - collective.rank  # memory may be short in one of them alone
        options = {"clip_norm": 0.5, "compile": "auto", "halves": halves}
        return trained(models[collective.rank], 3, False, collective, **options)

    for values, found in work(2, in_parts):
        np.testing.assert_allclose(found, losses, rtol=1e-5)
        for one, other in zip(values, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_of_a_table_workers_send_the_rows_that_were_read():
    models = [build("transformer") for _ in range(2)]
    sizes = []

    def sizes_of(collective):
        trained(models[collective.rank], 1, False, collective)
        sizes.append(collective.sizes)

    work(2, sizes_of)
    header = 3 + 5 * 2
    whole = sum(int(np.prod(each.shape)) for each in models[0].model.trainable_variables)
    table = VOCABULARY**2 * WIDTH
    rows = 3 * TIME  # of each worker: two rows of a batch, or three
    assert sizes == [[header + 1 + whole - table + 2 * rows * (WIDTH + 1)]] * 2
    assert sizes[0][0] < 0.8 * whole
