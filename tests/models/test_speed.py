"""What training costs, and how quick the machine is: estimated before anything is compiled."""

import itertools

import pytest
import tensorflow as tf
from training.tiny import TIME, VOCABULARY, WIDTH, TinyModel, build_tokenizer

from textgen_core.config.resolve import configure
from textgen_core.models import speed
from textgen_core.models.language_model import LanguageModel
from textgen_core.registry.discovery import discover


def model_of(model, size=VOCABULARY):
    return LanguageModel(model=model, tokenizer=build_tokenizer(size), context_length=TIME)


def bundled(spec):
    model = configure({"model": spec}, discover()).model.instance.build(VOCABULARY, TIME)
    return speed._matrices(model_of(model))


def test_the_weights_that_tokens_are_multiplied_with_are_counted_and_no_embedding():
    matrices = speed._matrices(model_of(TinyModel()))
    assert sorted(matrices) == [(WIDTH, WIDTH), (WIDTH, VOCABULARY)]


def test_a_tied_embedding_is_the_outputs_matrix_too():
    assert bundled("lstm:units=8,embedding=8,tie=true,ngrams=3").count((8, VOCABULARY)) == 1
    assert bundled("lstm:units=8,embedding=4,ngrams=3") == [(4, 32), (8, 32), (8, VOCABULARY)]


def test_a_model_is_trained_on_fewer_tokens_a_second_by_its_weights(monkeypatch):
    monkeypatch.setattr(speed, "measure_products", lambda *_: 1e9)
    weights = WIDTH * WIDTH + WIDTH * VOCABULARY
    assert speed.estimate_tokens_per_second(model_of(TinyModel()), 8) == pytest.approx(
        1e9 * speed._SHARE / (6 * weights)
    )


def test_the_product_has_the_shape_of_a_batch_and_of_the_largest_matrix(monkeypatch):
    asked = []
    monkeypatch.setattr(speed, "measure_products", lambda *shape: asked.append(shape) or 1.0)
    speed.estimate_tokens_per_second(model_of(TinyModel()), 8)
    speed.estimate_tokens_per_second(model_of(TinyModel()), 10**6)
    assert asked == [(rows, WIDTH, VOCABULARY, "float32") for rows in (8 * TIME, 4096)]


def test_larger_products_are_not_taken_for_slower_ones():
    small, large = (speed.measure_products(size, size, size, "float32") for size in (8, 256))
    assert large > 5 * small > 0


def test_a_clock_too_coarse_for_a_product_gives_a_speed_all_the_same(monkeypatch):
    ticks = itertools.count()
    clock = type("Clock", (), {"perf_counter": staticmethod(lambda: next(ticks) // 100)})
    monkeypatch.setattr(speed, "time", clock)
    assert 0 < speed.measure_products(8, 8, 8, "float32") < float("inf")


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "no room")]
)
def test_where_memory_is_too_short_for_a_product_the_model_is_left_to_say_so(monkeypatch, error):
    def raise_it(*_):
        raise error

    monkeypatch.setattr(speed.tf, "ones", raise_it)
    assert speed.measure_products(8, 8, 8, "float32") == 0
