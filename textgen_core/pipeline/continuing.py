"""A new run that begins with the weights of an earlier one, from phase 2 to the first step."""

from __future__ import annotations

from typing import Any

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import shell_word
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.earlier_run import ANCESTORS, EarlierRun
from textgen_core.pipeline.forgetting import FORGETTING, keep_held_out
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import append_row
from textgen_core.runs.weights import take_weights
from textgen_core.training.callbacks import Callback
from textgen_core.training.checkpoint import mark_best, save_checkpoint
from textgen_core.training.job import TrainingJob, first_state


def take_over(
    earlier: EarlierRun, directory: RunDirectory, language_model: LanguageModel, callback: Callback
) -> dict[str, Any]:
    """Give a model the weights of the earlier run; return what manifest.json says of that."""
    take_weights(earlier.directory, earlier.step, language_model.model)
    kept = keep_held_out(directory, earlier, callback.on_warning)
    return {ANCESTORS: earlier.ancestry(), **({FORGETTING: kept} if kept else {})}


def save_beginning(job: TrainingJob) -> None:
    """Validate and save the weights that a run begins with, as its checkpoint of step 0.

    From it an interrupted run is resumed, and where training only makes it worse it is the best.
    """
    state = first_state(job)
    found = job.validate()
    if found is not None:
        state = state.validated(found.loss)
        row = {
            "step": 0,
            "validation_loss": found.loss,
            "validation_perplexity": found.perplexity,
            "validation_bits_per_byte": found.bits_per_byte,
        }
        append_row(job.run.metrics, row)
        bits = f"{found.bits_per_byte:.3f} bits per byte"
        job.callback.on_message([f"before training: {bits} on the validation text"])
    recurrent_state = job.step.initial_recurrent_state(job.batches.batch_size)
    model, optimizer = job.language_model.model, job.optimizer
    save_checkpoint(job.run, state, model, optimizer, recurrent_state)
    mark_best(job.run, state)


def check_can_begin(directory: RunDirectory, from_run: str) -> None:
    """Raise RunDirectoryError if a run was interrupted before it had the weights of another."""
    if from_run:
        raise RunDirectoryError(
            f"{directory.path} was interrupted before it had the weights of {from_run}.",
            "Allowed: to resume a run with a checkpoint.",
            f"Begin it again: textgen run CORPUS --from {shell_word(from_run)}",
        )
