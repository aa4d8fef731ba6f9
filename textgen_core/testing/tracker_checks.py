"""Checks of an experiment tracker: a run is told to it from its start to its end.

This module knows nothing about what a tracker writes, or where.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

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


@check("tracker.order", "tracker")
def follows_a_run(subject: Subject) -> str | None:
    """It takes start, log, sample and finish, of an interrupted run and of the run resumed."""
    # What a tracker still holds open cannot be removed everywhere: that is not judged here.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        directory = Path(folder)
        try:
            _tell(subject, directory, None, Outcome(status="interrupted"))
        except (TextgenError, ImportError) as error:
            return _note_of_missing_package(error)
        evaluation, report = directory / "evaluation.json", directory / "report.html"
        evaluation.write_text("{}", encoding="utf-8")
        report.write_text("<html></html>", encoding="utf-8")
        finished = Outcome(status="finished", evaluation=evaluation, report=report)
        _tell(subject, directory, 2, finished)
    return None


CHECKS = (follows_a_run,)


def _tell(subject: Subject, directory: Path, resumed_at_step: int | None, outcome: Outcome) -> None:
    """Tell a run of a few steps, in the order in which training does."""
    run = TrackedRun(
        id="conformance",
        directory=directory,
        configuration=_CONFIGURATION,
        resumed_at_step=resumed_at_step,
    )
    session = subject.instance().start(run)
    require(
        isinstance(session, TrackerSession),
        f"start returns a {type(session).__name__}, not a TrackerSession.",
    )
    first = 1 + (resumed_at_step or 0)
    for step in (first, first + 1, first + 2):
        session.log(step, _TRAINING_ROW)
    session.log(first + 2, _VALIDATION_ROW)
    session.sample(first + 2, "Once upon a time\nthere was a “text” – 東京.")
    session.sample(first + 2, "")
    session.finish(outcome)


def _note_of_missing_package(error: BaseException) -> str:
    """Return the note for an error that names a missing package; raise for any other."""
    cause = error if isinstance(error, ImportError) else error.__cause__
    package = (getattr(cause, "name", None) or "").partition(".")[0]
    if not isinstance(cause, ImportError):
        raise error
    if isinstance(error, ImportError):
        raise ConformanceFault(
            f"start raised {type(error).__name__}: {error}. Allowed: a TextgenError that names the "
            "package and how to install it."
        ) from error
    require(package and package in str(error), f"Its error does not name {package!r}: {error}")
    return f"the package {package} is missing, and its error says so"
