"""Requests share a core: each computes for a short while, and then it is the next one's turn.

What one request does changes nothing of what another gets but its time. Whoever cancels a request
ends it within a token. The engine knows of no other process.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from textgen_core.serving.parts import Ended, Event, Part

SHARED_SECONDS = 0.2  # after which each of a few requests has had its turn
SHORTEST_TURN, LONGEST_TURN = 0.01, 0.05


class Job:
    """A request for the engine; whoever submits it may cancel it, from any thread.

    open_parts: returns its parts; it is given `deliver` for what is known at once. deliver: is
    called from threads with what it brings, and in the end with `Ended`.
    """

    def __init__(
        self,
        open_parts: Callable[[Callable[[Event], None]], Sequence[Part]],
        deliver: Callable[[Event | Ended], None],
    ) -> None:
        self.open_parts, self.deliver = open_parts, deliver
        self.idle: deque[Part] = deque()  # parts that wait for their turn
        self.running = 0  # parts that a thread is computing
        self.error: BaseException | None = None
        self._is_cancelled = threading.Event()

    def is_cancelled(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._is_cancelled.is_set()

    def fail(self, error: BaseException | None = None) -> None:
        """Let its parts leave off; once they stand still, it ends with the error."""
        self.error = self.error or error
        self._is_cancelled.set()


class Engine:
    """Computes requests in turns in one thread, and opens them in another.

    A request may have to convert a sampler first, while others go on writing.
    """

    def __init__(self) -> None:
        """Prepare for requests."""
        self._waiting: deque[Job] = deque()  # until they are opened
        self._taken: set[Job] = set()  # those that were
        self._ready: deque[Job] = deque()  # of these, those with a part that waits for its turn
        self._changed = threading.Condition()
        self._is_stopped = False
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._open_jobs, self._give_turns)
        ]
        for each in self._threads:
            each.start()

    def submit(self, job: Job) -> None:
        """Take in a request."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Leave a request off: it ends once all of its parts stand still, and brings no more."""
        job.fail()
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.deliver(Ended())
            self._settle(job)

    def stop(self, seconds: float) -> bool:
        """Leave everything off; return whether all has come to its end within so many seconds."""
        with self._changed:
            self._is_stopped = True
            for job in tuple(self._taken):
                job.fail()
                self._settle(job)
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for each in self._threads:
            each.join(max(0.0, end - time.monotonic()))
        return not any(each.is_alive() for each in self._threads)

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
            while not (self._is_stopped or self._waiting):
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
            job.deliver(Ended(error=job.error))
        self._changed.notify_all()
