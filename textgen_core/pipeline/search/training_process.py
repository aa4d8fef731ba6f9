"""The process that trains the trials of a search: told which, it tells what comes of each.

A line of JSON comes in for each trial, `{"trial": ID}`. Out go `{"ready": true}`, then `warning`,
`progress` and `steps` of a trial, and in the end its `result`, or why it `failed`. `gauge` is both
asked and answered: see `Study.agree_on_gauge`.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import attrs

from textgen_core.corpus import Texts, keep_streams, read_texts
from textgen_core.errors import reason_of
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.trainer import describe_error, send
from textgen_core.pipeline.starting import with_absolute_paths
from textgen_core.registry import Registry, discover
from textgen_core.training.callbacks import Callback
from textgen_core.training.interruption import SIGNALS


def ignore_signals() -> None:
    """Let the parent alone be stopped by the user: this process ends with it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class Requests:
    """The trials that the parent asks for.

    Once the parent is gone, this process ends, also in the middle of a trial or before it is ready:
    another one may take the trial over then.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._is_busy = True
        self._asked: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._gauges: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self) -> None:
        """Have nothing to do until something is asked for."""
        self._is_busy = False

    def gauge(self) -> float:
        """Return the answer to a gauge that was sent."""
        return self._gauges.get()

    def __iter__(self) -> Iterator[int]:
        while (trial := self._asked.get()) is not None:
            yield trial

    def _read(self) -> None:
        for line in self._file:
            message = json.loads(line)
            if "gauge" in message:
                self._gauges.put(message["gauge"])
            else:
                self._is_busy = True
                self._asked.put(message["trial"])
        if self._is_busy:
            os._exit(0)
        self._asked.put(None)


def work(directory: Path, requests: Requests, writes: IO[bytes]) -> None:
    """Train what is asked for until the parent is gone; TensorFlow has been imported.

    Raises TextgenError if the study cannot be opened.
    """
    from textgen_core.models.devices import resident_memory

    study, registry, texts = Study(directory), discover(), None
    requests.wait()
    send(writes, {"ready": True})
    follower = _Follower(writes)

    def agree(seconds: float) -> float:
        send(writes, {"gauge": seconds})
        return requests.gauge()

    for trial in requests:
        try:
            texts = read_shared(study, registry) if texts is None else texts
            entry = next(each for each in study.journal.entries() if each.id == trial)
            given = (study, registry, texts, entry, follower)
            result = train_entry(*given, on_steps=follower.on_steps, agree=agree)
            message = {"result": result}
        except (Exception, SystemExit) as error:  # of a plugin, of a library
            message = describe_error(error, reason_of(error))
        requests.wait()  # before the parent knows, which may ask for the next one at once
        send(writes, {**message, "resident": resident_memory()})


def read_shared(study: Study, registry: Registry) -> Texts:
    """Return the texts that all trials of a study share."""
    return read_texts(keep_streams(study.request.recipe_as_it_is(registry).corpus))


def train_entry(
    study: Study,
    registry: Registry,
    texts: Texts,
    entry: Entry,
    follower: Callback,
    *,
    on_steps: Callable[[int], None],
    agree: Callable[[float], float],
) -> dict[str, Any]:
    """Train and score a trial in this process, and return what was measured."""
    from textgen_core.pipeline.search.trial import train_trial  # TensorFlow

    began = time.monotonic()
    configuration = with_absolute_paths(study.configuration(entry, registry))
    directory = study.clear(entry)
    result = train_trial(
        configuration,
        texts,
        directory,
        follower,
        steps=entry.steps,
        on_steps=on_steps,
        agree=agree,
    )
    return {**attrs.asdict(result), "wall": time.monotonic() - began}


class _Follower(Callback):
    """Tells the parent what it has to know of a trial."""

    def __init__(self, writes: IO[bytes]) -> None:
        self._writes = writes

    def on_steps(self, steps: int) -> None:
        """There will be so many steps."""
        send(self._writes, {"steps": steps})

    def on_warning(self, text: str) -> None:
        send(self._writes, {"warning": text})

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        del row
        send(self._writes, {"progress": progress})
