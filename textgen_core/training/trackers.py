"""Experiment trackers as a callback: one that raises is dropped, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
            session = self._guarded(each, partial(each.instance.start, run))
            if session is not None:
                self._sessions.append((each, session))

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
        def done(session: TrackerSession) -> bool:
            action(session)
            return True

        self._sessions = [
            (chosen, session)
            for chosen, session in self._sessions
            if self._guarded(chosen, partial(done, session))
        ]

    def _guarded(self, chosen: ResolvedComponent, action: Callable[[], Any]) -> Any:
        """Return what an action returns, or None if it raises."""
        try:
            with chosen.errors():
                return action()
        except PluginFailure as failure:
            self._warn(f"{failure.problem.rstrip('.')}. The run goes on without it.")
        except TextgenError as error:
            self._warn(f"{chosen.description}: {error.problem} The run goes on without it.")
        return None
