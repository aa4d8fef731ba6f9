"""A process that computes: it holds the models, and is told by the server what to write and score.

It ends when the server does, however that comes. It knows no HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import RawIOBase
from typing import Any, BinaryIO

import attrs

from textgen_core.serving import wire
from textgen_core.serving.allowance import Allowance
from textgen_core.serving.contract import Models, read_completion, read_generate
from textgen_core.serving.engine import Engine, Job
from textgen_core.serving.failures import failure_of
from textgen_core.serving.model import Request, ServedModel
from textgen_core.serving.parts import Ended, Event, Part

GRACE_SECONDS = 0.5  # for what is being computed when the server has gone


class NeedsTensorFlow(Exception):
    """Only a server's first process loads TensorFlow, and this is another one."""


class Worker:
    """Computes what it is told."""

    def __init__(self, models: Models, reads: BinaryIO, writes: RawIOBase) -> None:
        """Prepare. reads, writes: where messages come from, and go to."""
        self._models, self._reads, self._writes = models, reads, writes
        self._jobs: dict[int, Job] = {}
        self._sending = threading.Lock()  # two threads of the engine do
        self._engine = Engine()

    def begin(self) -> None:
        """Load what it needs, and say that it is ready."""
        self._send({"ready": self._warm_up()})

    def work(self) -> bool:
        """Compute until the server goes away; return whether nothing is computed any more."""
        while (message := wire.read(self._reads)) is not None:
            if "open" in message:
                self._open(message)
            elif "cancel" in message:
                if job := self._jobs.get(message["cancel"]):
                    self._engine.cancel(job)
            else:
                self.begin()
        return self._engine.stop(GRACE_SECONDS)

    def _warm_up(self) -> bool:
        """Have everything loaded for the first request; return whether that was possible."""
        try:
            for model in self._models.by_name.values():
                warm_up(model)
        except NeedsTensorFlow:
            return False
        return True

    def _open(self, message: wire.Message) -> None:
        number, kind = message["open"], message["kind"]

        def open_parts(deliver: Callable[[Event], None]) -> Sequence[Part]:
            request = self._request(kind, message["body"])
            parts = self._models.by_name[request.model].take_up(request, deliver)
            return parts[message["share"] :: message["of"]]

        def deliver(event: Event | Ended) -> None:
            if isinstance(event, Ended):
                self._jobs.pop(number, None)
                self._send({"id": number, "end": _end_of(event.error, kind)})
            else:
                self._send({"id": number, "event": wire.pack_event(event)})

        self._jobs[number] = job = Job(open_parts, deliver)
        self._engine.submit(job)

    def _request(self, kind: str, body: Any) -> Request:
        if kind == "completions":
            return read_completion(body, self._models).request
        return read_generate(body, self._models)

    def _send(self, message: wire.Message) -> None:
        with self._sending, suppress(OSError):  # the server has gone, which reading notices
            wire.send(self._writes, message)


def _end_of(error: BaseException | None, kind: str) -> Any:
    if error is None:
        return None
    if isinstance(error, NeedsTensorFlow):
        return wire.ELSEWHERE
    failure = failure_of(error, samplers="sampler" if kind == "completions" else "samplers")
    return attrs.asdict(failure)


def warm_up(model: ServedModel) -> None:
    """Write a token and score one, so that the first request finds everything loaded and read."""
    if "sampler" in model.configuration.missing:
        return
    ask = Request(
        model=model.name,
        prompts=(model.configuration.generation.prompt or "a",),
        max_tokens=1,
        seed=0,
        chain=model.chain,
        tokens=True,
        alternatives=1,
        scores=True,
    )
    for part in model.take_up(ask, lambda _: None):
        try:
            while part.is_open:
                part.take_turn(1.0, lambda: False)
        finally:
            part.release()


def tensorflow_loader(
    import_tensorflow: Callable[[], None], allowance: Allowance, *, is_first: bool
) -> Callable[[], None]:
    """Return what is called before TensorFlow is used: it loads it in the first process alone.

    So there is one copy of it, and what clients can have made has a bound. The function raises
    NeedsTensorFlow, or TooMuchToMake.
    """

    def before_tensorflow() -> None:
        if not is_first:
            raise NeedsTensorFlow
        allowance.take()
        import_tensorflow()

    return before_tensorflow
