"""Requests share the cores: each computes for a short while, and then it is the next one's turn.

What one request does changes nothing of what another gets but its time. Whoever cancels a request
frees its place within a token. The engine knows no JSON and no HTTP.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import attrs

from textgen_core.errors import TextgenError
from textgen_core.serving.parts import Event, Part

PLACES = 16  # requests that are computed in turns; more wait
SHARED_SECONDS = 0.1  # after which each of a few requests has had its turn
SHORTEST_TURN, LONGEST_TURN = 0.01, 0.05


class QueueFull(TextgenError):
    """So many requests wait already that no more are taken."""


class Stopped(TextgenError):
    """The server ends, and what it had begun with it."""


@attrs.frozen(kw_only=True)
class Ended:
    """A request has ended; error: what ended it before it was done."""

    error: BaseException | None = None


class Job:
    """A request in the engine; whoever submitted it may cancel it, from any thread."""

    def __init__(
        self,
        engine: Engine,
        open_parts: Callable[[Callable[[Event], None]], Sequence[Part]],
        deliver: Callable[[Event | Ended], None],
    ) -> None:
        self._engine, self.open_parts, self.deliver = engine, open_parts, deliver
        self.idle: deque[Part] = deque()  # parts that wait for their turn
        self.running = 0  # parts that a thread is computing
        self.error: BaseException | None = None
        self._is_cancelled = threading.Event()

    def is_cancelled(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._is_cancelled.is_set()

    def cancel(self) -> None:
        """Leave it off; nothing more is delivered."""
        self._is_cancelled.set()
        self._engine.drop(self)

    def fail(self, error: BaseException) -> None:
        """End it with an error, which is delivered once all of its parts stand still."""
        self.error = self.error or error
        self._is_cancelled.set()


class Engine:
    """Computes requests in turns, in a thread for each core, and opens them in one more."""

    def __init__(self, *, parallel: int, queue: int, places: int = PLACES) -> None:
        """Prepare for requests. parallel: cores to use; queue: how many requests may wait."""
        self._queue, self._places = queue, places
        self._waiting: deque[Job] = deque()
        self._taken: set[Job] = set()  # those that have a place
        self._ready: deque[Job] = deque()  # of these, those with a part that waits for its turn
        self._changed = threading.Condition()
        self._is_stopped = False
        work = [("textgen-open", self._open_jobs)]
        work += [(f"textgen-turn-{number}", self._give_turns) for number in range(parallel)]
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True) for name, target in work
        ]
        for each in self._threads:
            each.start()

    def submit(
        self,
        open_parts: Callable[[Callable[[Event], None]], Sequence[Part]],
        deliver: Callable[[Event | Ended], None],
    ) -> Job:
        """Take in a request.

        Args:
            open_parts: returns its parts; it is given `deliver` for what is known at once.
            deliver: is called from threads with what it brings, and in the end with `Ended`.

        Raises:
            QueueFull: too many wait.
            Stopped: the engine was stopped.
        """
        job = Job(self, open_parts, deliver)
        with self._changed:
            if self._is_stopped:
                raise _stopped()
            if len(self._waiting) >= self._queue + self._places - len(self._taken):
                raise QueueFull(
                    f"{len(self._taken) + len(self._waiting)} requests are open or wait already.",
                    "Try again in a moment.",
                )
            self._waiting.append(job)
            self._changed.notify_all()
        return job

    @property
    def open_requests(self) -> int:
        """How many requests have a place, or wait for one."""
        with self._changed:
            return len(self._taken) + len(self._waiting)

    def drop(self, job: Job) -> None:
        """Free what a cancelled request has; a part that is being computed leaves off itself."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
            self._settle(job)

    def stop(self) -> None:
        """End every request with an error, and take in no more; the threads end."""
        with self._changed:
            self._is_stopped = True
            waiting, self._waiting = self._waiting, deque()
            for job in waiting:
                job.deliver(Ended(error=_stopped()))
            for job in tuple(self._taken):
                job.fail(_stopped())
                self._settle(job)
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for each thread of a stopped engine to end, but no longer than this."""
        for each in self._threads:
            each.join(seconds)

    def _open_jobs(self) -> None:
        while (job := self._next_waiting()) is not None:
            parts: list[Part] = []
            try:
                parts += job.open_parts(job.deliver)
            except BaseException as error:  # whatever it is, it must not end the thread
                job.fail(error)
            with self._changed:
                job.running -= 1
                job.idle.extend(parts)
                self._settle(job)

    def _next_waiting(self) -> Job | None:
        with self._changed:
            while not (self._is_stopped or (self._waiting and len(self._taken) < self._places)):
                self._changed.wait()
            if self._is_stopped:
                return None
            job = self._waiting.popleft()
            job.running += 1
            self._taken.add(job)
            return job

    def _give_turns(self) -> None:
        while (turn := self._next_turn()) is not None:
            job, part, seconds = turn
            try:
                for event in part.take_turn(seconds, job.is_cancelled):
                    if not job.is_cancelled():
                        job.deliver(event)
            except BaseException as error:
                job.fail(error)
            with self._changed:
                job.running -= 1
                if part.is_open:
                    job.idle.append(part)
                else:
                    part.release()
                self._settle(job)

    def _next_turn(self) -> tuple[Job, Part, float] | None:
        with self._changed:
            while not (self._is_stopped or self._ready):
                self._changed.wait()
            if self._is_stopped:
                return None
            job = self._ready.popleft()
            part = job.idle.popleft()
            job.running += 1
            if job.idle:  # behind the others: where there are none, another core takes it
                self._ready.append(job)
            seconds = SHARED_SECONDS / len(self._taken)
            return job, part, min(LONGEST_TURN, max(SHORTEST_TURN, seconds))

    def _settle(self, job: Job) -> None:
        """Put a request where it belongs, now that something of it has changed."""
        if job.is_cancelled():
            while job.idle:
                job.idle.popleft().release()
        is_ready = job in self._ready
        if job.idle and not is_ready:
            self._ready.append(job)
        elif is_ready and not job.idle:
            self._ready.remove(job)
        if job in self._taken and not job.idle and not job.running:
            self._taken.remove(job)
            if job.error or not job.is_cancelled():
                job.deliver(Ended(error=job.error))
        self._changed.notify_all()


def _stopped() -> Stopped:
    return Stopped("The server was stopped.")
