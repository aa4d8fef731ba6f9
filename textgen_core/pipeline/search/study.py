"""A study on disk: its request, its journal, who works on it, and the directories of its trials.

What is trained next is decided in `planning`; here it is read and noted, so that two processes, or
one that was killed and started again, know the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from textgen_core.config.ranges import Dimension
from textgen_core.config.resolve import Configuration
from textgen_core.errors import CorpusError
from textgen_core.pipeline.search.clock import (
    Presence,
    count_present,
    is_present,
    present,
    seconds_worked,
)
from textgen_core.pipeline.search.journal import Entry, Journal
from textgen_core.pipeline.search.records import RECIPE
from textgen_core.pipeline.search.request import Request, load_request
from textgen_core.registry import Registry
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import file_errors

_SECONDS, _TEXTS, _GAUGE = "seconds", "texts", "gauge"
_FINALISTS, _VERDICT = "finalists", "verdict"


class Study:
    """One study; `working` takes part in it. is_new: whether this process has just made it."""

    def __init__(self, directory: Path, *, is_new: bool = False) -> None:
        self.directory, self.is_new = directory, is_new
        self.request: Request = load_request(directory)
        self.journal = Journal(directory / "journal.log", len(self.request.budgets))
        self._processes = directory / "processes"
        self._presence: Presence | None = None

    @property
    def rungs(self) -> int:
        """How many budgets there are."""
        return len(self.request.budgets)

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        """Everything that varies, by its key."""
        return {each.key: each for each in self.request.space.dimensions}

    def discard(self) -> None:
        """Remove a study of which nothing was tried."""
        with file_errors(self.directory, "written"):
            shutil.rmtree(self.directory)

    # ---- time and processes

    @contextmanager
    def working(self) -> Iterator[None]:
        """Take part in the study while the block runs: its clock goes on meanwhile."""
        with present(self._processes) as self._presence:
            yield

    @property
    def process(self) -> str:
        """The name of this process among those that work on the study."""
        assert self._presence is not None
        return self._presence.id

    @property
    def lock(self) -> int:
        """The open file whose lock says that this process works on the study."""
        assert self._presence is not None
        return self._presence.lock

    @property
    def processes(self) -> int:
        """How many processes work on it."""
        return count_present(self._processes)

    @property
    def seconds(self) -> float:
        """For how long at least one process worked on it."""
        return seconds_worked(self._processes)

    @property
    def of(self) -> float | None:
        """For how long it may be worked on; None: as long as it takes."""
        found = self.journal.about().get(_SECONDS)
        return None if found is None else float(found)

    def set_seconds(self, seconds: float) -> None:
        """Set for how long it may be worked on, all in all."""
        self.journal.note_of_study(_SECONDS, seconds)

    def agree_on_gauge(self, seconds: float) -> float:
        """Return the seconds of the product that steps are measured beside, for all trials.

        They are what the first trial found: how fast the machine is later on, or another one that
        shares the study, gives no trial more steps than the others.
        """
        with self.journal.locked():
            found = self.journal.about().get(_GAUGE)
            if found is None:
                self.journal.note_of_study(_GAUGE, seconds)
        return seconds if found is None else float(found)

    def agree_on_texts(self, found: Sequence[tuple[str, str]]) -> None:
        """Keep the SHA-256 of the texts for all who go on with the study.

        found: their paths, and the hashes of what is there now. Raises CorpusError if they are
        others than they were: scores would be of several texts.
        """
        with self.journal.locked():
            before = self.journal.about().get(_TEXTS)
            if before is None:
                self.journal.note_of_study(_TEXTS, [digest for _, digest in found])
                return
        changed = [path for path, digest in found if digest not in before]
        if changed or len(found) != len(before):
            told = ", ".join(changed[:3]) or f"{len(found)} in place of {len(before)}"
            raise CorpusError(
                f"The texts of {self.directory} are not those that its trials were trained on: "
                f"{told}.",
                "Allowed: the same texts, byte for byte.",
                "Put them back, or begin another study: --out DIR",
            )

    # ---- trials

    def directory_of(self, entry: Entry) -> RunDirectory:
        """Return the run directory of a trial."""
        return RunDirectory(self.directory / "trials" / f"{entry.number:03d}-{entry.rung}")

    def configuration(self, entry: Entry, registry: Registry) -> Configuration:
        """Return the configuration of a trial; raises UsageError if it contradicts itself."""
        values = None if entry.configuration == RECIPE else entry.values
        budget = self.request.budgets[entry.rung]
        return self.request.configuration(registry, values, budget, entry.seed)

    def begin(
        self,
        rung: int,
        configuration: int,
        values: Mapping[str, Any],
        *,
        seed: int,
        is_final: bool = False,
    ) -> Entry:
        """Note that this process begins a trial, and return it.

        Another seed of a configuration is trained for as many steps as the first: what differs is
        the seed alone, however fast the machine is now.
        """
        entries = self.journal.entries()
        number = len(entries) + 1
        trial = self.journal.begin(
            rung,
            is_final=is_final,
            values=values,
            dimensions=self.dimensions,
            number=number,
            configuration=configuration,
            seed=seed,
            process=self.process,
        )
        same = (
            each for each in entries if (each.configuration, each.rung) == (configuration, rung)
        )
        if steps := next((each.steps for each in same if each.steps is not None), None):
            self.journal.note(trial, steps=steps)
        return next(each for each in self.journal.entries() if each.id == trial)

    def abandoned(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the trials that nobody trains, since the process that did is gone."""
        running = [each for each in entries if each.state == "running"]
        return [each for each in running if not self._is_trained(each)]

    def _is_trained(self, entry: Entry) -> bool:
        if self._presence is not None and entry.process == self.process:
            return True
        return bool(entry.process) and is_present(self._processes, entry.process)

    def take_over(self, entry: Entry) -> None:
        """Note that this process trains a trial again; it counts who was lost with it before."""
        self.journal.note(entry.id, process=self.process)
        if entry.process:
            self.journal.note(entry.id, deaths=entry.deaths + 1)

    def count_death(self, entry: Entry) -> int:
        """Note that a process ended while it trained a trial, and return how many have."""
        deaths = 1 + next(each.deaths for each in self.journal.entries() if each.id == entry.id)
        self.journal.note(entry.id, deaths=deaths)
        return deaths

    def release(self, entry: Entry) -> None:
        """Note that nobody trains a trial, for which it is not to blame."""
        self.journal.note(entry.id, process="")

    def clear(self, entry: Entry) -> RunDirectory:
        """Return the directory of a trial, in which nothing is left of an earlier attempt."""
        directory = self.directory_of(entry)
        with file_errors(directory.path, "written"):
            if directory.path.is_dir() and not directory.path.is_symlink():
                shutil.rmtree(directory.path)
            directory.path.parent.mkdir(exist_ok=True)
        return directory

    # ---- the end

    @property
    def finalists(self) -> list[int] | None:
        """The configurations that are trained under further seeds, once that is decided."""
        found = self.journal.about().get(_FINALISTS)
        return None if found is None else list(found)

    def set_finalists(self, configurations: Sequence[int]) -> None:
        """Decide which they are."""
        self.journal.note_of_study(_FINALISTS, list(configurations))

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """What was found of the winner, plain values; None as long as there is none."""
        found: Mapping[str, Any] | None = self.journal.about().get(_VERDICT)
        return found

    def set_verdict(self, verdict: Mapping[str, Any]) -> None:
        """Keep what was found of the winner."""
        self.journal.note_of_study(_VERDICT, dict(verdict))
