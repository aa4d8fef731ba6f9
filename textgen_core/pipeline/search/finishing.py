"""What follows the verdict of a study: its page, and samplers tuned on the winner's run."""

from __future__ import annotations

from contextlib import suppress

from textgen_core.errors import Interrupted, RunDirectoryError, TextgenError
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.summary import SAMPLERS, WINNER, tuning_of
from textgen_core.pipeline.search.timing import seconds_for_samplers
from textgen_core.pipeline.search.winner import open_trial
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_toml, write_json, write_toml
from textgen_core.training.callbacks import Callback

PAGE = "tune.html"
_TRIALS = 40  # chains that are tried where no time is given


def write_page(study: Study) -> None:
    """Write the study's page; if that fails, the study has none."""
    with suppress(RunDirectoryError):
        tuning_of(study).report(study.directory / PAGE)


def is_over(study: Study) -> bool:
    """Return whether nothing is left to do of a study."""
    tuned = not study.request.tunes_samplers or is_there(study.directory / SAMPLERS)
    return study.verdict is not None and tuned


def tune_winner(study: Study, callback: Callback) -> None:
    """Tune the samplers that a study asks for on the winner's run, and add them to its TOML.

    What stands against it, such as too little held-out text, is a warning: the search is done.
    """
    path, request = study.directory / SAMPLERS, study.request
    if is_over(study) or study.verdict is None:
        return
    from textgen_core.pipeline.search.samplers import tune_samplers

    with study.journal.locked():  # another process waits, and finds it done
        if is_there(path):
            return
        seconds = seconds_for_samplers(request, study.of)
        try:
            tuning = tune_samplers(
                open_trial(study, RunDirectory(study.directory / study.verdict["directory"])),
                list(request.samplers) or None,
                try_installed=request.try_samplers,
                seconds=seconds or None,
                trials=None if seconds else _TRIALS,
                callback=callback,
            )
        except Interrupted:
            raise
        except TextgenError as error:
            callback.on_warning(f"Samplers are not tuned. {error}")
            return
        toml = study.directory / WINNER
        write_toml(toml, {**read_toml(toml), "samplers": tuning.tables})
        write_json(path, tuning.as_json())
