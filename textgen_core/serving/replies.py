"""A request's answer as HTTP sends it: whole, or as it is written.

Whatever ends a reply cancels its request, so a client that goes away frees its place.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol

import attrs
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from textgen_core.serving.failures import Failure, failure_of
from textgen_core.serving.parts import Ended, Event
from textgen_core.serving.pool import Call, Pool

TOKENS = "textgen.tokens"  # in a request's scope: how many new tokens its answer has


class Answer(Protocol):
    """What turns events into values that are sent."""

    @property
    def new_tokens(self) -> int: ...
    def take(self, event: Event) -> list[dict[str, Any]]: ...
    def last_chunks(self) -> list[dict[str, Any]]: ...
    def whole(self) -> dict[str, Any]: ...


@attrs.frozen(kw_only=True)
class Framing:
    """How values follow each other in a stream. end: what comes after the last one."""

    media_type: str
    before: bytes = b""
    after: bytes = b"\n"
    end: bytes = b""

    def frame(self, value: Any) -> bytes:
        """Return a value as a part of the stream."""
        return self.before + as_bytes(value) + self.after


EVENTS = Framing(
    media_type="text/event-stream; charset=utf-8",
    before=b"data: ",
    after=b"\n\n",
    end=b"data: [DONE]\n\n",
)
LINES = Framing(media_type="application/x-ndjson")


class JsonResponse(Response):
    """A value as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return as_bytes(content)


def as_bytes(value: Any) -> bytes:
    """Return a value as JSON; half a pair of surrogates, which UTF-8 has not, is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode("ascii")


def refusal(failure: Failure) -> Response:
    """Return the response for an error."""
    return JsonResponse(failure.as_json(), failure.status, headers=failure.headers)


class _ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Reply(Response):
    """The answer to a request that is computed meanwhile.

    framing: of the parts in which it is sent; None: as a whole.
    """

    def __init__(self, pool: Pool, call: Call, answer: Answer, framing: Framing | None) -> None:
        """Submit the request; raises QueueFull."""
        super().__init__()
        self._answer, self._framing = answer, framing
        self._events: asyncio.Queue[Event | Ended | _ClientGone] = asyncio.Queue()
        self._job = pool.submit(call, self._events.put_nowait)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, and cancel the request if the client goes away before."""
        watching = asyncio.create_task(self._watch(receive))
        try:
            event = await self._next()
            if self._framing is None:
                response: Response = await self._whole(event)
                await response(scope, receive, send)
            else:
                await self._stream(event, self._framing, send)
        except _ClientGone:
            pass
        except Exception as error:
            await refusal(failure_of(error))(scope, receive, send)
        finally:
            watching.cancel()
            self._job.cancel()
            scope[TOKENS] = self._answer.new_tokens

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._events.put_nowait(_ClientGone())

    async def _next(self) -> Event | None:
        """Return what the request brings next, None at its end; raises what ended it before."""
        event = await self._events.get()
        if isinstance(event, _ClientGone):
            raise event
        if not isinstance(event, Ended):
            return event
        if event.error is not None:
            raise event.error
        return None

    async def _whole(self, event: Event | None) -> Response:
        while event is not None:
            self._answer.take(event)
            event = await self._next()
        return JsonResponse(self._answer.whole())

    async def _stream(self, event: Event | None, framing: Framing, send: Send) -> None:
        headers = [(b"content-type", framing.media_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def say(data: bytes, *, goes_on: bool = True) -> None:
            message = {"type": "http.response.body", "body": data, "more_body": goes_on}
            await send(message)

        try:
            while event is not None:
                parts = map(framing.frame, self._answer.take(event))
                if data := b"".join(parts):
                    await say(data)
                event = await self._next()
        except _ClientGone:
            raise
        except Exception as error:
            await say(framing.frame(failure_of(error).as_json()), goes_on=False)
        else:
            last = b"".join(map(framing.frame, self._answer.last_chunks()))
            await say(last + framing.end, goes_on=False)
