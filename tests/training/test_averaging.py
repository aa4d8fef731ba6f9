"""The average of the weights: what it is, and that training neither sees nor loses it."""

import keras
import numpy as np
import pytest
from training.tiny import TIME, TinyModel, build_tokenizer, settings, values_of

from textgen_core.models.language_model import LanguageModel
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.weights import load_weights
from textgen_core.training.averaging import averaged, swap_average
from textgen_core.training.checkpoint import load_optimizer, save_checkpoint
from textgen_core.training.memory import checkpoint_bytes, training_memory, weight_bytes
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.state import Plan, TrainingState

DECAY = 0.75


def trained(steps, float16=False, **changes):
    """Return a model of ones after some steps of 1 down, and its optimizer."""
    model = TinyModel()
    for variable in model.trainable_variables:
        variable.assign(keras.ops.ones(variable.shape))
    asked = settings(**{"optimizer": "sgd", "learning_rate": 1.0, "average": DECAY, **changes})
    optimizer = build_optimizer(asked, model, float16)
    for _ in range(steps):
        scale = float(optimizer.scale_loss(1.0)) if float16 else 1.0
        gradients = [scale * keras.ops.ones(each.shape) for each in model.trainable_variables]
        optimizer.apply(gradients, model.trainable_variables)
    return model, optimizer


def numbers_in(model):
    return {number for each in values_of(model.trainable_variables) for number in each.flat}


def averages_of(model, optimizer):
    with averaged(model, optimizer):
        return numbers_in(model)


@pytest.mark.parametrize("float16", [False, True])
def test_the_average_fades_and_begins_with_the_weights_of_the_first_step(float16):
    model, optimizer = trained(3, float16)  # the weights are 0, then -1, then -2
    assert averages_of(model, optimizer) == {DECAY * (0.25 * -1) + 0.25 * -2}
    assert numbers_in(model) == {-2.0}
    assert averages_of(*trained(0, float16)) == {1.0}


def test_without_an_average_there_is_nothing_to_exchange():
    model, optimizer = trained(3, average=0.0)
    assert averages_of(model, optimizer) == {-2.0}
    assert len(optimizer.variables) == len(trained(3)[1].variables) - 5


def test_an_error_gives_the_weights_back():
    model, optimizer = trained(2)
    with pytest.raises(KeyError), averaged(model, optimizer):
        raise KeyError
    assert numbers_in(model) == {-1.0}


def test_a_checkpoint_has_the_average_as_its_model_and_training_goes_on_from_the_weights(tmp_path):
    model, optimizer = trained(3)
    run = RunDirectory(tmp_path)
    state = TrainingState(step=3, plan=Plan(last_step=9))
    save_checkpoint(run, state, model, optimizer, recurrent_state=None)

    written = TinyModel()
    load_weights(run, 3, written)
    assert numbers_in(written) == {-0.6875}
    resumed, other = trained(0)
    load_weights(run, 3, resumed)
    load_optimizer(run, 3, other)
    swap_average(resumed, other)
    for one, two in ((model, resumed), (optimizer, other)):
        for left, right in zip(values_of(one.variables), values_of(two.variables), strict=True):
            np.testing.assert_array_equal(left, right)


def test_memory_and_checkpoints_are_expected_to_hold_the_average_too():
    language_model = LanguageModel(
        model=TinyModel(), tokenizer=build_tokenizer(), context_length=TIME
    )
    followed, none = settings(optimizer="sgd", average=DECAY), settings(optimizer="sgd")
    weights = weight_bytes(language_model)
    assert checkpoint_bytes(language_model, none) == weights
    assert checkpoint_bytes(language_model, followed) == 2 * weights
    more = training_memory(language_model, followed, 2) - training_memory(language_model, none, 2)
    assert more == pytest.approx(weights, abs=64)  # without the seed of dropout
