"""The training loop: step, log, maybe validate, maybe save.

What must be remembered is written to the run directory, and then reported to the job's callback.
How to validate and what to write as a sample are functions that the loop is given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from textgen_core.errors import TextgenError, WorkersError
from textgen_core.runs.files import append_row
from textgen_core.training.averaging import averaged
from textgen_core.training.checkpoint import mark_best, prune_checkpoints, save_checkpoint
from textgen_core.training.divergence import LossCheck
from textgen_core.training.events import EventSchedule
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob, is_over
from textgen_core.training.optimizer import halved, rate_share
from textgen_core.training.prefetch import Prefetch
from textgen_core.training.profiling import FOLDER, Profiling
from textgen_core.training.state import TrainingState

LOG_EVERY = 10  # steps


def train(job: TrainingJob, state: TrainingState, interruption: Interruption) -> TrainingState:
    """Train from a state to the plan's end, early stopping or an interruption; return the state.

    The last state is always in a checkpoint, unless an error is raised: TrainingDiverged where the
    loss or a gradient stops being finite, which leaves the last good checkpoint. Of several workers
    the first does all this, and the others follow it; WorkersError where they do not agree, or one
    is gone.
    """
    if job.collective is not None and job.collective.rank:
        from textgen_core.training.workers.following import follow  # which one worker lacks

        return follow(job, state, interruption)
    return _Trainer(job, state).run(interruption)


class _Trainer:
    """The state of a training, and what has to be known between two of its steps."""

    def __init__(self, job: TrainingJob, state: TrainingState) -> None:
        self._job = job
        self._state = state
        self._events = EventSchedule(
            job.settings, job.batches.batches_per_epoch, state, job.event_steps
        )
        self._started = time.perf_counter() - state.seconds
        self._saved_at = self._logged_at = time.perf_counter()
        self._learning_rate = 0.0
        self._gradient_norm: Any = math.nan
        self._loss_check = LossCheck(job)
        self._notes_reported = len(job.step.notes)
        self._prefetch = Prefetch(job.batches, job.settings.accumulate)
        folder = job.run.path / FOLDER
        self._profiling = Profiling(job.settings.profile, folder, job.callback.on_warning)

    def run(self, interruption: Interruption) -> TrainingState:
        settings = self._job.settings
        with self._prefetch, self._profiling:
            while not is_over(self._state, settings):
                asked_by_another = self._step()
                if self._state.step % LOG_EVERY == 0:
                    self._log()
                with self._others_released():
                    if self._events.is_due(self._state.plan, self._state.step):
                        self._event()
                    elif time.perf_counter() - self._saved_at > settings.checkpoint_seconds:
                        self._save()
                if interruption.requested or asked_by_another:
                    break
        with self._others_released():
            self._save()
        self._end()
        return self._state

    @contextmanager
    def _others_released(self) -> Iterator[None]:
        """Let the other workers end if what the first one does alone fails."""
        try:
            yield
        except WorkersError:  # they are gone
            raise
        except TextgenError:
            self._end()
            raise

    def _end(self) -> None:
        if self._job.collective is not None:
            self._job.step.end_sharing()

    def _step(self) -> bool:
        """Take a step; return whether another worker asks for an end of the training."""
        job, state = self._job, self._state
        began = time.perf_counter()
        step = state.step + 1
        batches = self._prefetch.take(state.step, is_last=step >= state.plan.last_step)
        settings, progress = job.settings, state.plan.progress_at(state.step)
        share = rate_share(settings.schedule, settings.warm_up, progress)
        self._learning_rate = settings.learning_rate * share * state.rate_factor
        self._profiling.before(step)
        result = job.step(batches, self._learning_rate)
        tokens = int(result.tokens)  # waits for the step
        self._profiling.after(step)
        self._report_notes()
        self._loss_check.check(result, state.step, batches)
        self._gradient_norm = result.gradient_norm
        self._state = attrs.evolve(
            state,
            step=step,
            tokens=state.tokens + tokens,
            unlogged_loss=state.unlogged_loss + float(result.loss_sum),
            unlogged_tokens=state.unlogged_tokens + tokens,
            rate_factor=self._rate_factor(step),
        )
        now = time.perf_counter()
        if self._events.budget is not None:
            self._events.budget.step_took(now - began)
        self._state = attrs.evolve(self._state, seconds=now - self._started)
        self._state = attrs.evolve(self._state, plan=self._events.replanned(self._state))
        return bool(result.stop)

    def _rate_factor(self, step: int) -> float:
        """Return what "halving" makes of the rate after a step; other schedules leave it alone."""
        settings, state = self._job.settings, self._state
        if settings.schedule != "halving":
            return state.rate_factor
        epochs = self._events.epoch_of(step) - self._events.epoch_of(state.scheduled_from)
        return halved(epochs, settings.halve_after)

    def _report_notes(self) -> None:
        """Pass on what the step noted: that XLA refuses a model shows only when it runs."""
        for note in self._job.step.notes[self._notes_reported :]:
            self._job.callback.on_warning(note)
        self._notes_reported = len(self._job.step.notes)

    def _log(self) -> None:
        """Write a training row of the steps since the last one, if there are any."""
        state = self._state
        if not state.unlogged_tokens:
            return
        now = time.perf_counter()
        row = {
            "step": state.step,
            "epoch": self._events.epoch_of(state.step - 1) + 1,
            "tokens": state.tokens,
            "seconds": round(state.seconds, 3),
            "loss": state.unlogged_loss / state.unlogged_tokens,
            "learning_rate": self._learning_rate,
            "tokens_per_second": round(state.unlogged_tokens / max(now - self._logged_at, 1e-9), 1),
        }
        norm = float(self._gradient_norm)
        if math.isfinite(norm):  # a scaled loss in float16 may overflow, and the step is left out
            row["gradient_norm"] = norm
        micro_batches = getattr(self._job.step, "micro_batches", 1)
        if micro_batches > 1:  # a batch did not fit into memory
            row["micro_batches"] = micro_batches
        append_row(self._job.run.metrics, row)
        self._logged_at = now
        self._state = attrs.evolve(state, unlogged_loss=0.0, unlogged_tokens=0)
        self._job.callback.on_training_row(row, state.plan.progress_at(state.step))

    def _event(self) -> None:
        began = time.perf_counter()
        self._log()
        self._validate()
        if self._job.write_sample is not None:
            self._write_sample(self._job.write_sample)
        self._save()
        self._logged_at = time.perf_counter()
        if self._events.budget is not None:
            self._events.budget.event_took(self._logged_at - began)

    def _write_sample(self, write: Callable[[], Mapping[str, Any]]) -> None:
        try:
            with averaged(self._job.language_model.model, self._job.optimizer):
                sample = write()
        except TextgenError:  # a sampler failed: what was trained until now is kept
            self._save()
            raise
        row = {"step": self._state.step, **sample}
        append_row(self._job.run.samples, row)
        self._job.callback.on_sample(row)

    def _validate(self) -> None:
        job, step = self._job, self._state.step
        with averaged(job.language_model.model, job.optimizer):
            found = job.validate()
        if found is None:
            self._state = attrs.evolve(self._state, best_step=step)
            return
        self._state = self._state.validated(found.loss)
        if self._events.ends_epoch(step):
            plateau = job.settings.schedule == "plateau" and job.settings.clock == "epochs"
            self._state = self._state.epoch_validated(found.loss, plateau=plateau)
        row = {
            "step": step,
            "validation_loss": found.loss,
            "validation_perplexity": found.perplexity,
            "validation_bits_per_byte": found.bits_per_byte,
        }
        append_row(job.run.metrics, row)
        job.callback.on_validation_row(row)

    def _save(self) -> None:
        job = self._job
        self._saved_at = time.perf_counter()
        if job.run.saved_steps()[-1:] == [self._state.step]:
            return
        self._state = attrs.evolve(self._state, seconds=self._saved_at - self._started)
        state, recurrent_state = self._state, job.step.recurrent_state
        if job.collective is not None:
            recurrent_state = job.step.whole_recurrent_state()
        save_checkpoint(job.run, state, job.language_model.model, job.optimizer, recurrent_state)
        if state.best_step == state.step:
            mark_best(job.run, state)
        prune_checkpoints(job.run, state.best_step)
        job.callback.on_checkpoint(state.step)
