"""What follows the verdict of a study: its page, and samplers tuned on the winner's run."""

from __future__ import annotations

from contextlib import suppress

from textgen_core.errors import RunDirectoryError
from textgen_core.pipeline.search.request import Request
from textgen_core.pipeline.search.sampler_records import SamplerTuning
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.summary import WINNER, tuning_of
from textgen_core.runs.files import read_json, read_toml, write_json, write_toml
from textgen_core.training.callbacks import Callback

PAGE, SAMPLERS = "tune.html", "samplers.json"
_SHARE = 0.1  # of the time of a study, for samplers
_MOST = 300.0  # seconds
_TRIALS = 40  # chains that are tried where no time is given


def write_page(study: Study) -> None:
    """Write the study's page, with its samplers once they are tuned; if that fails, it has none."""
    from textgen_core.report.tuning import write_tuning

    values, samplers = tuning_of(study).as_json(), study.directory / SAMPLERS
    with suppress(RunDirectoryError):
        tuned = read_json(samplers) if samplers.is_file() else None
        write_tuning(study.directory / PAGE, {**values, "samplers": tuned})


def seconds_for_samplers(request: Request, of: float | None) -> float:
    """Return how long samplers are tuned for at the end of a study; 0 if it tunes none."""
    if not request.tunes_samplers or of is None:
        return 0.0
    return min(_MOST, _SHARE * of)


def tune_winner(study: Study, callback: Callback) -> SamplerTuning | None:
    """Tune the samplers that a study asks for on the winner's run, once, and add them to its TOML.

    Returns what came of it; None if nothing was asked for, or it was done before.
    """
    request = study.request
    if not request.tunes_samplers or study.verdict is None:
        return None
    from textgen_core.pipeline.api import open_run
    from textgen_core.pipeline.search.samplers import tune_samplers

    with study.journal.locked():  # another process waits, and finds it done
        if (study.directory / SAMPLERS).is_file():
            return None
        seconds = seconds_for_samplers(request, study.of)
        tuning = tune_samplers(
            open_run(study.directory / study.verdict["directory"]),
            list(request.samplers) or None,
            try_installed=request.try_samplers,
            seconds=seconds or None,
            trials=None if seconds else _TRIALS,
            callback=callback,
        )
        path = study.directory / WINNER
        write_toml(path, {**read_toml(path), "samplers": tuning.tables})
        write_json(study.directory / SAMPLERS, tuning.as_json())
    write_page(study)
    return tuning
