"""Models as builders make them: under the seed and the policy, checked, and described."""

import random

import attrs
import keras
import numpy as np
import pytest
import tensorflow as tf
from training.tiny import TIME, VOCABULARY, build_tokenizer

from textgen_core.components import ModelBuilder
from textgen_core.errors import PluginFailure
from textgen_core.models.build import (
    build_language_model,
    check_logits,
    describe_model,
    initialise,
    width_advice,
)
from textgen_core.registry.registry import Component, Plugin
from textgen_core.registry.selection import ResolvedComponent

PLUGIN = Plugin(distribution="lab", version="2.0", entry_point="", module="", status="ok")


def chosen(builder):
    component = Component(kind="model", name="fake", cls=type(builder), plugin=PLUGIN)
    return ResolvedComponent(component=component, instance=builder, reference="fake")


def build(builder, seed=1, precision="float32"):
    return build_language_model(
        chosen(builder),
        build_tokenizer(),
        context_length=TIME,
        precision=precision,
        seed=seed,
    )


def plain(vocabulary_size=VOCABULARY, width=4):
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(vocabulary_size, width, name="embedding"),
            keras.layers.Dropout(0.5, name="dropout"),
            keras.layers.Dense(vocabulary_size, name="output"),
        ]
    )


@attrs.frozen(kw_only=True)
class PlainBuilder(ModelBuilder):
    """A stranger's model in a few lines; keras names its variables and draws its seeds."""

    def build(self, vocabulary_size, context_length):
        return plain(vocabulary_size)


@attrs.frozen(kw_only=True)
class DrawingBuilder(ModelBuilder):
    """Draws from every generator that a builder may reach for."""

    def build(self, vocabulary_size, context_length):
        model = plain(vocabulary_size)
        model(np.zeros((1, 1), np.int32))
        drawn = [
            random.random(),
            np.random.rand(),
            float(tf.random.uniform(())),
            float(keras.random.uniform(())),
        ]
        model.layers[-1].bias.assign(np.resize(drawn, vocabulary_size).astype(np.float32))
        return model


@attrs.frozen(kw_only=True)
class WrongBuilder(ModelBuilder):
    """Returns whatever a test hands it."""

    make: object

    def build(self, vocabulary_size, context_length):
        return self.make(vocabulary_size)


def weights(language_model):
    return [np.array(each.numpy()) for each in language_model.model.variables]


@pytest.mark.parametrize("builder", [PlainBuilder(), DrawingBuilder()], ids=["plain", "drawing"])
def test_the_same_seed_builds_the_same_model_and_another_seed_another(builder):
    first, again, other = build(builder), build(builder), build(builder, seed=2)
    for one, two in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(one, two)
    assert any((one != two).any() for one, two in zip(weights(first), weights(other), strict=True))


def test_what_was_drawn_before_makes_no_difference():
    first = build(DrawingBuilder())
    random.random()
    np.random.rand(3)
    keras.random.uniform((2,))
    tf.random.uniform((2,))
    for one, two in zip(weights(first), weights(build(DrawingBuilder())), strict=True):
        np.testing.assert_array_equal(one, two)


def test_building_leaves_the_random_state_and_the_policy_of_others_alone():
    policy = keras.config.dtype_policy()
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    build(DrawingBuilder(), precision="bfloat16")
    assert (random.random(), np.random.rand()) == expected
    assert keras.config.dtype_policy() == policy


@pytest.mark.parametrize(
    ("precision", "policy"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")]
)
def test_a_model_computes_in_the_precision_and_keeps_its_weights_in_float32(precision, policy):
    model = build(PlainBuilder(), precision=precision).model
    assert model.layers[-1].dtype_policy.name == policy
    assert {each.dtype for each in model.trainable_variables} == {"float32"}
    assert model(np.zeros((1, 2), np.int32)).dtype == model.layers[-1].compute_dtype


def raising(error):
    def make(_):
        raise error

    return make


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (raising(ValueError("two\nlines")), r"\(lab 2\.0\) raised ValueError: two\n"),
        (raising(PluginFailure("Said by itself.")), "Said by itself"),
        (lambda _: None, "raised"),
        (lambda size: plain(size + 1), "logits of shape"),
        (lambda size: keras.Sequential(plain(size).layers[:2]), "logits of shape"),
        (lambda size: keras.Sequential([keras.layers.Embedding(size, size)]), "integer"),
    ],
    ids=["raises", "fails", "returns nothing", "wrong vocabulary", "no logits", "no ids"],
)
def test_a_builder_that_breaks_its_contract_is_a_plugin_failure(make, told):
    policy = keras.config.dtype_policy()
    with pytest.raises(PluginFailure, match=told):
        build(WrongBuilder(make=make), precision="bfloat16")
    assert keras.config.dtype_policy() == policy


