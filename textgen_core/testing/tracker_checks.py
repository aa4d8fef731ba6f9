"""Checks of an experiment tracker, which follows whole, interrupted and resumed runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import attrs

from textgen_core.components import Outcome, TrackedRun, TrackerSession
from textgen_core.errors import TextgenError
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.subject import Subject

_CONFIGURATION: dict[str, Any] = {
    "training": {"batch_size": 32, "learning_rate": 0.001, "minutes": "none"},
    "model": {"name": "lstm", "units": [256, 256]},
    "samplers": [{"name": "nucleus", "p": 0.9}],
}
_TRAINING_ROW = {
    "epoch": 1,
    "tokens": 3200,
    "seconds": 1.5,
    "loss": 2.5,
    "learning_rate": 0.001,
    "tokens_per_second": 2133.3,
}
_VALIDATION_ROW = {
    "validation_loss": 2.25,
    "validation_perplexity": 9.49,
    "validation_bits_per_byte": 3.2,
}

# What a tracker still holds open cannot be removed everywhere: that is not judged here.
_folder = partial(tempfile.TemporaryDirectory, ignore_cleanup_errors=True)


@check("tracker.order", "tracker")
def follows_a_run(subject: Subject) -> str | None:
    """It takes start, log, sample and finish, in this order, however the run ends."""
    notes = [_follow(subject, (None, each)) for each in ("failed", "interrupted", "finished")]
    return next(filter(None, notes), None)


@check("tracker.resumed", "tracker")
def follows_a_resumed_run(subject: Subject) -> str | None:
    """It goes on with an interrupted run, from a step before the last that it saw."""
    return _follow(subject, (None, "interrupted"), (1, "interrupted"), (4, "finished"))


@check("tracker.failure", "tracker")
def leaves_the_run_alone(subject: Subject) -> str | None:
    """Where it cannot write it raises at most an Exception: the run goes on with a warning."""
    warnings: list[str] = []
    for rows in (2, 0):  # with 0 only `finish` is left to fail
        with _folder() as folder, mock.patch("os._exit", _refuse_exit):
            directory = Path(folder, "run")
            directory.mkdir()
            for is_lost in (True, False):
                _follow_where_it_cannot_write(subject, directory, rows, warnings.append, is_lost)
    exits = [each for each in warnings if "raised SystemExit" in each]
    require(not exits, f"Where it cannot write it tries to end the program: {' '.join(exits[:1])}")
    return None if warnings else "it raises nothing where the run directory cannot be written"


def use(subject: Subject) -> str | None:
    """Follow one run."""
    return _follow(subject, (None, "finished"))


def _run_of(directory: Path, resumed_at_step: int | None = None) -> TrackedRun:
    return TrackedRun(
        id="conformance",
        directory=directory,
        configuration=_CONFIGURATION,
        resumed_at_step=resumed_at_step,
    )


def _follow(subject: Subject, *parts: tuple[int | None, Any]) -> str | None:
    """Follow a run from its start, and each time that it is resumed, as training does it.

    parts: the step that each goes on from, and the status that it ends with. Returns the note for a
    package that is missing and named as such.
    """
    with _folder() as folder:
        try:
            for resumed_at_step, status in parts:
                _follow_part(subject, Path(folder), resumed_at_step, status)
        except (TextgenError, ImportError) as error:
            return _note_of_missing_package(error)
    return None


def _follow_part(
    subject: Subject, directory: Path, resumed_at_step: int | None, status: Any
) -> None:
    session = subject.instance().start(_run_of(directory, resumed_at_step))
    is_session = isinstance(session, TrackerSession)
    require(is_session, f"start returns a {type(session).__name__}, not a TrackerSession.")
    first = 1 + (resumed_at_step or 0)
    for step in (first, first + 1, first + 2):
        session.log(step, _TRAINING_ROW)
    session.log(first + 2, _VALIDATION_ROW)
    session.sample(first + 2, "Once upon a time\nthere was a “text” – 東京.")
    session.sample(first + 2, "")
    outcome = Outcome(status=status)
    if status == "finished":
        evaluation, report = directory / "evaluation.json", directory / "report.html"
        evaluation.write_text("{}", encoding="utf-8")
        report.write_text("<html></html>", encoding="utf-8")
        outcome = attrs.evolve(outcome, evaluation=evaluation, report=report)
    session.finish(outcome)


def _follow_where_it_cannot_write(
    subject: Subject, directory: Path, rows: int, warn: Callable[[str], None], is_lost: bool
) -> None:
    """Follow a run of some rows; `is_lost`: its directory becomes a file once it began."""
    from textgen_core.training.callbacks import Trackers

    try:
        trackers = Trackers([subject.chosen()], _run_of(directory), warn)
        if is_lost:
            with suppress(OSError):  # where open files hold it, it stays
                directory.rename(directory.with_name("moved away"))
                directory.write_text("a file in its place", encoding="utf-8")
        for step in range(1, 1 + rows):
            trackers.on_training_row({"step": step, **_TRAINING_ROW}, 0.5)
            trackers.on_sample({"step": step, "text": "Once upon a time"})
        trackers.finish(Outcome(status="failed"))
    except (KeyboardInterrupt, _Exited) as error:
        raise ConformanceFault(
            f"Where it cannot write it ends the run, with {type(error).__name__}: {error}. "
            "Allowed: an Exception, or none."
        ) from error


class _Exited(BaseException):
    """os._exit was called, which would have ended the process at once."""


def _refuse_exit(status: int) -> NoReturn:
    raise _Exited(f"os._exit({status})")


def _note_of_missing_package(error: BaseException) -> str:
    """Return the note for an error that names a missing package; raise for any other."""
    if isinstance(error, ImportError):
        raise ConformanceFault(
            f"start raised {type(error).__name__}: {error}. Allowed: a TextgenError that names the "
            "package and how to install it."
        ) from error
    cause = error.__cause__
    if not isinstance(cause, ImportError):
        raise error
    package = (cause.name or "").partition(".")[0]
    require(package and package in str(error), f"Its error does not name {package!r}: {error}")
    return f"the package {package} is missing, and its error says so"
