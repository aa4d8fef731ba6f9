"""Turns, places and their end: with parts that a test controls."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from textgen_core.serving.engine import Ended, Engine, QueueFull, Stopped
from textgen_core.serving.parts import Part


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
def running(**options):
    engine = Engine(**{"parallel": 2, "queue": 4, "places": 2, **options})
    try:
        yield engine
    finally:
        engine.stop()
        engine.join(5)


def submit(engine, *parts):
    received = Received()
    return engine.submit(lambda deliver: parts, received), received


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
        assert engine.open_requests == 0


def test_open_requests_take_turns():
    order = []

    class Noting(Counting):
        def take_turn(self, seconds, is_abandoned):
            order.append(self)
            return super().take_turn(seconds, is_abandoned)

    with running(parallel=1, places=3) as engine:
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

        engine.submit(fail, received)
        assert isinstance(received.wait()[-1].error, SystemExit)
        assert submit(engine, Counting(1))[1].wait()[-1] == Ended()


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_a_cancelled_request_frees_its_place_at_once_and_brings_nothing_more(seconds):
    with running(places=1) as engine:
        part = Counting(10**9, seconds)
        job, received = submit(engine, part)
        _, waiting = submit(engine, Counting(1))
        wait_for(lambda: part.taken or part.inside.locked())
        job.cancel()
        count = len(received.events)
        assert waiting.wait()[-1] == Ended()
        assert len(received.events) <= count + 1
        assert not received.ended.is_set()
        assert part.released == 1


def test_a_request_that_waits_can_be_cancelled():
    with running(places=1) as engine:
        first, _ = submit(engine, Counting(10**9))
        wait_for(lambda: engine.open_requests == 1)
        never = Counting(1)
        job, _ = submit(engine, never)
        job.cancel()
        assert engine.open_requests == 1
        first.cancel()
        wait_for(lambda: engine.open_requests == 0)
        assert never.taken == 0


def test_more_than_the_queue_holds_is_refused():
    with running(places=2, queue=1) as engine:
        for _ in range(3):
            submit(engine, Counting(10**9))
        with pytest.raises(QueueFull, match="3 requests are open or wait"):
            submit(engine, Counting(1))


def test_stopping_ends_every_request_with_an_error():
    with running(places=1) as engine:
        parts = [Counting(10**9, seconds=0.01) for _ in range(3)]
        received = [submit(engine, part)[1] for part in parts]
        wait_for(lambda: parts[0].taken)
        engine.stop()
        for each in received:
            assert isinstance(each.wait()[-1].error, Stopped)
        with pytest.raises(Stopped):
            submit(engine, Counting(1))
        engine.join(5)
        assert not any(thread.is_alive() for thread in engine._threads)
