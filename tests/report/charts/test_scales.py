from __future__ import annotations

import pytest

from textgen_core.report.charts.scales import (
    Axis,
    Scale,
    logarithmic_scale,
    round_step,
    scale_for,
    thin,
    time_axis,
)


def test_a_linear_axis_places_its_ends_and_its_middle():
    scale = Scale(low=2.0, high=6.0)
    assert [scale.place(value) for value in (2.0, 4.0, 6.0)] == [0.0, 0.5, 1.0]


def test_a_logarithmic_axis_places_powers_at_equal_distances():
    scale = Scale(low=1.0, high=100.0, logarithmic=True)
    assert [scale.place(value) for value in (1, 10, 100)] == pytest.approx([0.0, 0.5, 1.0])
    assert scale.ticks() == pytest.approx([1, 10, 100])


def test_ticks_are_round_and_within_the_axis():
    assert Scale(low=0, high=1400).ticks(5) == [0, 500, 1000]
    assert Scale(low=0, high=0.003).ticks(3) == pytest.approx([0, 0.001, 0.002, 0.003])


@pytest.mark.parametrize(
    ("span", "most", "step"), [(10, 5, 2), (1, 6, 0.2), (7, 7, 1), (1e-6, 4, 2.5e-7)]
)
def test_a_step_is_the_smallest_round_one(span: float, most: int, step: float):
    assert round_step(span, most) == pytest.approx(step)


def test_an_axis_reaches_over_all_values():
    scale = scale_for([2.93, 8.3])
    assert (scale.low, scale.high) == (2, 9)
    assert scale_for([5.0, 7.0], from_zero=True, rounded=False) == Scale(low=0, high=7)


@pytest.mark.parametrize("values", [[], [0.0], [3.0], [3.0, 3.0], [-2.0], [1e-90], [1e90]])
@pytest.mark.parametrize("from_zero", [True, False])
def test_one_value_alone_has_an_axis_too(values: list[float], from_zero: bool):
    scale = scale_for(values, from_zero=from_zero)
    assert scale.low < scale.high
    assert all(0 <= scale.place(value) <= 1 for value in values)
    assert scale.ticks()


@pytest.mark.parametrize("values", [[], [1], [0.3, 70_000], [1e-90, 1e90]])
def test_a_logarithmic_axis_holds_all_values(values: list[float]):
    scale = logarithmic_scale(values)
    assert all(0 <= scale.place(value) <= 1 for value in values)
    assert 1 <= len(scale.ticks()) <= 7


def test_thinned_points_are_the_means_of_neighbours():
    points = [(1.0, 10.0), (2.0, 20.0), (3.0, 30.0), (4.0, 40.0), (5.0, 50.0)]
    assert thin(points, 5) == points
    assert thin(points, 3) == [(1.5, 15.0), (3.5, 35.0), (5.0, 50.0)]


def test_a_clock_tells_at_which_steps_its_round_times_were():
    steps = Scale(low=0, high=400)
    slow_then_fast = [(100.0, 120.0), (400.0, 240.0)]
    axis = time_axis(steps, slow_then_fast, most=4)
    assert axis == Axis(
        label="min", ticks=[(0.0, "0"), (0.125, "1"), (0.25, "2"), (0.625, "3"), (1.0, "4")]
    )


def test_a_clock_has_the_unit_of_its_length():
    steps = Scale(low=0, high=10)
    units = [time_axis(steps, [(10.0, seconds)]) for seconds in (45.0, 600.0, 7200.0)]
    assert [axis.label for axis in units if axis] == ["s", "min", "h"]
    assert time_axis(steps, []) is None
    assert time_axis(steps, [(10.0, 0.0)]) is None
