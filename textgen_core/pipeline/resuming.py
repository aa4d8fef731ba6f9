"""A run that goes on from its newest checkpoint, with its own tokenizer: phases 2 to 5 again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textgen_core.config.resolve import Configuration
from textgen_core.counts.files import counts_of
from textgen_core.data.tokenizer import tokenizer_of
from textgen_core.errors import UsageError
from textgen_core.formatting import format_count, shell_word
from textgen_core.pipeline.assembly import bounds_of_checkpoint
from textgen_core.pipeline.beginning import Trackers
from textgen_core.pipeline.further import More, extended
from textgen_core.pipeline.mixing import with_counts
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.precision import in_precision, precision_to_resume
from textgen_core.pipeline.preparing import build, prepare
from textgen_core.pipeline.run_texts import find_texts, remember
from textgen_core.pipeline.running import preparing, train_and_finish
from textgen_core.pipeline.training import make_job, restore
from textgen_core.runs import RunDirectory, read_json
from textgen_core.runs.door import is_there
from textgen_core.runs.files import write_toml
from textgen_core.runs.manifest import check_settings
from textgen_core.runs.standing import check_resumable
from textgen_core.training.callbacks import Callback
from textgen_core.training.checkpoint import check_whole, load_state
from textgen_core.training.job import is_over
from textgen_core.training.state import TrainingState

if TYPE_CHECKING:
    from textgen_core.pipeline.workers import Worker


def resume_phases(
    configuration: Configuration,
    directory: RunDirectory,
    more: More,
    places: Places,
    callback: Callback,
    trackers: Trackers,
    worker: Worker | None = None,
) -> Run:
    """Train on from the newest checkpoint, with the run's own tokenizer.

    worker: this process, where it is the first of several.
    """
    check_resumable(directory)
    precision = precision_to_resume(directory, configuration)
    with preparing(worker):
        check_settings(directory, configuration, precision)
        state = load_state(directory, directory.saved_steps()[-1])
        check_whole(directory, state.step)  # damage is told before the texts are prepared
        tokenizer, counts = tokenizer_of(directory), None
        if order := configuration.training.counts:
            counts = counts_of(directory, tokenizer.get_vocab_size(with_added_tokens=True), order)
        texts = find_texts(directory, configuration, places, "resume")
        remember(directory, texts, [each.as_table() for each in trackers])
        prepared = prepare(texts, configuration, tokenizer, callback.on_progress)
        prepared = with_counts(prepared, configuration, counts)
        if more.asked:
            configuration = extended(configuration, more, state, prepared)
            write_toml(directory.configuration, configuration.as_table())
        else:
            _check_unfinished(directory, state, configuration)
        callback.on_run_begin(str(directory.path))
        _say_other_number(directory, 1 if worker is None else worker.count, callback.on_warning)
        bounds = bounds_of_checkpoint(directory, state.step)
        same = in_precision(configuration, precision)
        language_model, _ = build(same, prepared.tokenizer, bounds, prepared.counts)
        if worker is not None:
            worker.tell(configuration, directory, prepared, precision)
        callback.on_phase(4)
        collective = None if worker is None else worker.collective
        job = make_job(configuration, directory, language_model, prepared, callback, collective)
        if worker is not None:
            worker.check_texts(texts)
    state = restore(job, fresh_plan=more.asked)
    callback.on_message([f"Going on from the checkpoint of step {state.step}."])
    return train_and_finish(configuration, job, prepared, state, trackers)


def _check_unfinished(
    directory: RunDirectory, state: TrainingState, configuration: Configuration
) -> None:
    """Raise UsageError if nothing of a run is left to do."""
    if is_over(state, configuration.training) and is_there(directory.evaluation):
        raise UsageError(
            f"{directory.path} is finished: {state.step} steps.",
            "Allowed: more epochs, steps or minutes.",
            f"Train it further: textgen resume {shell_word(directory.path)} --epochs 2",
        )


def _say_other_number(directory: RunDirectory, count: int, warn: Callable[[str], None]) -> None:
    """Say where a run goes on with another number of workers than it began with."""
    machine = read_json(directory.manifest).get("machine")
    began_with = machine.get("workers", 1) if isinstance(machine, dict) else 1
    if began_with != count and isinstance(began_with, int):
        warn(
            f"It began with {format_count(began_with, 'worker')} and goes on with {count}: the "
            "weights will be close to, and no longer to the bit, what they would have been."
        )
