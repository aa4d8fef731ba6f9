"""What a step costs beside a product, whatever else the machine does meanwhile."""

from contextlib import contextmanager

import numpy as np
import pytest
from training.test_job import everything, make_job

from textgen_core.training import gauge
from textgen_core.training.gauge import compare_step


class Machine:
    """One whose step takes three times as long as its product; `speeds`: how slow each turn is."""

    def __init__(self, speeds):
        self.speeds = iter(speeds)
        self.slow = 1.0
        self.at = 0.0
        self.turns = 0

    @contextmanager
    def steps_taken_back(self, _):
        self.turns = 0
        yield self.step

    def step(self):
        self.turns += 1
        self.slow = next(self.speeds) if self.turns > 1 else 50.0  # the first one compiles
        self.at += 0.3 * self.slow
        return 0.3 * self.slow

    def product(self):
        self.at += 0.1 * self.slow
        return 0.1 * self.slow


@pytest.fixture
def on(monkeypatch):
    def set_up(speeds):
        machine = Machine(speeds)
        product = type("Product", (), {"time": lambda _: machine.product()})
        monkeypatch.setattr(gauge, "_Product", product)
        monkeypatch.setattr(gauge, "steps_taken_back", machine.steps_taken_back)
        monkeypatch.setattr(gauge.time, "perf_counter", lambda: machine.at)
        return machine

    return set_up


def test_a_machine_that_is_slower_for_most_turns_costs_a_step_no_more(on):
    on([1.0] * 2 + [2.0] * 9)
    cost = compare_step(None)
    assert cost.ratio == pytest.approx(3)
    assert cost.seconds == pytest.approx(0.6)
    assert cost.gauge == pytest.approx(0.2)


def test_what_compiling_takes_is_no_part_of_a_step(on):
    on([1.0] * 11)
    assert compare_step(None).seconds == pytest.approx(0.3)


@pytest.mark.parametrize(("slow", "turns"), [(1.0, 10), (3.0, 4), (40.0, 3)])
def test_slow_steps_have_fewer_turns_but_never_less_than_three(on, slow, turns):
    machine = on([slow] * 11)
    compare_step(None)
    assert machine.turns - 1 == turns


def test_comparing_leaves_the_job_as_it_was_to_the_bit(tmp_path):
    job = make_job(tmp_path, True, learning_rate=0.01)
    before = everything(job)
    cost = compare_step(job)
    assert cost.ratio > 0
    assert cost.seconds > 0
    assert cost.gauge > 0
    for old, new in zip(before, everything(job), strict=True):
        np.testing.assert_array_equal(old, new)
