"""The server as a process: its socket, the processes that compute for it, and its end.

On Ctrl-C every open request is answered with an error, so that no client holds the end up.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from textgen_core.errors import UsageError
from textgen_core.serving.pool import Pool

GRACE_SECONDS = 1  # for answers that are being sent when the server ends
WAITING_CLIENTS = 512  # connections that the system keeps until they are taken


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free. Raises UsageError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            opened.listen(WAITING_CLIENTS)
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"Port {port} is in use on {host}.",
                "Allowed: another one, --port 8001, or --port 0 for any that is free.",
            ) from error
        raise UsageError(
            f"Nothing can listen on {host}, port {port}: {error.strerror or error}.",
            "Allowed: an address of this machine, such as 127.0.0.1, and a port from 1024 on.",
        ) from error
    return opened


def address_of(listening: socket.socket) -> str:
    """Return the URL at which a socket listens."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    listening: socket.socket,
    pool: Pool,
    make_app: Callable[[], ASGIApp],
    on_ready: Callable[[], None],
) -> None:
    """Serve on a socket until the end; on_ready is called once requests are answered.

    The processes begin while the app is made. Raises TextgenError where they cannot.
    """
    try:
        await pool.start()
        app = make_app()
        await pool.ready()
        await Server(app, pool, on_ready).serve([listening])
    finally:
        await pool.end()


class Server(uvicorn.Server):
    """Serves an app until a signal, or `should_exit`; on_ready is called once it listens."""

    def __init__(self, app: ASGIApp, pool: Pool, on_ready: Callable[[], None]) -> None:
        # Its own messages would say less than ours, and an error's trace is for --debug.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._pool, self._on_ready = pool, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open, and then the server; who has not read an answer by then is left."""
        self._pool.stop()
        await super().shutdown(sockets)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        while self.server_state.connections:  # each notes in a turn of the loop that it is lost
            await asyncio.sleep(0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End at the first signal; at a second one without waiting for anybody."""
        self.force_exit = self.should_exit
        self.should_exit = True
