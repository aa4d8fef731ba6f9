"""Experiment trackers as a callback: one that raises is dropped, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from textgen_core.components import Outcome, TrackedRun, TrackerSession
from textgen_core.errors import PluginFailure, TextgenError
from textgen_core.registry.selection import ResolvedComponent
from textgen_core.training.callbacks import Callback


class Trackers(Callback):
    """Hands rows and samples to the sessions of a run's trackers; `warn` says which was dropped."""

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
