"""Turns and their end: with parts that a test controls."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from textgen_core.serving.engine import Engine, Job
from textgen_core.serving.parts import Ended, Part


class Counting(Part):
    """Takes `turns` turns, each a little while, and brings the number of each."""

    def __init__(self, turns, seconds=0.0, breaks_at=None):
        self.left, self.seconds, self.breaks_at = turns, seconds, breaks_at
        self.taken, self.released, self.inside = 0, 0, threading.Lock()

    @property
    def is_open(self):
        return self.left > 0

    def take_turn(self, seconds, is_abandoned):
        with self.inside:  # one thread at a time
            end = time.monotonic() + self.seconds
            while time.monotonic() < end and not is_abandoned():
                time.sleep(0.001)
            self.taken += 1
            self.left -= 1
            if self.taken == self.breaks_at:
                raise ValueError("broken")
            return [self.taken]

    def release(self):
        self.released += 1


class Received:
    def __init__(self):
        self.events, self.ended = [], threading.Event()

    def __call__(self, event):
        self.events.append(event)
        if isinstance(event, Ended):
            self.ended.set()

    def wait(self):
        assert self.ended.wait(10)
        return self.events


@contextmanager
def running():
    engine = Engine()
    try:
        yield engine
    finally:
        assert engine.stop(5)


def submit(engine, *parts):
    received = Received()
    job = Job(lambda deliver: parts, received)
    engine.submit(job)
    return job, received


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_request_brings_what_its_parts_bring_and_ends():
    with running() as engine:
        one, other = Counting(3), Counting(2)
        _, received = submit(engine, one, other)
        *events, ended = received.wait()
        assert sorted(events) == [1, 1, 2, 2, 3]
        assert ended == Ended()
        assert (one.released, other.released) == (1, 1)


def test_open_requests_take_turns():
    order = []

    class Noting(Counting):
        def take_turn(self, seconds, is_abandoned):
            order.append(self)
            return super().take_turn(seconds, is_abandoned)

    with running() as engine:
        parts = [Noting(6, seconds=0.005) for _ in range(3)]
        received = [submit(engine, part)[1] for part in parts]
        for each in received:
            each.wait()
    last_starts = [order.index(part) for part in parts]
    shared = order[max(last_starts) : max(last_starts) + 9]
    assert all(shared[place : place + 3].count(each) == 1 for place in (0, 3) for each in parts)


def test_an_error_ends_its_own_request_alone():
    with running() as engine:
        broken, beside, sound = Counting(9, breaks_at=2), Counting(10**6), Counting(5)
        _, failed = submit(engine, broken, beside)
        _, received = submit(engine, sound)
        assert isinstance(failed.wait()[-1].error, ValueError)
        assert received.wait()[-1] == Ended()
        assert (broken.released, beside.released) == (1, 1)
        assert submit(engine, Counting(1))[1].wait()[-1] == Ended()


def test_what_cannot_be_opened_ends_with_its_error():
    with running() as engine:
        received = Received()

        def fail(deliver):
            raise SystemExit(3)

        engine.submit(Job(fail, received))
        assert isinstance(received.wait()[-1].error, SystemExit)
        assert submit(engine, Counting(1))[1].wait()[-1] == Ended()


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_a_cancelled_request_ends_at_once_and_brings_nothing_more(seconds):
    with running() as engine:
        part = Counting(10**9, seconds)
        job, received = submit(engine, part)
        wait_for(lambda: part.taken or part.inside.locked())
        engine.cancel(job)
        count = len(received.events)
        *_, ended = received.wait()
        assert ended == Ended()
        assert len(received.events) <= count + 2
        assert part.released == 1
        assert submit(engine, Counting(1))[1].wait()[-1] == Ended()


def test_a_request_that_is_not_opened_yet_can_be_cancelled():
    with running() as engine:
        going_on = threading.Event()
        engine.submit(Job(lambda deliver: going_on.wait(10) and [], Received()))
        never = Counting(1)
        job, received = submit(engine, never)
        engine.cancel(job)
        assert received.wait() == [Ended()]
        going_on.set()
        assert submit(engine, Counting(1))[1].wait()[-1] == Ended()
        assert never.taken == 0


def test_stopping_ends_what_is_computed_and_the_threads():
    engine = Engine()
    parts = [Counting(10**9, seconds=0.01) for _ in range(3)]
    received = [submit(engine, part)[1] for part in parts]
    wait_for(lambda: parts[0].taken)
    assert engine.stop(5)
    taken = [part.taken for part in parts]
    time.sleep(0.05)
    assert [part.taken for part in parts] == taken
    assert not any(thread.is_alive() for thread in engine._threads)
    assert received


def test_a_stop_waits_no_longer_than_it_may_for_what_cannot_be_interrupted():
    engine, going_on = Engine(), threading.Event()
    engine.submit(Job(lambda deliver: going_on.wait(10) and [], Received()))
    time.sleep(0.05)
    assert not engine.stop(0.1)
    going_on.set()
    assert engine.stop(5)
