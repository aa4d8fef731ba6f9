"""A new run that begins with the weights of an earlier one, from phase 2 to the first step."""

from __future__ import annotations

from typing import Any

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import format_count, shell_word
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.earlier_run import ANCESTORS, EarlierRun
from textgen_core.pipeline.forgetting import FORGETTING, keep_held_out
from textgen_core.pipeline.preparing import Prepared
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import append_row
from textgen_core.runs.weights import take_weights
from textgen_core.training.callbacks import Callback
from textgen_core.training.checkpoint import mark_best, save_checkpoint
from textgen_core.training.job import TrainingJob, first_state

_MUCH = 0.02  # of the text's bytes: beyond it, a tokenizer of its own is better


def format_unknown(earlier: EarlierRun, prepared: Prepared) -> str:
    """Return what of the new training text the tokenizer cannot encode; empty if that is nothing.

    Most of them are single characters, but a tokenizer of words does not know whole words.
    """
    tokens = prepared.token_files["train"]
    if not tokens.unknown_tokens:
        return ""
    share = tokens.unknown_bytes / max(1, tokens.text_bytes)
    most = ", ".join(f"{text!r} {times:,}" for text, times in tokens.unknown[:5])
    size = format_count(tokens.unknown_bytes, "byte")
    found = (
        f"The tokenizer of {earlier.name} cannot encode {size} of the training text ({share:.2%}), "
        f"{tokens.unknown_tokens:,} times, most often {most}: the model takes them for <UNK>."
    )
    advice = " A run of its own, without --from, would learn them." if share > _MUCH else ""
    return found + advice


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
