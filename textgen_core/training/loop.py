"""The training loop: steps, and from time to time a validation, a sample and a checkpoint.

These come at every epoch and at every tenth of the run. What happens is told to an `Observer`,
after what must be remembered is written to the run directory. This module knows nothing about
corpora, samplers or terminals: validation and samples are functions that it is given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs

from textgen_core.data.batches import Batches
from textgen_core.errors import TrainingDiverged
from textgen_core.language_model import LanguageModel
from textgen_core.run_directory import RunDirectory, append_row, write_json
from textgen_core.settings import TrainingSettings
from textgen_core.training.checkpoint import prune_checkpoints, save_checkpoint
from textgen_core.training.interruption import Interruption
from textgen_core.training.plan import Plan, last_step_in_time
from textgen_core.training.progress import TrainingState
from textgen_core.training.schedule import rate_share
from textgen_core.training.step import StepResult, TrainingStep

LOG_EVERY = 10  # steps
_MEASURED_AFTER = 4  # steps: compilation and the first, slow ones are left out of the speed
_REPLAN_SECONDS = 2.0


class Observer(Protocol):
    """Who follows the training."""

    def training_row(self, row: Mapping[str, Any], progress: float) -> None:
        """A row was written to metrics.jsonl; `progress` runs from 0 to 1."""

    def validation_row(self, row: Mapping[str, Any]) -> None:
        """A validation row was written to metrics.jsonl."""

    def sample(self, row: Mapping[str, Any]) -> None:
        """A sample was written to samples.jsonl."""

    def checkpoint(self, step: int) -> None:
        """A checkpoint was saved."""


@attrs.frozen(kw_only=True)
class Validation:
    """The figures of a validation: nats per token, its exponential, and bits per byte."""

    loss: float
    perplexity: float
    bits_per_byte: float


@attrs.frozen(kw_only=True)
class TrainingJob:
    """All that training needs.

    validate: returns the figures of the validation split, or None where there is none.
    write_sample: returns the fields of a row of samples.jsonl, without its step.
    """

    language_model: LanguageModel
    optimizer: Any
    step: TrainingStep
    batches: Batches
    settings: TrainingSettings
    run: RunDirectory
    validate: Callable[[], Validation | None]
    write_sample: Callable[[], Mapping[str, Any]]
    observer: Observer


def first_state(job: TrainingJob) -> TrainingState:
    """Return the state before the first step."""
    return TrainingState(plan=Plan(last_step=last_step_of(job)))


def last_step_of(job: TrainingJob) -> int:
    """Return the last step of a run of epochs; on the clock a bound that the plan replaces."""
    if job.settings.epochs is None:
        return 10**9
    batches = job.settings.epochs * job.batches.batches_per_epoch
    return math.ceil(batches / job.settings.accumulate)


def is_over(state: TrainingState, settings: TrainingSettings) -> bool:
    """Return whether training has reached its plan's end, or stops early."""
    if state.step >= state.plan.last_step:
        return True
    patience = settings.patience if settings.epochs is not None else None
    return patience is not None and state.epochs_without_gain >= patience


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
        self._replanned_at = 0.0
        self._steps_here = 0
        self._seconds_per_step = 0.0
        self._event_seconds = 0.0
        self._window: list[StepResult] = []
        self._window_started = time.perf_counter()

    def run(self, interruption: Interruption) -> TrainingState:
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
        first = state.step * job.settings.accumulate
        batches = [job.batches.batch(first + index) for index in range(job.settings.accumulate)]
        result = job.step(batches, self._learning_rate())
        if not bool(result.finite):
            raise self._diverged(float(result.loss_sum), float(result.gradient_norm))
        self._window.append(result)
        self._state = attrs.evolve(
            state, step=state.step + 1, tokens=state.tokens + int(result.tokens)
        )
        self._steps_here += 1
        self._measure(time.perf_counter() - began)
        self._state = attrs.evolve(self._state, seconds=time.perf_counter() - self._started)
        if self._state.step % LOG_EVERY == 0:
            self._log()

    def _learning_rate(self) -> float:
        settings, state = self._job.settings, self._state
        progress = state.plan.progress_at(state.step)
        share = rate_share(settings.schedule, settings.warm_up, progress)
        return settings.learning_rate * share * state.rate_factor

    def _measure(self, seconds: float) -> None:
        """Follow the speed, and plan the last step of a run on the clock from it."""
        if self._steps_here < _MEASURED_AFTER:
            return
        known = self._seconds_per_step
        self._seconds_per_step = seconds if not known else 0.95 * known + 0.05 * seconds
        now = time.perf_counter()
        minutes = self._job.settings.minutes
        if minutes is not None and now - self._replanned_at > _REPLAN_SECONDS:
            self._replanned_at = now
            self._replan(minutes * 60 - (now - self._started))

    def _replan(self, seconds_left: float) -> None:
        state = self._state
        progress = state.plan.progress_at(state.step) if state.plan.last_step < 10**9 else 0.0
        events_left = max(1, math.ceil(10 * (1.0 - progress)))
        usable = seconds_left - events_left * self._event_seconds
        last = last_step_in_time(state.step, usable, self._seconds_per_step)
        self._state = attrs.evolve(state, plan=state.plan.replanned(state.step, last))

    # ---- every epoch and every tenth of the run -------------------------------------------

    def _event_is_due(self) -> bool:
        state = self._state
        if state.step >= state.plan.last_step:
            return True
        if self._ends_epoch() and not self._epochs_are_short():
            return True
        before = state.plan.progress_at(state.step - 1)
        return int(10 * before) < int(10 * state.plan.progress_at(state.step))

    def _ends_epoch(self) -> bool:
        return self._epoch_of(self._state.step) > self._epoch_of(self._state.step - 1)

    def _epoch_of(self, step: int) -> int:
        return step * self._job.settings.accumulate // self._job.batches.batches_per_epoch

    def _epochs_are_short(self) -> bool:
        """On the clock, epochs of less than a twentieth of the run get no validation each."""
        if self._job.settings.epochs is not None:
            return False
        return self._job.batches.batches_per_epoch * 20 < self._state.plan.last_step

    def _event(self) -> None:
        began = time.perf_counter()
        self._log()
        self._validate()
        row = {"step": self._state.step, **self._job.write_sample()}
        append_row(self._job.run.samples, row)
        self._job.observer.sample(row)
        self._save()
        self._window_started = time.perf_counter()
        # The first event compiles; the plan counts what a later one takes, as soon as it is known.
        self._event_seconds = time.perf_counter() - began

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
            if job.settings.schedule == "halving":
                self._state = attrs.evolve(self._state, rate_factor=self._state.rate_factor / 2)
        row = {
            "step": self._state.step,
            "validation_loss": found.loss,
            "validation_perplexity": found.perplexity,
            "validation_bits_per_byte": found.bits_per_byte,
        }
        append_row(job.run.metrics, row)
        job.observer.validation_row(row)

    def _save(self) -> None:
        job = self._job
        self._saved_at = time.perf_counter()
        if job.run.saved_steps()[-1:] == [self._state.step]:
            return
        self._state = attrs.evolve(self._state, seconds=self._saved_at - self._started)
        state = self._state
        save_checkpoint(job.run, state, job.language_model.model, job.optimizer, job.step.carry)
        if state.best_step == state.step:
            name = job.run.checkpoint(state.step).name
            write_json(job.run.best, {"checkpoint": name, "validation_loss": state.best_loss})
        prune_checkpoints(job.run, state.best_step)
        job.observer.checkpoint(state.step)

    def _log(self) -> None:
        if not self._window:
            return
        state = self._state
        tokens = sum(float(result.tokens) for result in self._window)
        loss = sum(float(result.loss_sum) for result in self._window) / tokens
        seconds = time.perf_counter() - self._window_started
        row = {
            "step": state.step,
            "epoch": self._epoch_of(state.step - 1) + 1,
            "tokens": state.tokens,
            "seconds": round(state.seconds, 3),
            "loss": loss,
            "learning_rate": self._learning_rate(),
            "tokens_per_second": round(tokens / max(seconds, 1e-9), 1),
        }
        append_row(self._job.run.metrics, row)
        self._window, self._window_started = [], time.perf_counter()
        self._job.observer.training_row(row, state.plan.progress_at(state.step))

    def _diverged(self, loss: float, norm: float) -> TrainingDiverged:
        what = "The loss" if not math.isfinite(loss) else "The gradient"
        state = self._state
        kept = state.step if not state.best_step else state.best_step
        return TrainingDiverged(
            f"{what} is no longer finite at step {state.step + 1} (gradient norm {norm:g}).",
            f"The likely cause: a learning rate of {self._learning_rate():g} is too high.",
            f"Try a third of it: --learning-rate {self._learning_rate() / 3:.2g}"
            + (f"; the checkpoint of step {kept} is kept." if self._job.run.saved_steps() else "."),
        )
