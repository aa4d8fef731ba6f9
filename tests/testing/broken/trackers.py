"""Trackers that break one rule each."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
from testing.sound import Pages, SoundTracker

from textgen_core import TextgenError
from textgen_core.components import Outcome, TrackedRun


class Torn(Pages):
    """A session that has no space for a sample."""

    def sample(self, step: int, text: str) -> None:
        self._file.close()
        raise OSError("no space for a sample")


class NoSession:
    """Takes everything, and is no TrackerSession."""


@attrs.frozen(kw_only=True)
class TornTracker(SoundTracker):
    """Its session raises."""

    def start(self, run: TrackedRun) -> Any:
        return Torn(run.directory / "x")


@attrs.frozen(kw_only=True)
class Unresumed(SoundTracker):
    """Cannot go on with a run."""

    def start(self, run: TrackedRun) -> Any:
        if run.resumed_at_step is not None:
            raise FileExistsError("there is a diary already")
        return SoundTracker.start(self, run)


@attrs.frozen(kw_only=True)
class Sessionless(SoundTracker):
    """Starts something else."""

    def start(self, run: TrackedRun) -> Any:
        return NoSession()


@attrs.frozen(kw_only=True)
class Unexplained(SoundTracker):
    """Lets the ImportError of a missing package out."""

    def start(self, run: TrackedRun) -> Any:
        import no_such_service.client  # noqa: F401


@attrs.frozen(kw_only=True)
class Vague(SoundTracker):
    """Says that something is missing, but not what."""

    def start(self, run: TrackedRun) -> Any:
        try:
            import no_such_service  # noqa: F401
        except ImportError as error:
            raise TextgenError("Something is missing.") from error


@attrs.frozen(kw_only=True)
class Explained(SoundTracker):
    """Says which package is missing, which is no fault."""

    def start(self, run: TrackedRun) -> Any:
        try:
            import no_such_service  # noqa: F401
        except ImportError as error:
            raise TextgenError("The diary needs the package no_such_service.") from error


class Final(Pages):
    """A session that looks for the files of the run's end."""

    def finish(self, outcome: Outcome) -> None:
        super().finish(outcome)
        if outcome.status == "finished":
            raise RuntimeError(f"cannot send {outcome.report}")


@attrs.frozen(kw_only=True)
class FinalTracker(SoundTracker):
    """Its session raises at the end of a finished run."""

    def start(self, run: TrackedRun) -> Any:
        return Final(run.directory / "x")


class Rising(Pages):
    """A session that takes no step twice."""

    last: ClassVar[dict[str, int]] = {}

    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        super().log(step, values)
        last = Rising.last.get(self._file.name, 0)
        if step < last:
            self._file.close()
            raise ValueError(f"step {step} comes after step {last}")
        Rising.last[self._file.name] = step


@attrs.frozen(kw_only=True)
class RisingTracker(SoundTracker):
    """Wants the steps of a run to rise, over all of its sessions."""

    def start(self, run: TrackedRun) -> Any:
        return Rising(run.directory / "x")


@attrs.frozen(kw_only=True)
class Exiting(SoundTracker):
    """Ends the program where it cannot write."""

    def start(self, run: TrackedRun) -> Any:
        try:
            return SoundTracker.start(self, run)
        except OSError as error:
            raise SystemExit("cannot write") from error


class Abrupt(Pages):
    """A session that ends the process where its record is gone."""

    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        if not Path(self._file.name).exists():
            self._file.close()
            os._exit(3)
        super().log(step, values)


@attrs.frozen(kw_only=True)
class AbruptTracker(SoundTracker):
    """Ends the process at once."""

    def start(self, run: TrackedRun) -> Any:
        return Abrupt(run.directory / "x")


class Sulking(Pages):
    """A session that cannot be finished where its record is gone."""

    def finish(self, outcome: Outcome) -> None:
        super().finish(outcome)
        if not Path(self._file.name).exists():
            raise KeyboardInterrupt("no record to finish")


@attrs.frozen(kw_only=True)
class SulkingTracker(SoundTracker):
    """Interrupts the run at its end."""

    def start(self, run: TrackedRun) -> Any:
        return Sulking(run.directory / "x")


@attrs.frozen(kw_only=True)
class GlobalTracker(SoundTracker):
    """Draws the record's name from the random numbers of the process."""

    def start(self, run: TrackedRun) -> Any:
        return Pages(run.directory / f"{random.random()}.txt")


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("tracker.order", TornTracker, "no space for a sample"),
    ("tracker.resumed", Unresumed, "there is a diary already"),
    ("tracker.order", Sessionless, "start returns a NoSession"),
    ("tracker.order", Unexplained, "ModuleNotFoundError"),
    ("tracker.order", Vague, "does not name 'no_such_service'"),
    ("tracker.order", FinalTracker, "cannot send"),
    ("tracker.resumed", RisingTracker, "step 2 comes after step 3"),
    ("tracker.failure", Exiting, "raised SystemExit: cannot write"),
    ("tracker.failure", AbruptTracker, "os._exit.3"),
    ("tracker.failure", SulkingTracker, "with KeyboardInterrupt"),
    ("component.frozen-random-state", GlobalTracker, "changes the state of random"),
)
