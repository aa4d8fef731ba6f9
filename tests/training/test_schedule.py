"""Learning rates over the course of a training."""

import itertools

import pytest

from textgen_core.training.optimizer import halved, rate_share

SCHEDULES = ["constant", "plateau", "halving", "linear", "cosine"]
POINTS = [number / 2000 for number in range(2001)]


@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.4, 0.7])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_has_no_jump_and_stays_between_nothing_and_all(schedule, warm_up):
    shares = [rate_share(schedule, warm_up, point) for point in POINTS]
    assert all(0 <= share <= 1 + 1e-12 for share in shares)
    steps = [abs(after - before) for before, after in itertools.pairwise(shares)]
    assert max(steps) < 0.006


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("warm_up", [0.0, 0.7])
def test_a_falling_schedule_ends_at_zero(schedule, warm_up):
    assert rate_share(schedule, warm_up, 1.0) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warm_up_rises_to_the_highest_rate_and_never_starts_at_zero(schedule):
    assert 0 < rate_share(schedule, 0.2, 0.0) < 0.01
    assert rate_share(schedule, 0.2, 0.1) == pytest.approx(0.5)
    assert rate_share(schedule, 0.2, 0.2) == pytest.approx(1.0)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_warm_up_training_starts_at_the_highest_rate(schedule):
    assert rate_share(schedule, 0.0, 0.0) == 1.0


def test_linear_waits_and_then_falls_straight():
    assert rate_share("linear", 0.0, 0.4) == 1.0
    assert rate_share("linear", 0.0, 0.7) == pytest.approx(0.5)


def test_cosine_is_half_way_down_in_the_middle():
    assert rate_share("cosine", 0.0, 0.5) == pytest.approx(0.5)
    assert rate_share("cosine", 0.2, 0.6) == pytest.approx(0.5)


def test_halving_begins_after_the_epochs_at_the_full_rate():
    assert [halved(epochs, 1) for epochs in range(4)] == [1, 0.5, 0.25, 0.125]
    assert [halved(epochs, 4) for epochs in range(7)] == [1, 1, 1, 1, 0.5, 0.25, 0.125]
    assert halved(5000, 1) == 0
