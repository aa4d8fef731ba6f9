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

    Attributes:
        id: the name of the run directory.
        directory: the run directory.
        configuration: the resolved configuration as plain values, as in run.toml.
        resumed_at_step: the step that a resumed run continues from, or None.
    """

    id: str
    directory: Path
    configuration: Mapping[str, Any]
    resumed_at_step: int | None = None


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: whether it ran to its end.
        evaluation: the path of evaluation.json; None if it was not written.
        report: the path of report.html; None if it was not written.
    """

    status: Literal["finished", "interrupted", "failed"]
    evaluation: Path | None = None
    report: Path | None = None


class TrackerSession(ABC):
    """The record of one run in an experiment tracker."""

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        """Record a training or a validation row.

        Args:
            step: the optimizer step that the row belongs to.
            values: the figures, under the names used in metrics.jsonl.
        """

    @abstractmethod
    def sample(self, step: int, text: str) -> None:
        """Record a generated text.

        Args:
            step: the optimizer step at which it was generated.
            text: what the model wrote, without the prompt.
        """

    @abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Close the record; called once, however the run ends.

        Args:
            outcome: how it ended.
        """


class Tracker(ABC):
    """Sends what happens in training somewhere: a dashboard, a file, a service.

    A tracker that raises is dropped with a warning, and the run goes on.
    """

    @abstractmethod
    def start(self, run: TrackedRun) -> TrackerSession:
        """Open the record of a run, or open it again when the run is resumed.

        Args:
            run: its name, directory and configuration.

        Returns:
            The session that the core reports to until the run ends.
        """
