"""The trials of a study in Optuna's journal: a line for each thing that happens, flushed to disk.

There is one study of Optuna for each rung, named by its number, and one for what is trained in full
beside them: the recipe as it is, and finalists under further seeds. A trial begins as one line with
all its values; who trains it, and what came of it, are lines after it. Nothing is decided here.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.ranges import Dimension
from textgen_core.errors import ConfigurationError, RunDirectoryError
from textgen_core.pipeline.search.records import State
from textgen_core.runs.door import is_there, open_to_append
from textgen_core.runs.files import file_errors
from textgen_core.runs.lock import try_lock

FINALS = "finals"  # the study of Optuna of what belongs to no rung
_PAUSE = 0.01  # seconds between two attempts to take the lock


@cache
def load_optuna() -> Any:
    """Return Optuna, which says nothing; raises ConfigurationError unless it is installed."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "A search needs a library that is not installed: optuna.",
            advice="Install it: pip install 'textgen-core[tune]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@attrs.frozen(kw_only=True)
class Entry:
    """A trial as the journal has it.

    id: Optuna's. rung: that of its budget. is_final: whether it is one of `FINALS`. process: who
    trains it, or did; deaths: how many processes ended while they trained it. result: what was
    measured of it, the score included. The others are as in `TrialRecord`.
    """

    id: int
    number: int
    configuration: int
    rung: int
    seed: int
    is_final: bool
    values: Mapping[str, Any]
    state: State
    process: str = ""
    deaths: int = 0
    steps: int | None = None
    result: Mapping[str, Any] = attrs.field(factory=dict)
    reason: str = ""

    @property
    def score(self) -> float | None:
        """Bits per byte of the validation text."""
        return self.result.get("score") if self.state == "finished" else None


