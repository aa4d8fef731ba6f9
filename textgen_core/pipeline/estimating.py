"""What a run would take, found by doing its first three phases and a few steps of the fourth.

Nothing of it stays but what the cache has: the token files, which the run itself will use.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs
import tokenizers

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts
from textgen_core.counts.files import save_counts
from textgen_core.formatting import format_count, format_duration, format_size
from textgen_core.models.build import initialise
from textgen_core.models.devices import prepare_memory
from textgen_core.pipeline.fitting import passes_of, settle
from textgen_core.pipeline.mixing import with_counts
from textgen_core.pipeline.preparing import build, prepare
from textgen_core.pipeline.refitting import steps_in_time, time_step
from textgen_core.pipeline.splitting import PhaseProgress
from textgen_core.pipeline.training import make_job
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.callbacks import Callback
from textgen_core.training.checkpoint import KEPT
from textgen_core.training.events import events_in, most_steps_of
from textgen_core.training.job import TrainingJob, last_step_of
from textgen_core.training.memory import checkpoint_bytes

_TIMED_STEPS = 8
_MEASURING = "measuring the time of a step"


@attrs.frozen(kw_only=True)
class Estimate:
    """About what a run will take.

    steps, passes: of training, and through the training text. seconds: of training.
    memory_bytes: at most, while it trains. disk_bytes: of the finished run. chosen: how the size
    of its model was chosen, where it was left to the run.
    """

    steps: int
    passes: float
    seconds: float
    parameters: int
    memory_bytes: int
    disk_bytes: int
    chosen: str = ""

    def sentences(self, model: str) -> list[str]:
        """Return the estimate in words."""
        passes = f"{self.passes:,.0f}" if self.passes >= 10 else f"{self.passes:.2g}"
        times = f"{passes} {'pass' if passes == '1' else 'passes'}"
        return [
            *filter(None, [self.chosen]),
            f"Training: about {format_count(self.steps, 'step')} in "
            f"{format_duration(self.seconds)}, {times} through the training text.",
            f"Model: {model}, {format_count(self.parameters, 'parameter')}.",
            f"It takes about {format_size(self.memory_bytes)} of memory and "
            f"{format_size(self.disk_bytes)} of disk.",
        ]


def estimate(
    configuration: Configuration,
    texts: Texts,
    progress: PhaseProgress,
    tokenizer: tokenizers.Tokenizer | None = None,
) -> Estimate:
    """Return what a run would take; tokenizer: that of the run that it begins with, if so.

    Raises what the run itself would raise: the text may be too short, memory too small.
    """
    prepare_memory()
    prepared = prepare(texts, configuration, tokenizer, progress, is_new=True)
    prepared = with_counts(prepared, configuration)
    settled = settle(configuration, prepared, progress)
    configuration = settled.fitted
    language_model, description = build(configuration, prepared.tokenizer, counts=prepared.counts)
    initialise(configuration.model, language_model)
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder))
        if prepared.counts is not None:
            save_counts(prepared.counts, directory.counts)
        disk = sum(each.stat().st_size for each in directory.path.iterdir())
        job = make_job(configuration, directory, language_model, prepared, Callback())
        steps, seconds = _training(job, progress)
    checkpoint = checkpoint_bytes(language_model, configuration.training)
    return Estimate(
        steps=steps,
        passes=passes_of(steps, job.settings, job.batches),
        seconds=seconds,
        parameters=description.parameters,
        memory_bytes=description.memory_bytes,
        disk_bytes=disk + (KEPT + 1) * checkpoint,
        chosen=settled.size,
    )


def _training(job: TrainingJob, progress: PhaseProgress) -> tuple[int, float]:
    """Return how many steps there will be, and how long they take with all events."""
    progress(_MEASURING, 0, 1)
    taken = time_step(job)
    progress(_MEASURING, 1, 1)
    settings, step = job.settings, taken.step
    if settings.minutes is None:
        steps = last_step_of(settings, job.batches)
        events = max(10, settings.epochs or 0)
        if settings.clock == "steps":
            events = min(10, events_in(steps, job.event_steps))
        return steps, steps * step + events * job.event_steps * step
    seconds = 60 * settings.minutes
    steps = steps_in_time(job, taken)
    if steps < most_steps_of(settings, job.batches.batches_per_epoch):
        return steps, seconds
    return steps, min(seconds, taken.first + steps * step + 10 * job.event_steps * step)
