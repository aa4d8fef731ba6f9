"""What the clock can pay for."""

import attrs
import pytest

from textgen_core.config.settings import TrainingSettings
from textgen_core.training.events import UNLIMITED, TimeBudget, most_steps_of
from textgen_core.training.state import Plan

UNPLANNED = Plan(last_step=10**9)


def measured(seconds=100.0, step=0.1, events=()):
    pace = TimeBudget(seconds)
    for _ in range(6):
        pace.step_took(step)
    for event in events:
        pace.event_took(event)
    return pace


def test_the_first_steps_which_compile_do_not_count():
    pace = TimeBudget(100.0)
    for seconds in (30.0, 5.0, 5.0):
        pace.step_took(seconds)
    assert pace.plan_again(UNPLANNED, 3, 60.0) == UNPLANNED
    pace.step_took(0.1)
    assert pace.plan_again(UNPLANNED, 4, 60.0).last_step > 250


def test_an_events_first_time_which_compiles_is_not_what_the_next_ones_are_taken_to_cost():
    pace = measured(events=[15.0])
    assert pace.event_seconds < 2
    plan = pace.plan_again(UNPLANNED, 10, 80.0)
    assert plan.last_step > 500


def test_the_time_of_later_events_is_kept_for_them():
    pace = measured(events=[15.0, 1.0, 1.0])
    assert pace.event_seconds == 1.0
    plan = Plan(last_step=1000)
    assert pace.plan_again(plan, 500, 50.0).last_step == pytest.approx(500 + (50 - 5) / 0.1, abs=1)


def test_events_that_would_take_more_than_a_tenth_are_passed_over():
    pace = measured(events=[15.0])
    assert pace.events_paid_for > 1  # as long as eight steps, as far as is known
    pace.event_took(14.0)
    assert pace.events_paid_for <= 1
    assert measured(events=[15.0, 1.0]).events_paid_for > 1
    assert measured(events=[15.0, 4.0]).events_paid_for <= 1


def test_before_an_event_was_measured_it_is_taken_to_last_as_long_as_some_steps():
    assert measured(step=0.5).event_seconds == pytest.approx(4.0)
    assert measured(seconds=60.0, step=0.5).events_paid_for <= 1
    assert measured(seconds=60.0, step=0.1).events_paid_for > 1
    long = TimeBudget(60.0, event_steps=100.0)
    for _ in range(6):
        long.step_took(0.1)
    assert long.event_seconds == pytest.approx(10.0)
    assert long.events_paid_for <= 1


def test_a_run_that_goes_on_spends_a_tenth_of_what_is_left_on_events():
    assert TimeBudget(600.0, 60.0).events_paid_for == TimeBudget(600.0).events_paid_for // 10


def test_the_last_event_which_always_comes_is_counted_among_those_that_are_paid_for():
    pace = measured(seconds=100.0, events=[1.0] * 8)
    assert pace.events_paid_for > 1  # the ninth, and then the last
    pace.event_took(1.0)
    assert pace.events_paid_for <= 1


def test_when_the_time_is_up_the_plan_ends_at_once_even_if_the_speed_is_unknown():
    plan = TimeBudget(60.0).plan_again(UNPLANNED, 2, 0.0)
    assert plan.last_step == 2
    assert plan.progress_at(2) == 1


def test_time_to_compile_the_first_event_is_kept_until_it_has_come():
    pace = TimeBudget(60.0)
    for seconds in (10.0, 0.1, 0.1, 0.1):
        pace.step_took(seconds)
    assert pace.last_event_seconds == pytest.approx(7.8)  # eight steps, and a compilation
    assert pace.plan_again(UNPLANNED, 4, 7.7).last_step == 4
    pace.event_took(4.0)
    assert pace.last_event_seconds == pytest.approx(0.8)
    assert pace.plan_again(UNPLANNED, 4, 30.0).last_step > 100


def test_what_was_compiled_before_the_first_step_says_what_the_first_event_takes():
    pace = TimeBudget(60.0)
    pace.compiling_took(10.0)
    for _ in range(4):
        pace.step_took(0.1)
    assert pace.last_event_seconds == pytest.approx(7.8)


def test_the_last_event_is_paid_for():
    pace = measured(events=[3.0, 3.0])
    assert pace.plan_again(Plan(last_step=1000), 900, 2.9).last_step == 900


def test_a_run_of_minutes_ends_after_the_most_passes_and_its_schedule_with_it():
    few = TimeBudget(100.0, most_steps=50)
    for _ in range(6):
        few.step_took(0.1)
    plan = few.plan_again(Plan(last_step=50), 10, 80.0)
    assert plan.last_step == 50
    assert plan.progress_at(49) < 1 == plan.progress_at(50)
    assert few.plan_again(plan, 10, 2.0).last_step < 50  # the clock still ends it
    assert few.plan_again(plan, 60, 80.0).last_step == 60  # it was lowered meanwhile


def test_the_most_steps_are_those_of_epochs_or_of_the_most_passes_of_minutes():
    def most(**changes):
        return most_steps_of(attrs.evolve(TrainingSettings(), **changes), 10)

    assert most(epochs=3, most_passes=1.0) == 30
    assert most(epochs=None, minutes=1.0, most_passes=2.5, accumulate=2) == 13
    assert most(epochs=None, steps=17, most_passes=1.0, accumulate=2) == 17
    assert most(epochs=None, minutes=1.0) == UNLIMITED
    assert most(epochs=None, minutes=1.0, most_passes=1e300) == UNLIMITED
    assert most(epochs=None, minutes=1.0, most_passes=1e308) == UNLIMITED