def test_pretrained_weights_are_loaded_by_the_builder_and_its_error_is_its_own():
    @attrs.frozen(kw_only=True)
    class Pretrained(PlainBuilder):
        """Fills the bias."""

        works: bool

        def initialise(self, model):
            if not self.works:
                raise OSError("no such weights")
            model.layers[-1].bias.assign(np.ones(VOCABULARY, np.float32))

    language_model = build(PlainBuilder())
    initialise(chosen(Pretrained(works=True)), language_model)
    assert (language_model.model.layers[-1].bias.numpy() == 1).all()
    with pytest.raises(PluginFailure, match=r"'fake' \(lab 2\.0\) raised OSError: no such weights"):
        initialise(chosen(Pretrained(works=False)), language_model)


# ---- what was built ---------------------------------------------------------------------------


def test_the_table_names_every_layer_with_its_shapes_and_parameters():
    language_model = build(PlainBuilder())
    found = describe_model(language_model, batch_size=3, precision="float32", memory_bytes=77)
    rows = [
        (row.name, row.kind, row.output_for_one, row.output_for_batch, row.parameters)
        for row in found.layers
    ]
    assert rows == [
        ("embedding", "Embedding", "(1, 5, 4)", "(3, 5, 4)", 52),
        ("dropout", "Dropout", "(1, 5, 4)", "(3, 5, 4)", 0),
        ("output", "Dense", "(1, 5, 13)", "(3, 5, 13)", 65),
    ]
    assert found.parameters == 117
    assert (found.vocabulary_size, found.context_length, found.batch_size) == (13, 5, 3)
    assert found.memory_bytes == 77


def test_describing_changes_nothing_and_computes_nothing():
    language_model = build(PlainBuilder())
    before = weights(language_model)
    # 1.8 TB of logits
    describe_model(language_model, batch_size=10**7, precision="float32", memory_bytes=0)
    for one, two in zip(before, weights(language_model), strict=True):
        np.testing.assert_array_equal(one, two)
    assert all("call" not in vars(layer) for layer in language_model.model.layers)


class SharedModel(keras.Model):
    """One layer under two names, and a layer that returns nothing."""

    class Silent(keras.layers.Layer):
        def call(self, inputs):
            return None

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(VOCABULARY, VOCABULARY)
        self.same = self.embedding
        self.silent = self.Silent()

    def call(self, token_ids, training=False):
        self.silent(token_ids)
        return self.embedding(token_ids) + self.same(token_ids)


def test_a_layer_that_is_shared_or_silent_is_described():
    language_model = build(WrongBuilder(make=lambda _: SharedModel()))
    found = describe_model(language_model, batch_size=2, precision="float32", memory_bytes=0)
    assert [row.output_for_batch for row in found.layers] == ["(2, 5, 13)", "-"]


def test_a_synthetic_batch_finds_logits_that_are_not_finite_anywhere():
    language_model = build(PlainBuilder())
    check_logits(language_model, batch_size=3)
    table = language_model.model.layers[0].embeddings
    table.assign(np.where(np.arange(VOCABULARY)[:, None] == 12, np.nan, table.numpy()))
    with pytest.raises(PluginFailure, match="not finite"):
        check_logits(language_model, batch_size=3)


def test_a_synthetic_batch_finds_a_model_that_fits_two_tokens_only():
    class Short(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = keras.layers.Embedding(VOCABULARY, VOCABULARY)

        def call(self, token_ids, training=False):
            return self.embedding(token_ids[:, :2])

    language_model = build(WrongBuilder(make=lambda _: Short()))
    with pytest.raises(PluginFailure, match="logits of shape"):
        check_logits(language_model, batch_size=3)


# ---- widths -----------------------------------------------------------------------------------


def wide(vocabulary_size, width):
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(vocabulary_size, width, name="embedding"),
            keras.layers.Dense(8, name="hidden"),
            keras.layers.Dense(vocabulary_size, name="output"),
        ]
    )


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_widths_that_are_no_multiple_of_8_are_named_once_in_half_precision(precision):
    advice = width_advice(build(WrongBuilder(make=lambda size: wide(size, 12))), precision)
    assert advice.startswith(f"In {precision} ")
    assert "12 (embedding)" in advice
    assert "13 (the vocabulary with its 4 special tokens)" in advice
    assert advice.count("12") == advice.count("13") == 1
    assert "\n" not in advice


def test_widths_that_are_multiples_of_8_and_full_precision_need_no_advice():
    assert width_advice(build(WrongBuilder(make=lambda size: wide(size, 12))), "float32") == ""
    even = build(WrongBuilder(make=lambda size: wide(size, 16)))
    assert "16 (" not in width_advice(even, "bfloat16")
    even.model.layers[-1].trainable = even.model.layers[0].trainable = False
    assert width_advice(even, "bfloat16") == ""


def test_many_odd_widths_are_counted_not_listed():
    def make(size):
        layers = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(size, 9)]
        layers += [keras.layers.Dense(width) for width in (10, 11, 12, 14, 15, 17)]
        return keras.Sequential([*layers, keras.layers.Dense(size)])

    advice = width_advice(build(WrongBuilder(make=make)), "bfloat16")
    assert "and 4 more" in advice
    assert advice.count("(") == 4
