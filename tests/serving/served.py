"""A server on a real socket, whose model writes letters by a table; and a client for it."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import queue as queues
import socket
import threading
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import numpy as np
from generation.fake_runtime import FakeRuntime
from generation.letter_tokenizer import LETTERS, build_tokenizer

from textgen_core.generation import Generator
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.serving.access import Access
from textgen_core.serving.app import Service, make_app
from textgen_core.serving.contract import Models
from textgen_core.serving.model import ServedModel
from textgen_core.serving.pool import Pool
from textgen_core.serving.processes import Connection
from textgen_core.serving.server import Server, address_of, open_socket
from textgen_core.serving.worker import Worker

SIZE = build_tokenizer().get_vocab_size()
TABLE = np.random.default_rng(3).normal(0, 2, (SIZE, SIZE)).astype(np.float32)
ENDLESS = {"logit_bias": {"3": -100}}  # <END> is never drawn
MAX_TOKENS = 100_000


def ids_of(text):
    return [4 + LETTERS.index(letter) for letter in text]


class FakeModel(ServedModel):
    """A model that notes the chains it is asked for, and writes without samplers.

    breaks: what is raised in place of the step that reads the letter "z", and after so many steps.
    """

    def __init__(self, name="letters", breaks=None, rows=None):
        self.runtime = BreakingRuntime(TABLE, breaks=breaks, rows=rows)
        self.generator = Generator(self.runtime, [])
        self.chains = []
        configuration = SimpleNamespace(
            samplers=(),
            missing=(),
            generation=SimpleNamespace(prompt="a"),
            evaluation=SimpleNamespace(stride=None),
            data=SimpleNamespace(batching="windows"),
        )
        super().__init__(
            RunDirectory(None),
            configuration,
            discover(),
            name=name,
            reader=self.runtime.reader,
            stream=self._write,
            runtime=lambda: self.runtime,
        )
        self.info = {"architecture": "table", "step": 7, "chain": []}
        self.created = 1_700_000_000

    def _write(self, prompts, chain, options):
        self.chains.append([each.label for each in chain])
        return self.generator.stream(prompts, options)

    def texts(self, prompts, seed, max_tokens, **options):
        """What the model writes without a server."""
        written = self.generator.generate(prompts, seed=seed, max_new_tokens=max_tokens, **options)
        return [sample.text for sample in written.samples]


class BreakingRuntime(FakeRuntime):
    def __init__(self, table, *, breaks, rows):
        super().__init__(table, rows=rows)
        self.breaks, self.breaks_after = breaks, None

    def _steps(self, rows, compile_with, *, is_alone):
        steps = super()._steps(rows, compile_with, is_alone=is_alone)
        advance, count = steps.advance, itertools.count()

        def breaking(token_ids):
            is_late = next(count) == self.breaks_after
            if self.breaks and (is_late or (token_ids == ids_of("z")[0]).any()):
                raise self.breaks
            return advance(token_ids)

        steps.advance = breaking
        return steps


async def connect(models):
    """A worker in a thread in place of a process; to kill it is to break its connection."""
    ours, theirs = socket.socketpair()

    def work():
        with theirs, theirs.makefile("rb") as reads, theirs.makefile("wb", buffering=0) as writes:
            worker = Worker(models, reads, writes)
            worker.begin()
            assert worker.work()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    reader, writer = await asyncio.open_connection(sock=ours)

    def kill():
        with suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)

    return Connection(
        reader=reader, writer=writer, wait=lambda: asyncio.to_thread(thread.join), kill=kill
    )


@contextmanager
def serving(
    *models,
    access=None,
    queue=32,
    places=16,
    processes=2,
    max_tokens=MAX_TOKENS,
    has_page=True,
    others=None,
):
    """Serve models in a thread; yields a client, which has the pool and the log.

    others: the models of all processes but the first.
    """
    models = models or (FakeModel(),)
    served, elsewhere = (
        Models(by_name={each.name: each for each in found}, max_tokens=max_tokens)
        for found in (models, others or models)
    )
    listening, log, begun = open_socket("127.0.0.1", 0), [], queues.Queue()

    async def serve():
        workers = []

        async def connect_one(number):
            workers.append(await connect(elsewhere if number else served))
            return workers[-1]

        pool = Pool(connect_one, processes=processes, queue=queue, places=places)
        service = Service(models=served, pool=pool)
        app = make_app(service, access or Access(), log=log.append, has_page=has_page)
        await pool.start()
        await pool.ready()
        server = Server(app, pool, lambda: begun.put((server, workers)))
        try:
            await server.serve([listening])
        finally:
            await pool.end()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    server, workers = begun.get(timeout=30)
    try:
        yield Client(address_of(listening), server, workers, models[0], log)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


class Client:
    """Asks over a connection of its own each time."""

    def __init__(self, address, server, workers, model, log):
        self.address, self.server, self.model, self.log = address, server, model, log
        self.pool = server._pool
        self.workers = workers  # the connections of all that were started
        self.place = address.removeprefix("http://")

    def send(self, method, path, data=None, headers=None):
        """Return a connection that has sent a request."""
        connection = http.client.HTTPConnection(self.place, timeout=30)
        given = {"Content-Type": "application/json"} if method == "POST" else {}
        connection.request(method, path, data, {**given, **(headers or {})})
        return connection

    def raw(self, method, path, data=None, headers=None):
        connection = self.send(method, path, data, headers)
        try:
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        status, _, data = self.raw("GET", path, headers=headers)
        return status, json.loads(data)

    def post(self, path, body, **headers):
        status, _, data = self.raw("POST", path, json.dumps(body).encode(), headers)
        return status, json.loads(data)

    def complete(self, **body):
        status, found = self.post("/v1/completions", body)
        assert status == 200, found
        return found

    def chunks(self, **body):
        """The values of a stream, which ends as it should."""
        data = json.dumps({**body, "stream": True}).encode()
        status, headers, found = self.raw("POST", "/v1/completions", data)
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        *events, done, rest = found.decode().split("\n\n")
        assert (done, rest) == ("data: [DONE]", "")
        return [json.loads(event.removeprefix("data: ")) for event in events]

    def lines(self, **body):
        status, headers, data = self.raw("POST", "/api/generate", json.dumps(body).encode())
        assert (status, headers["content-type"]) == (200, "application/x-ndjson")
        return [json.loads(line) for line in data.splitlines()]

    def wait_for_log(self, lines, seconds=3.0):
        """Wait until so many requests are in the log."""
        end = time.monotonic() + seconds
        while len(self.log) < lines:
            assert time.monotonic() < end, self.log
            time.sleep(0.005)

    def wait_until_idle(self, seconds=3.0):
        """Wait until no request is open, and nothing computes any more."""
        end = time.monotonic() + seconds
        while self.pool.open_requests or self.model.runtime.open:
            assert time.monotonic() < end, (self.pool.open_requests, self.model.runtime.open)
            time.sleep(0.005)
