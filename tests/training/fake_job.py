"""A training job whose steps are arithmetic: no TensorFlow runs but to save two small variables."""

from __future__ import annotations

import time

import keras
import numpy as np

from textgen_core.evaluation.figures import Figures
from textgen_core.training.callbacks import Callback
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob, first_state
from textgen_core.training.loop import train
from textgen_core.training.update import StepResult


class FakeClock:
    """Time that passes only when somebody sleeps, and a little with every look."""

    def __init__(self):
        self.now = 1000.0

    def perf_counter(self):
        self.now += 1e-6
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class FakeBatch(int):
    """A batch that is its own number, with one token."""

    inputs = targets = np.array([[4]], np.int32)


class FakeBatches:
    def __init__(self, batches_per_epoch):
        self.batches_per_epoch = batches_per_epoch
        self.asked = []

    def batch(self, index):
        self.asked.append(index)
        return FakeBatch(index)


class FakeModel:
    def __init__(self):
        self.variables = [keras.Variable(np.zeros(2, np.float32), name="weights")]
        self.trainable_variables = self.variables
        self.dtype_policy = keras.DTypePolicy("float32")


class FakeLanguageModel:
    def __init__(self):
        self.model, self.vocabulary_size = FakeModel(), 50


class FakeOptimizer:
    def __init__(self):
        self.variables = [keras.Variable(np.zeros(1, np.float32), name="momentum")]


class FakeStep:
    """Its loss per token is 1 / (1 + batch index); from `diverges_at` on it is `worst`."""

    def __init__(
        self,
        diverges_at=None,
        seconds=0.0,
        note_at=None,
        clock=time,
        worst=float("nan"),
        norm=None,
    ):
        self.worst, self.norm = worst, norm
        self.notes, self.recurrent_state, self.clock = (), None, clock
        self.diverges_at, self.seconds, self.note_at = diverges_at, seconds, note_at
        self.rates = []

    def __call__(self, batches, learning_rate):
        self.rates.append(learning_rate)
        if self.seconds:
            self.clock.sleep(self.seconds)
        if len(self.rates) == self.note_at:
            self.notes += ("The step runs as a graph.", "It is taken in parts.")
        tokens = 8 * len(batches)
        loss = sum(8 / (1 + index) for index in batches)
        if self.diverges_at is not None and len(self.rates) >= self.diverges_at:
            loss = self.worst
        return StepResult(
            loss_sum=loss,
            tokens=tokens,
            gradient_norm=loss if self.norm is None else self.norm,
            finite=np.isfinite(loss),
        )


class Recorder(Callback):
    """A callback that remembers what it was told, in order."""

    def __init__(self):
        self.told = []

    def on_training_row(self, row, progress):
        self.told.append(("row", row["step"], row, progress))

    def on_validation_row(self, row):
        self.told.append(("validation", row["step"], row))

    def on_sample(self, row):
        self.told.append(("sample", row["step"], row))

    def on_checkpoint(self, step):
        self.told.append(("checkpoint", step))

    def on_warning(self, text):
        self.told.append(("warning", text))

    def steps_of(self, kind):
        return [each[1] for each in self.told if each[0] == kind]

    def rows_of(self, kind):
        return [each[2] for each in self.told if each[0] == kind]


def make_job(run, settings, batches_per_epoch, *, losses=(), step=None, event_seconds=()):
    """A job; its validations give `losses` in turn, and 1.0 when these are exhausted.

    They take `event_seconds` in turn on the step's clock, the last of them from there on.
    """
    coming = iter(losses)
    step = step or FakeStep()
    durations = list(event_seconds) or [0.0]

    def validate():
        step.clock.sleep(durations[0] if len(durations) == 1 else durations.pop(0))
        loss = next(coming, 1.0)
        if loss is None:
            return None
        return Figures(tokens=8, loss=loss, perplexity=float(np.exp(loss)), bits_per_byte=2 * loss)

    return TrainingJob(
        language_model=FakeLanguageModel(),
        optimizer=FakeOptimizer(),
        step=step,
        batches=FakeBatches(batches_per_epoch),
        settings=settings,
        run=run,
        validate=validate,
        write_sample=lambda: {"prompt": "", "seed": 1, "samplers": [], "text": "once"},
        callback=Recorder(),
    )


class InterruptedAfter(Interruption):
    """Asks to stop once the job's step has run so often."""

    def __init__(self, job, steps):
        self._job, self._steps = job, steps

    @property
    def requested(self):
        return len(self._job.step.rates) >= self._steps


def train_whole(job, state=None):
    return train(job, state or first_state(job), Interruption())
