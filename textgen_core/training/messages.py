"""What is to be known of a training, in lines for a person.

Values in, sentences out. This module knows nothing about who reads them.
"""

from __future__ import annotations

import math

from textgen_core.training.job import TrainingJob, precision_of
from textgen_core.training.profiling import FOLDER, covers

_HOW = {
    "xla": "under XLA",
    "mixed": "as a graph with parts under XLA",
    "graph": "as a graph",
    "eager": "operation by operation",
}


def format_step(job: TrainingJob) -> list[str]:
    """Return how a step is computed, and what it would cost to guess."""
    tokens = job.language_model.vocabulary_size
    parts = getattr(job.language_model.model, "parts", 1)
    how = _HOW[job.step.compiled_with]
    if parts > 1:
        how += f", with {parts} parts of a batch under XLA side by side,"
    return [
        f"computed {how} in {precision_of(job.language_model)}",
        f"guessing among {tokens:,} tokens costs {math.log(tokens):.3f} nats a token, "
        f"a perplexity of {tokens:,}",
    ]


def format_profile(job: TrainingJob, before: int, after: int) -> tuple[list[str], str]:
    """Return where the profile of the steps between lies, and a warning if they never came."""
    steps, folder = job.settings.profile, job.run.path / FOLDER
    if steps is None:
        return [], ""
    if before < after < steps[0]:
        return [], (
            f"No profile was written: training ended at step {after}, before step {steps[0]} of "
            "training.profile."
        )
    if not covers(steps, before, after) or not folder.is_dir():
        return [], ""
    first, last = max(before + 1, steps[0]), min(after, steps[1])
    return [
        f"a profile of steps {first:,} to {last:,}: {folder}",
        f"open it: pip install xprof, then xprof --logdir {folder}",
    ], ""
