"""What every request passes: who may call is checked, and what was answered is noted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import attrs
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textgen_core.serving.access import Access
from textgen_core.serving.failures import failure_of
from textgen_core.serving.replies import TOKENS, refusal

_NAMES = re.compile(r"[A-Za-z0-9-]+(, ?[A-Za-z0-9-]+)*")
_USUAL = "authorization, content-type"
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@attrs.frozen(kw_only=True)
class Served:
    """What was answered. tokens: new ones, None where there could be none; no text is in it."""

    method: str
    path: str
    status: int
    seconds: float
    tokens: int | None


class Guard:
    """An ASGI app before another. needs_key: whether a path is only for those who know the key."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        log: Callable[[Served], None],
        needs_key: Callable[[str], bool],
    ) -> None:
        self._app, self._access, self._log, self._needs_key = app, access, log, needs_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        added = self._added(headers.get("origin"))

        async def send_more(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            app = self._answer(scope, headers)
            await app(scope, receive, send_more)
        except Exception as error:  # of what checks: `answering` has those of the handlers
            refused = refusal(failure_of(error))
            if not status:
                await refused(scope, receive, send_more)
        finally:
            self._log(
                Served(
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=time.perf_counter() - begun,
                    tokens=scope.get(TOKENS),
                )
            )

    def _answer(self, scope: Scope, headers: dict[str, str]) -> ASGIApp:
        """Return what answers a request; raises Refused."""
        self._access.check(scope["method"], headers)
        if scope["method"] == "OPTIONS" and self._access.is_named(headers.get("origin")):
            asked = headers.get("access-control-request-headers", "")
            allowed = {
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": asked if _NAMES.fullmatch(asked) else _USUAL,
            }
            return Response(status_code=204, headers=allowed)
        if self._needs_key(scope["path"]):
            self._access.check_key(headers)
        return self._app

    def _added(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        added = dict(_ALWAYS)
        if origin is not None and self._access.is_named(origin):
            added |= {"access-control-allow-origin": origin, "vary": "origin"}
        return [(name.encode(), value.encode("latin-1")) for name, value in added.items()]
