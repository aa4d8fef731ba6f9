"""What training remembers, and what validations mean for it."""

import json
import math

import attrs
import pytest
from training.tiny import settings

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.files import finite
from textgen_core.training.job import is_over
from textgen_core.training.state import PLATEAU_FACTOR, Plan, TrainingState

START = TrainingState(plan=Plan(last_step=100))


def validated_at_epochs(losses, plateau):
    state = START
    for loss in losses:
        state = state.epoch_validated(loss, plateau=plateau)
    return state


def test_a_state_comes_back_from_json_as_it_was():
    state = TrainingState(
        step=7,
        tokens=123,
        seconds=1.1,
        unlogged_loss=0.1 + 0.2,
        unlogged_tokens=9,
        plan=Plan(last_step=10, step=3, progress=1 / 3),
        best_loss=math.pi,
        best_step=5,
        epochs_without_gain=2,
        rate_factor=0.125,
    )
    text = json.dumps(finite(state.as_json()))
    assert TrainingState.from_json(json.loads(text)) == state


@pytest.mark.parametrize(
    "damage",
    [
        {"step": "7"},
        {"step": 7.5},
        {"step": True},
        {"plan": {"last_step": "many"}},
        {"plan": {}},
        {"plan": []},
        {"plan": None},
        {"seconds": None},
        {"another": 1},
        {"step": -1},
        {"tokens": -1},
        {"tokens": 10**30},
        {"seconds": -0.5},
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"unlogged_loss": math.nan},
        {"best_loss": math.nan},
        {"best_loss": -math.inf},
        {"best_step": 99},
        {"scheduled_from": 99},
        {"rate_factor": 1.5},
        {"plan": {"last_step": 5, "progress": 2.0}},
        {"plan": {"last_step": -5}},
    ],
    ids=str,
)
def test_a_damaged_state_is_a_damaged_run_directory(damage):
    with pytest.raises(RunDirectoryError, match=r"state\.json is damaged"):
        TrainingState.from_json({**START.as_json(), **damage})


@pytest.mark.parametrize("values", [[], "text", None, 3, {}])
def test_what_is_no_state_at_all_is_a_damaged_run_directory(values):
    with pytest.raises(RunDirectoryError, match=r"state\.json is damaged"):
        TrainingState.from_json(values)


def test_the_best_is_the_first_of_the_lowest():
    state = START
    for step, loss in enumerate([3.0, 2.0, 2.5, 2.0, math.nan], start=1):
        state = TrainingState(
            plan=state.plan, step=step, best_loss=state.best_loss, best_step=state.best_step
        ).validated(loss)
    assert (state.best_step, state.best_loss) == (2, 2.0)


def test_epochs_without_gain_count_since_the_best_epoch():
    assert validated_at_epochs([3.0, 2.0, 2.1, 2.0], False).epochs_without_gain == 2
    assert validated_at_epochs([3.0, 2.0, 2.1, 1.9], False).epochs_without_gain == 0
    assert validated_at_epochs([math.nan, math.nan], False).epochs_without_gain == 2


def test_the_plateau_lowers_the_rate_with_each_epoch_that_brings_no_gain():
    losses = [3.0, 2.0, 2.1, 2.2, 1.0]
    assert validated_at_epochs(losses, True).rate_factor == PLATEAU_FACTOR**2
    assert validated_at_epochs(losses, False).rate_factor == 1


def test_a_schedule_begins_anew_from_the_full_rate_and_keeps_the_best():
    state = attrs.evolve(
        validated_at_epochs([3.0, 2.0, 2.1, 2.2], True), step=40, best_loss=2.0, best_step=20
    )
    again = state.with_fresh_plan(last_step=60)
    assert again.plan == Plan(last_step=60, step=40, progress=0.0)
    assert (again.rate_factor, again.epochs_without_gain, again.scheduled_from) == (1.0, 0, 40)
    assert (again.best_loss, again.best_step, again.best_epoch_loss) == (2.0, 20, 2.0)


def test_a_state_of_an_older_checkpoint_is_scheduled_from_its_start():
    values = START.as_json()
    del values["scheduled_from"]
    assert TrainingState.from_json(values) == START


def test_training_is_over_when_patience_is():
    state = validated_at_epochs([2.0, 2.0, 2.0], False)
    assert is_over(state, settings(patience=2))
    assert not is_over(state, settings(patience=3))
    assert not is_over(state, settings(patience=None))


def test_on_the_clock_there_is_no_early_stopping():
    state = validated_at_epochs([2.0] * 9, False)
    assert not is_over(state, settings(patience=2, epochs=None, minutes=1.0))


def test_training_is_over_at_the_plans_end():
    assert is_over(TrainingState(step=100, plan=START.plan), settings())
    assert not is_over(TrainingState(step=99, plan=START.plan), settings())
