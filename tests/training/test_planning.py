"""When training ends, counted in steps or planned from the clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from textgen_core.training.state import Plan, last_step_in_time

steps = some.integers(0, 10_000)


def test_progress_runs_from_nothing_to_all():
    plan = Plan(last_step=200)
    assert [plan.progress_at(step) for step in (0, 50, 200, 300)] == [0, 0.25, 1, 1]


def test_a_plan_of_no_steps_is_done():
    assert Plan(last_step=0).progress_at(0) == 1


@given(first=some.integers(1, 10_000), step=steps, second=steps, later=some.integers(0, 20_000))
def test_a_plan_goes_on_from_another_without_a_jump_and_ends_at_one(first, step, second, later):
    plan = Plan(last_step=first)
    again = plan.replanned(step, second)
    if again.last_step > step:
        assert again.progress_at(step) == pytest.approx(plan.progress_at(step))
    assert again.last_step >= step
    assert again.progress_at(again.last_step) == 1
    assert 0 <= again.progress_at(later) <= 1
    assert again.progress_at(later) <= again.progress_at(later + 1)


def test_the_last_step_is_what_fits_into_the_time_left():
    assert last_step_in_time(10, seconds_left=5.0, seconds_per_step=0.5) == 20
    assert last_step_in_time(10, seconds_left=0.4, seconds_per_step=0.5) == 10


def test_no_time_left_ends_the_run_here():
    assert last_step_in_time(10, seconds_left=-3.0, seconds_per_step=0.5) == 10
    assert last_step_in_time(10, seconds_left=1.0, seconds_per_step=0.0) > 10
