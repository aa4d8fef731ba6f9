"""What follows a run: the terminal, experiment trackers, a notebook.

The pipeline and the training loop report what happens; a callback decides what to do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from textgen_core.components import Outcome, TrackedRun, TrackerSession
from textgen_core.errors import PluginFailure, TextgenError
from textgen_core.registry.selection import ResolvedComponent

PHASES = {1: "Analyse", 2: "Prepare", 3: "Build", 4: "Train", 5: "Generate and evaluate"}


class Callback:
    """Follows a run and does nothing; override what matters."""

    def on_run_begin(self, directory: str) -> None:
        """A run begins to write into its directory."""

    def on_phase(self, number: int) -> None:
        """A phase of `PHASES` begins."""

    def on_message(self, lines: Sequence[str]) -> None:
        """A phase found something worth a line."""

    def on_detail(self, lines: Sequence[str]) -> None:
        """A phase found something technical, which few want to know while it runs."""

    def on_progress(self, what: str, done: int, total: int) -> None:
        """A long part of a phase has come so far; it is over when `done` is `total`."""

    def on_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A phase found a table."""

    def on_warning(self, text: str) -> None:
        """The run does something else than the user may expect."""

    def on_estimate(self, seconds: float, steps: int | None) -> None:
        """Training will take about so long; `steps` is None within a time budget."""

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        """A row was written to metrics.jsonl; `progress` runs from 0 to 1."""

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        """A validation row was written to metrics.jsonl."""

    def on_sample(self, row: Mapping[str, Any]) -> None:
        """A sample was written to samples.jsonl."""

    def on_checkpoint(self, step: int) -> None:
        """A checkpoint was saved."""

    def on_training_end(self, *, interrupted: bool) -> None:
        """Training is over, or was interrupted."""

    def on_generated(self, texts: Sequence[str], prompt: str) -> None:
        """The run wrote its final samples."""

    def on_verdict(self, sentences: Sequence[str]) -> None:
        """The run was scored: what it can do, what would help most, and where that is explained."""
        self.on_message(sentences)


class Callbacks(Callback):
    """Several callbacks as one: each is called in turn."""

    def __init__(self, *callbacks: Callback) -> None:
        def call_each(name: str, *values: Any, **named: Any) -> None:
            for callback in callbacks:
                getattr(callback, name)(*values, **named)

        for name in EVENTS:
            setattr(self, name, partial(call_each, name))


EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class Trackers(Callback):
    """Hands rows and samples to the sessions of a run's trackers.

    A tracker that raises is dropped, as `warn` is told, and the run goes on.
    """

    def __init__(
        self, chosen: Sequence[ResolvedComponent], run: TrackedRun, warn: Callable[[str], None]
    ) -> None:
        self._warn = warn
        self._sessions: list[tuple[ResolvedComponent, TrackerSession]] = []
        for each in chosen:
            with self._dropped_if_it_raises(each):
                self._sessions.append((each, each.instance.start(run)))

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        del progress
        self.on_validation_row(row)

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        values = {name: value for name, value in row.items() if name != "step"}
        self._each(lambda session: session.log(int(row["step"]), values))

    def on_sample(self, row: Mapping[str, Any]) -> None:
        self._each(lambda session: session.sample(int(row["step"]), str(row["text"])))

    def finish(self, outcome: Outcome) -> None:
        """Close every session."""
        self._each(lambda session: session.finish(outcome))
        self._sessions = []

    def _each(self, action: Callable[[TrackerSession], None]) -> None:
        for chosen, session in tuple(self._sessions):
            with self._dropped_if_it_raises(chosen):
                action(session)

    @contextmanager
    def _dropped_if_it_raises(self, chosen: ResolvedComponent) -> Iterator[None]:
        try:
            with chosen.errors():
                yield
        except TextgenError as error:
            self._sessions = [each for each in self._sessions if each[0] is not chosen]
            named = isinstance(error, PluginFailure)
            problem = error.problem if named else f"{chosen.description}: {error.problem}"
            self._warn(f"{problem.rstrip('.')}. The run goes on without it.")
