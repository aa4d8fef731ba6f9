"""The processes that compute for a server: what waits, who computes what, and who ended too early.

A process is a place for texts: one that was begun there ends there, since its state cannot move. So
a request goes to the process with the fewest, and one of several texts to all of them. Where a
process ends, another takes its place and computes once more what that one had.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs

from textgen_core.serving import wire
from textgen_core.serving.failures import Failed, Failure, QueueFull, Stopped, WorkerEnded
from textgen_core.serving.parts import Ended, Event, Opened
from textgen_core.serving.processes import Connection, WorkerProcess
from textgen_core.serving.replay import Replay

PLACES = 16  # requests that are computed in turns; more wait
MOST_PROCESSES = PLACES  # by default, however many cores there are
ATTEMPTS = 2  # to compute a part of a request, before it is to blame for the ends of processes


@attrs.frozen(kw_only=True)
class Call:
    """What a process is asked. body: of a request, with a seed; is_divisible: several texts."""

    kind: Literal["completions", "generate"]
    body: dict[str, Any]
    is_divisible: bool = False


class Job:
    """A request that was submitted; whoever did may cancel it."""

    def __init__(self, pool: Pool, call: Call, deliver: Callable[[Event | Ended], None]) -> None:
        self._pool, self.call, self.deliver = pool, call, deliver
        self.shares: set[Share] = set()
        self.is_opened = self.is_cancelled = False
        self.error: Exception | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is any use in computing more of it."""
        return not self.is_cancelled and self.error is None

    def cancel(self) -> None:
        """Leave it off; nothing more is delivered."""
        if not self.is_cancelled:
            self.is_cancelled = True
            self._pool.drop(self)


@attrs.define(kw_only=True, eq=False)
class Share:
    """What one process computes of a request: of its parts one in `of`, from `number` on."""

    job: Job
    id: int
    number: int
    of: int
    worker: WorkerProcess
    attempts: int = 1
    replay: Replay = attrs.field(factory=Replay)

    def message(self) -> wire.Message:
        """Return what opens it."""
        call = self.job.call
        where = {"share": self.number, "of": self.of}
        return {"open": self.id, "kind": call.kind, "body": call.body, **where}


class Pool:
    """Computes requests in processes. All of it happens in the thread of one event loop."""

    def __init__(
        self,
        connect: Callable[[int], Awaitable[Connection]],
        *,
        processes: int,
        queue: int,
        places: int = PLACES,
    ) -> None:
        """Prepare for requests.

        Args:
            connect: starts a process, of which it is given the number.
            processes: how many there are.
            queue: how many requests may wait.
            places: how many are computed at a time.
        """
        self._queue, self._places = queue, places
        self._waiting: deque[Job] = deque()
        self._taken: set[Job] = set()  # those that have a place
        self._ids = itertools.count()
        self._is_stopped = False
        self._workers = [
            WorkerProcess(number, connect, self._take, self._lose) for number in range(processes)
        ]

    async def start(self) -> None:
        """Start the processes."""
        for each in self._workers:
            await each.start()

    async def ready(self) -> None:
        """Wait until they are ready; raises TextgenError if they cannot be."""
        first, *others = self._workers
        await first.ready()
        for each in others:
            if not await each.ready():  # it needed a program that the first one has made meanwhile
                await each.warm_up()

    def submit(self, call: Call, deliver: Callable[[Event | Ended], None]) -> Job:
        """Take in a request.

        Args:
            call: what is asked.
            deliver: is called with what it brings, and in the end with `Ended`.

        Raises:
            QueueFull: too many wait.
            Stopped: the server ends.
        """
        if self._is_stopped:
            raise Stopped("The server was stopped.")
        if len(self._waiting) >= self._queue + self._places - len(self._taken):
            raise QueueFull(
                f"{self.open_requests} requests are open or wait already.", "Try again in a moment."
            )
        job = Job(self, call, deliver)
        self._waiting.append(job)
        self._open_waiting()
        return job

    @property
    def open_requests(self) -> int:
        """How many requests have a place, or wait for one."""
        return len(self._taken) + len(self._waiting)

    def drop(self, job: Job) -> None:
        """Let go of a cancelled request; its place is free once nothing of it is computed."""
        if job in self._waiting:
            self._waiting.remove(job)
        self._leave(job)

    def stop(self) -> None:
        """End every request with an error, and take in no more; the processes end."""
        self._is_stopped = True
        jobs = [*self._waiting, *self._taken]
        self._waiting, self._taken = deque(), set()
        for job in jobs:
            if not job.is_cancelled:
                job.deliver(Ended(error=Stopped("The server was stopped.")))
            job.shares.clear()
        for worker in self._workers:
            worker.shares.clear()
            worker.stop()

    async def end(self) -> None:
        """Stop, and wait until all processes have ended."""
        if not self._is_stopped:
            self.stop()
        await asyncio.gather(*(each.end() for each in self._workers))

    def _open_waiting(self) -> None:
        while self._waiting and len(self._taken) < self._places:
            job = self._waiting.popleft()
            self._taken.add(job)
            # A process that is being replaced has its texts still, and is the last to get more.
            workers = sorted(self._workers, key=lambda each: (not each.is_there, len(each.shares)))
            workers = workers if job.call.is_divisible else workers[:1]
            for number, worker in enumerate(workers):
                share = Share(
                    job=job, id=next(self._ids), number=number, of=len(workers), worker=worker
                )
                job.shares.add(share)
                worker.compute(share)

    def _take(self, worker: WorkerProcess, message: wire.Message) -> None:
        """Take what a process brings."""
        share = worker.shares.get(message["id"])
        if share is None:
            return
        if "event" in message:
            self._bring(share, wire.unpack_event(message["event"]))
            return
        end = message["end"]
        if end == wire.ELSEWHERE:
            if share.job.is_wanted:
                del worker.shares[share.id]
                share.replay.begin_again()
                self._workers[0].compute(share)
                return
        elif end is not None:
            share.job.error = share.job.error or Failed(Failure(**end))
        self._close(share)
        if not share.job.is_wanted:
            self._leave(share.job)

    def _bring(self, share: Share, event: Event) -> None:
        job = share.job
        new = share.replay.new_of(event)
        if new is None or not job.is_wanted:
            return
        if isinstance(new, Opened):  # each share has it, and the first one comes before all else
            if job.is_opened:
                return
            job.is_opened = True
        job.deliver(new)

    def _leave(self, job: Job) -> None:
        """Let nothing more of a request be computed; it ends once all of it stands still."""
        for share in tuple(job.shares):
            if share.worker.is_there:
                share.worker.send({"cancel": share.id})
            else:
                self._close(share)

    def _close(self, share: Share) -> None:
        """Note that nothing of a share is computed any more."""
        job = share.job
        share.worker.shares.pop(share.id, None)
        job.shares.discard(share)
        if not job.shares and job in self._taken:
            self._taken.remove(job)
            if not job.is_cancelled:
                job.deliver(Ended(error=job.error))
            self._open_waiting()

    def _lose(self, worker: WorkerProcess) -> None:
        """Take note that a process has ended: the next one computes what it had, if it may."""
        for share in tuple(worker.shares.values()):
            if share.attempts == ATTEMPTS and share.job.is_wanted:
                share.job.error = WorkerEnded("The process that computed this has ended, twice.")
                self._leave(share.job)
            elif not share.job.is_wanted:
                self._close(share)
            else:
                share.attempts += 1
                share.replay.begin_again()
