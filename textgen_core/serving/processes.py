"""A process that computes, as its server sees it; and the next one in its place.

It is spoken to over its standard streams. This module knows nothing of what it computes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from textgen_core.errors import RunDirectoryError, TextgenError, UsageError
from textgen_core.serving import wire
from textgen_core.serving.failures import WorkerEnded

if TYPE_CHECKING:
    from textgen_core.serving.pool import Share

PAUSE_SECONDS = 1.0  # before a process is started again that ended before it was ready
END_SECONDS = 1.0  # for a process to end
_ERRORS = {each.exit_code: each for each in (UsageError, RunDirectoryError)}
_OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


@attrs.frozen(kw_only=True)
class Connection:
    """A process as its server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wait: Callable[[], Awaitable[object]]  # for its end
    kill: Callable[[], None]


async def start_process(command: Sequence[str]) -> Connection:
    """Start a process that is spoken to over its standard streams, out of reach of Ctrl-C."""
    alone = {"process_group": 0} if os.name == "posix" else {"creationflags": _OWN_GROUP}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **alone
    )
    assert process.stdout is not None
    assert process.stdin is not None
    return Connection(
        reader=process.stdout, writer=process.stdin, wait=process.wait, kill=process.kill
    )


class WorkerProcess:
    """One process, and the next one in its place."""

    def __init__(
        self,
        number: int,
        connect: Callable[[int], Awaitable[Connection]],
        take: Callable[[WorkerProcess, wire.Message], None],
        lose: Callable[[WorkerProcess], None],
    ) -> None:
        self._number, self._connect, self._take, self._lose = number, connect, take, lose
        self._connection: Connection | None = None
        self._ready: asyncio.Queue[wire.Message | None] = asyncio.Queue()
        self._was_ready = self._is_stopped = False
        self._running: asyncio.Task[None] | None = None
        self.shares: dict[int, Share] = {}

    @property
    def is_there(self) -> bool:
        """Whether there is a process now."""
        return self._connection is not None

    async def start(self) -> None:
        """Start the process, and from now on each that has to take its place.

        Raises WorkerEnded where the system refuses one.
        """
        try:
            self._connection = await self._connect(self._number)
        except OSError as error:
            problem = f"A process that computes for the server cannot be started: {error}."
            raise WorkerEnded(problem, advice="Use fewer of them: --parallel 1") from error
        self._running = asyncio.create_task(self._run())

    async def ready(self) -> bool:
        """Wait until it is ready, and return whether all is loaded; raises what kept it from it."""
        message = await self._ready.get()
        if message is None:
            raise WorkerEnded("A process that computes for the server ended as it began.")
        if "failed" in message:
            raise _ERRORS.get(message["exit_code"], TextgenError)(*message["failed"])
        return bool(message["ready"])

    async def warm_up(self) -> None:
        """Let it load what it could not before."""
        self.send({})
        await self.ready()

    def send(self, message: wire.Message) -> None:
        """Send a message, if there is a process."""
        if self._connection is not None:
            self._connection.writer.write(wire.pack(message))

    def compute(self, share: Share) -> None:
        """Give it something to compute, at once or when it is there."""
        share.worker = self
        self.shares[share.id] = share
        self.send(share.message())

    def stop(self) -> None:
        """Let it end."""
        self._is_stopped = True
        if self._connection is not None:
            self._connection.writer.close()

    async def end(self) -> None:
        """Wait for the end of a process that was stopped."""
        if self._running is None:
            return
        await asyncio.wait([self._running], timeout=END_SECONDS)
        if self._connection is not None:
            with suppress(ProcessLookupError):
                self._connection.kill()
        await asyncio.wait([self._running], timeout=END_SECONDS)

    async def _run(self) -> None:
        while (connection := self._connection) is not None:
            while (message := await wire.receive(connection.reader)) is not None:
                if "id" in message:
                    self._take(self, message)
                else:
                    self._was_ready = "ready" in message
                    self._ready.put_nowait(message)
            with suppress(ProcessLookupError):  # it has gone; or closed what it writes to, alone
                connection.kill()
            await connection.wait()
            connection.writer.close()
            self._connection = None
            if not self._is_stopped:
                await self._begin_again()

    async def _begin_again(self) -> None:
        self._lose(self)
        self._ready.put_nowait(None)
        if not self._was_ready:
            await asyncio.sleep(PAUSE_SECONDS)
        self._was_ready = False
        while self._connection is None and not self._is_stopped:
            try:
                self._connection = await self._connect(self._number)
            except OSError:  # there is no room for another process, for now
                await asyncio.sleep(PAUSE_SECONDS)
        for share in self.shares.values():
            self.send(share.message())
