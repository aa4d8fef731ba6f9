"""The contract of an experiment tracker, and what the core tells it of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs


@attrs.frozen(kw_only=True)
class TrackedRun:
    """The run that a tracker follows.

    configuration: the resolved configuration as plain values, as in run.toml.
    resumed_at_step: the step that a resumed run goes on from, or None.
    """

    id: str
    directory: Path
    configuration: Mapping[str, Any]
    resumed_at_step: int | None = None


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended: `evaluation` and `report` are paths, None where none was written."""

    status: Literal["finished", "interrupted", "failed"]
    evaluation: Path | None = None
    report: Path | None = None


class TrackerSession(ABC):
    """One run's record in an experiment tracker."""

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        """Record the figures of a step, under the names used in metrics.jsonl."""

    @abstractmethod
    def sample(self, step: int, text: str) -> None:
        """Record a text that the model wrote at a step."""

    @abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Close the record. Called once, however the run ends."""


class Tracker(ABC):
    """Sends what happens in training somewhere: a dashboard, a file, a service.

    A tracker that raises is dropped with a warning, and the run goes on.
    """

    @abstractmethod
    def start(self, run: TrackedRun) -> TrackerSession:
        """Open the record of a run, or open it again when the run is resumed."""
