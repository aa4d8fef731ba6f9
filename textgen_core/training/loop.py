"""The training loop: steps, and from time to time a validation, a sample and a checkpoint.

These come at every epoch and at every tenth of the run. What happens is told to an `Observer`,
after what must be remembered is written to the run directory. This module knows nothing about
corpora, samplers or terminals: validation and samples are functions that it is given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from textgen_core.data.batches import Batch
from textgen_core.errors import TextgenError
from textgen_core.runs.files import append_row
from textgen_core.training.checkpoint import (
    mark_best,
    prune_checkpoints,
    save_checkpoint,
)
from textgen_core.training.divergence import Scene, divergence
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob, is_over, precision_of
from textgen_core.training.pace import Pace
from textgen_core.training.plan import Plan
from textgen_core.training.prefetch import Prefetch
from textgen_core.training.profiling import FOLDER, Profiling
from textgen_core.training.schedule import halved, rate_share
from textgen_core.training.state import TrainingState
from textgen_core.training.step import StepResult

LOG_EVERY = 10  # steps
_EXPLODED = 20  # times what guessing costs: no training comes back from there
_REPLAN_SECONDS = 2.0  # between two plans of a run on the clock
_REPLAN_SHARE = 0.02  # of such a run, where that is less


def train(job: TrainingJob, state: TrainingState, interruption: Interruption) -> TrainingState:
    """Train from a state to the plan's end, early stopping or an interruption; return the state.

    The last state is always in a checkpoint, unless an error is raised: TrainingDiverged where the
    loss or a gradient stops being finite, which leaves the last good checkpoint.
    """
    return _Training(job, state).run(interruption)


class _Training:
    """The loop's moving parts: the state, the clock, and what was measured."""

    def __init__(self, job: TrainingJob, state: TrainingState) -> None:
        self._job = job
        self._state = state
        self._started = time.perf_counter() - state.seconds
        self._saved_at = time.perf_counter()
        minutes = job.settings.minutes
        self._clock = None if minutes is None else minutes * 60
        self._pace = Pace(self._clock or math.inf)
        self._replanned_at = -math.inf
        self._tenths = _tenths(state.plan, state.step)
        self._rate = 0.0
        self._worst_loss = 0.0
        self._notes_told = len(job.step.notes)
        self._logged_at = time.perf_counter()
        self._prefetch = Prefetch(job.batches, job.settings.accumulate)
        folder = job.run.path / FOLDER
        self._profiling = Profiling(job.settings.profile, folder, job.callback.on_warning)

    def run(self, interruption: Interruption) -> TrainingState:
        with self._prefetch, self._profiling:
            while not is_over(self._state, self._job.settings):
                self._one_step()
                if self._event_is_due():
                    self._event()
                elif time.perf_counter() - self._saved_at > self._job.settings.checkpoint_seconds:
                    self._save()
                if interruption.requested:
                    break
        self._save()
        return self._state

    # ---- a step -------------------------------------------------------------------------

    def _one_step(self) -> None:
        job, state = self._job, self._state
        began = time.perf_counter()
        is_last = state.step + 1 >= state.plan.last_step
        batches = self._prefetch.take(state.step, is_last=is_last)
        self._rate = self._learning_rate()
        self._profiling.before(state.step + 1)
        result = job.step(batches, self._rate)
        tokens = int(result.tokens)
        self._profiling.after(state.step + 1)
        self._tell_notes()
        self._check(result, batches)
        self._state = attrs.evolve(
            state,
            step=state.step + 1,
            tokens=state.tokens + tokens,
            unlogged_loss=state.unlogged_loss + float(result.loss_sum),
            unlogged_tokens=state.unlogged_tokens + tokens,
        )
        if job.settings.schedule == "halving":
            epochs = self._epoch_of(self._state.step) - self._epoch_of(state.scheduled_from)
            factor = halved(epochs, job.settings.halve_after)
            self._state = attrs.evolve(self._state, rate_factor=factor)
        self._pace.step_took(time.perf_counter() - began)
        self._keep_time()
        if self._state.step % LOG_EVERY == 0:
            self._log()

    def _check(self, result: StepResult, batches: Sequence[Batch]) -> None:
        """Raise TrainingDiverged where a step is not finite, or its loss out of all proportion.

        What guessing costs is the measure, or the first step's loss if that is higher.
        """
        loss = float(result.loss_sum) / max(1, int(result.tokens))
        if not bool(result.finite):
            what = "The gradient" if math.isfinite(loss) else "The loss"
            raise divergence(f"{what} is no longer finite", self._scene(batches))
        if not self._worst_loss:
            guessing = math.log(self._job.language_model.vocabulary_size)
            self._worst_loss = _EXPLODED * max(guessing, loss)
        if loss > self._worst_loss:
            what = f"The loss has exploded to {loss:,.0f} nats a token"
            raise divergence(what, self._scene(batches))

    def _scene(self, batches: Sequence[Batch]) -> Scene:
        language_model, saved = self._job.language_model, self._job.run.saved_steps()
        return Scene(
            step=self._state.step,
            batches=batches,
            weights=language_model.model.trainable_variables,
            vocabulary_size=language_model.vocabulary_size,
            precision=precision_of(language_model),
            settings=self._job.settings,
            saved_step=saved[-1] if saved else None,
        )

    def _learning_rate(self) -> float:
        settings, state = self._job.settings, self._state
        progress = state.plan.progress_at(state.step)
        share = rate_share(settings.schedule, settings.warm_up, progress)
        return settings.learning_rate * share * state.rate_factor

    def _tell_notes(self) -> None:
        """Pass on what the step noted: that XLA refuses a model shows only when it runs."""
        for note in self._job.step.notes[self._notes_told :]:
            self._job.callback.on_warning(note)
        self._notes_told = len(self._job.step.notes)

    def _keep_time(self) -> None:
        """Follow the clock, and plan the last step of a run of minutes by it."""
        now = time.perf_counter()
        self._state = attrs.evolve(self._state, seconds=now - self._started)
        if self._clock is None:
            return
        left = self._clock - self._state.seconds
        pause = min(_REPLAN_SECONDS, _REPLAN_SHARE * self._clock)
        if now - self._replanned_at > pause or left <= self._pace.last_event_seconds:
            self._replanned_at = now
            plan = self._pace.plan_again(self._state.plan, self._state.step, left)
            self._state = attrs.evolve(self._state, plan=plan)

    # ---- every epoch and every tenth of the run -------------------------------------------

    def _event_is_due(self) -> bool:
        state = self._state
        if state.step >= state.plan.last_step:
            return True
        tenths = _tenths(state.plan, state.step)
        crossed, self._tenths = tenths > self._tenths, tenths
        if not crossed and (not self._ends_epoch() or self._epochs_are_short()):
            return False
        return self._clock is None or self._pace.pays_for_event

    def _ends_epoch(self) -> bool:
        return self._epoch_of(self._state.step) > self._epoch_of(self._state.step - 1)

    def _epoch_of(self, step: int) -> int:
        return step * self._job.settings.accumulate // self._job.batches.batches_per_epoch

    def _epochs_are_short(self) -> bool:
        """On the clock, epochs of less than a tenth of the run get no validation each."""
        if self._clock is None:
            return False
        return self._job.batches.batches_per_epoch * 10 < self._state.plan.last_step

    def _event(self) -> None:
        began = time.perf_counter()
        self._log()
        self._validate()
        row = {"step": self._state.step, **self._sample()}
        append_row(self._job.run.samples, row)
        self._job.callback.on_sample(row)
        self._save()
        self._logged_at = time.perf_counter()
        self._pace.event_took(self._logged_at - began)

    def _sample(self) -> Mapping[str, Any]:
        """Return a sample; if a sampler raises, what was trained until now is saved first."""
        try:
            return self._job.write_sample()
        except TextgenError:
            self._save()
            raise

    def _validate(self) -> None:
        job = self._job
        found = job.validate()
        if found is None:
            self._state = attrs.evolve(self._state, best_step=self._state.step)
            return
        self._state = self._state.validated(found.loss)
        if self._ends_epoch():
            plateau = job.settings.schedule == "plateau" and job.settings.epochs is not None
            self._state = self._state.epoch_validated(found.loss, plateau=plateau)
        row = {
            "step": self._state.step,
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
        state = self._state
        save_checkpoint(job.run, state, job.language_model.model, job.optimizer, job.step.carry)
        if state.best_step == state.step:
            mark_best(job.run, state)
        prune_checkpoints(job.run, state.best_step)
        job.callback.on_checkpoint(state.step)

    def _log(self) -> None:
        state = self._state
        if not state.unlogged_tokens:
            return
        now = time.perf_counter()
        row = {
            "step": state.step,
            "epoch": self._epoch_of(state.step - 1) + 1,
            "tokens": state.tokens,
            "seconds": round(state.seconds, 3),
            "loss": state.unlogged_loss / state.unlogged_tokens,
            "learning_rate": self._rate,
            "tokens_per_second": round(state.unlogged_tokens / max(now - self._logged_at, 1e-9), 1),
        }
        parts = getattr(self._job.step, "micro_batches", 1)
        if parts > 1:  # a batch did not fit into memory
            row["micro_batches"] = parts
        append_row(self._job.run.metrics, row)
        self._logged_at = now
        self._state = attrs.evolve(state, unlogged_loss=0.0, unlogged_tokens=0)
        self._job.callback.on_training_row(row, state.plan.progress_at(state.step))


def _tenths(plan: Plan, step: int) -> int:
    return int(10 * plan.progress_at(step))
