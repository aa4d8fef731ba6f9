"""Optimizers by name, and what Muon leaves to Adam."""

import keras
import numpy as np
import pytest
from training.tiny import TinyModel, settings, values_of

from textgen_core.training.optimizer import adam_variables, build_optimizer

NAMES = ["adam", "adamw", "sgd", "muon"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_builds_an_optimizer_that_moves_all_weights(name):
    model = TinyModel()
    optimizer = build_optimizer(settings(optimizer=name, learning_rate=0.125), model, False)
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.learning_rate) == 0.125
    before = values_of(model.trainable_variables)
    optimizer.apply(
        [keras.ops.ones(variable.shape) for variable in model.trainable_variables],
        model.trainable_variables,
    )
    for old, new in zip(before, values_of(model.trainable_variables), strict=True):
        assert (old != new).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_leaves_clipping_to_the_step(name):
    optimizer = build_optimizer(settings(optimizer=name, clip_norm=0.01), TinyModel(), False)
    assert (optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue) == (None,) * 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("float16", [False, True])
def test_weight_decay_shrinks_matrices_alone_by_its_product_with_the_learning_rate(name, float16):
    model = TinyModel()
    for variable in model.trainable_variables:
        variable.assign(keras.ops.ones(variable.shape))
    asked = settings(optimizer=name, learning_rate=0.5, weight_decay=0.25)
    optimizer = build_optimizer(asked, model, float16)
    gradients = [keras.ops.zeros(variable.shape) for variable in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    for variable in model.trainable_variables:
        expected = 0.875 if len(variable.shape) == 2 else 1.0
        np.testing.assert_allclose(variable, np.full(variable.shape, expected))


@pytest.mark.parametrize(
    ("name", "decay"), [("adam", None), ("adamw", 0.01), ("sgd", None), ("muon", 0.004)]
)
def test_an_optimizer_keeps_its_own_weight_decay_where_none_is_asked_for(name, decay):
    optimizer = build_optimizer(settings(optimizer=name), TinyModel(), False)
    assert optimizer.weight_decay == decay
    assert getattr(optimizer, "adam_weight_decay", decay) == decay


def test_float16_scales_the_loss_of_the_optimizer_that_was_asked_for():
    optimizer = build_optimizer(settings(optimizer="adam"), TinyModel(), True)
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert isinstance(optimizer.inner_optimizer, keras.optimizers.Adam)


def left_to_adam(optimizer, model):
    pairs = zip(model.trainable_variables, optimizer.adam_velocities, strict=True)
    return {variable.path for variable, velocity in pairs if velocity is not None}


class NamingModel(TinyModel):
    @property
    def adam_variables(self):
        return [self.hidden.kernel]


def test_muon_leaves_to_adam_what_the_model_names_and_what_is_no_matrix():
    model = NamingModel()
    optimizer = build_optimizer(settings(optimizer="muon"), model, False)
    names = {path.partition("/")[2] for path in left_to_adam(optimizer, model)}
    assert names == {"embedding/embeddings", "hidden/kernel", "hidden/bias", "output/bias"}


def test_muon_leaves_embeddings_and_the_last_layer_to_adam_where_the_model_names_nothing():
    model = TinyModel()
    optimizer = build_optimizer(settings(optimizer="muon"), model, False)
    names = {path.partition("/")[2] for path in left_to_adam(optimizer, model)}
    assert names == {"embedding/embeddings", "hidden/bias", "output/kernel", "output/bias"}
    assert {variable.path for variable in adam_variables(model)} == left_to_adam(optimizer, model)


class NestedModel(keras.Model):
    """Two matrices, the path of one being the end of the other's."""

    def __init__(self):
        super().__init__(name="outer")
        self.deep = keras.Sequential([keras.layers.Dense(3, name="dense")], name="outer")
        self.dense = keras.layers.Dense(3, name="dense")
        self(np.zeros((1, 3), np.float32))

    def call(self, inputs):
        return self.dense(self.deep(inputs))

    @property
    def adam_variables(self):
        return [self.dense.kernel]


def test_muon_takes_a_named_variable_for_no_other_whose_path_ends_like_it():
    model = NestedModel()
    other = model.deep.layers[0].kernel
    assert other.path.endswith(model.dense.kernel.path) and other.path != model.dense.kernel.path
    optimizer = build_optimizer(settings(optimizer="muon"), model, False)
    assert model.dense.kernel.path in left_to_adam(optimizer, model)
    assert other.path not in left_to_adam(optimizer, model)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_gradients_give_the_same_weights_to_the_bit(name):
    results = []
    for _ in range(2):
        model = TinyModel()
        optimizer = build_optimizer(settings(optimizer=name), model, False)
        random = np.random.default_rng(0)
        for _ in range(3):
            gradients = [
                keras.ops.convert_to_tensor(random.normal(size=each.shape).astype(np.float32))
                for each in model.trainable_variables
            ]
            optimizer.apply(gradients, model.trainable_variables)
        results.append(values_of(model.trainable_variables))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