class Journal:
    """The journal of a study with so many rungs; it is made where it is missing."""

    def __init__(self, path: Path, rungs: int) -> None:
        self._optuna = load_optuna()
        self._path = path
        self._lock = _Lock(path)
        self._rungs = rungs
        with self.locked(), file_errors(path, "written"):
            open_to_append(path).close()  # which refuses a link: Optuna opens it by its name
            self._storage = self._open()
            self._studies = {name: self._study(name) for name in self._names()}

    def _open(self) -> Any:
        journal = self._optuna.storages.journal
        backend = journal.JournalFileBackend(str(self._path), lock_obj=self._lock)
        try:
            return self._optuna.storages.JournalStorage(backend)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise RunDirectoryError(
                f"{self._path} is damaged: {error}.", advice="Restore it, or begin a new study."
            ) from error

    def _names(self) -> list[str]:
        return [*map(str, range(self._rungs)), FINALS]

    def _study(self, name: str) -> int:
        try:
            return int(self._storage.get_study_id_from_name(name))
        except KeyError:
            direction = self._optuna.study.StudyDirection.MINIMIZE
            return int(self._storage.create_new_study([direction], name))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process decide anything while the block runs; blocks may be nested."""
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def entries(self) -> list[Entry]:
        """Return all trials in the order in which they began."""
        found = [
            _entry(each, name, self._rungs)
            for name, study in self._studies.items()
            for each in self._storage.get_all_trials(study, deepcopy=False)
        ]
        return sorted(found, key=lambda each: each.number)

    def _trials_of(self, rung: int) -> list[Any]:
        """Return Optuna's trials of a rung, copies."""
        found: list[Any] = self._storage.get_all_trials(self._studies[str(rung)])
        return found

    def begin(
        self,
        rung: int,
        *,
        is_final: bool,
        values: Mapping[str, Any],
        dimensions: Mapping[str, Dimension],
        **about: Any,
    ) -> int:
        """Add a trial that begins, and return its id; `about`: what an `Entry` knows of it."""
        template = self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState.RUNNING,
            params=dict(values),
            distributions={key: distribution_of(dimensions[key]) for key in values},
            user_attrs=about,
        )
        study = self._studies[FINALS if is_final else str(rung)]
        with self._writing():
            return int(self._storage.create_new_trial(study, template))

    def note(self, trial: int, **about: Any) -> None:
        """Note something of a trial that is not finished."""
        with self._writing():
            for key, value in about.items():
                self._storage.set_trial_user_attr(trial, key, value)

    def finish(self, trial: int, score: float) -> None:
        """Note that a trial is finished."""
        complete = self._optuna.trial.TrialState.COMPLETE
        with self._writing():
            self._storage.set_trial_state_values(trial, complete, [score])

    def fail(self, trial: int, reason: str) -> None:
        """Note that a trial failed."""
        self.note(trial, reason=reason)
        with self._writing():
            self._storage.set_trial_state_values(trial, self._optuna.trial.TrialState.FAIL)

    def about(self) -> dict[str, Any]:
        """Return what was noted of the whole study."""
        found: dict[str, Any] = self._storage.get_study_user_attrs(self._studies[FINALS])
        return found

    def note_of_study(self, key: str, value: Any) -> None:
        """Note something of the whole study."""
        with self._writing():
            self._storage.set_study_user_attr(self._studies[FINALS], key, value)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, and say of the journal that it cannot be written: no trial is to blame."""
        with self.locked(), file_errors(self._path, "written"):
            yield

    def importances(self, rung: int) -> dict[str, float]:
        """Return the share of each dimension in what makes the trials of a rung good."""
        optuna = self._optuna
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of conditional dimensions that few trials have
            study = optuna.create_study()
            study.add_trials(each for each in self._trials_of(rung) if each.params)
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        return {str(key): float(share) for key, share in found.items()}


def distribution_of(dimension: Dimension) -> Any:
    """Return the distribution of Optuna that a dimension is."""
    distributions = load_optuna().distributions
    if dimension.choices:
        return distributions.CategoricalDistribution(dimension.choices)
    kind = distributions.IntDistribution if dimension.whole else distributions.FloatDistribution
    return kind(dimension.low, dimension.high, log=dimension.log)


def suggest(trial: Any, dimension: Dimension) -> Any:
    """Return the value that a trial of Optuna suggests for a dimension."""
    if dimension.choices:
        return trial.suggest_categorical(dimension.key, dimension.choices)
    ask = trial.suggest_int if dimension.whole else trial.suggest_float
    return ask(dimension.key, dimension.low, dimension.high, log=dimension.log)


def _entry(trial: Any, study: str, rungs: int) -> Entry:
    states: dict[str, State] = {"COMPLETE": "finished", "FAIL": "failed"}
    is_final = study == FINALS
    return Entry(
        id=trial._trial_id,
        values=dict(trial.params),
        state=states.get(trial.state.name, "running"),
        is_final=is_final,
        rung=rungs - 1 if is_final else int(study),
        **trial.user_attrs,
    )


def _drop_unfinished_line(path: Path) -> None:
    """Drop the last line of a journal if it was not written to its end, as on a full disk."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        if file.read(1) in (b"\n", b""):
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


class _Lock:
    """A lock of this process on a journal, which it may take several times, as Optuna's backend.

    Whoever has it finds whole lines alone: another process may have ended while it wrote one.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._path = journal.with_suffix(".lock")
        self._file: Any = None
        self._held = 0

    def acquire(self) -> bool:
        if not self._held:
            with file_errors(self._path, "written"):
                self._file = open_to_append(self._path)
            self._wait()
        self._held += 1
        if self._held == 1 and is_there(self._journal):
            with file_errors(self._journal, "written"):
                _drop_unfinished_line(self._journal)
        return True

    def _wait(self) -> None:
        try:
            while not try_lock(self._file.fileno()):
                time.sleep(_PAUSE)
        except OSError:  # the file system has no locks, as on some network shares
            self._file.close()
            own = self._path.with_suffix(".open")
            self._file = load_optuna().storages.journal.JournalFileOpenLock(str(own))
            self._file.acquire()

    def release(self) -> None:
        self._held -= 1
        if not self._held:
            close = getattr(self._file, "close", None) or self._file.release
            close()
