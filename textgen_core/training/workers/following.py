"""What all workers but the first do: their part of each step, until the first says that it is over.

They write nothing, validate nothing and keep no clock. While the first worker does, they wait in
the exchange of the next step.
"""

from __future__ import annotations

import attrs

from textgen_core.training.divergence import LossCheck
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob, is_over
from textgen_core.training.prefetch import Prefetch
from textgen_core.training.state import TrainingState


def follow(job: TrainingJob, state: TrainingState, interruption: Interruption) -> TrainingState:
    """Take the first worker's steps from a state to the end; return the state without its plan.

    Raises TrainingDiverged where the first worker does, and WorkersError.
    """
    if is_over(state, job.settings):
        return state
    loss_check = LossCheck(job)
    with Prefetch(job.batches, job.settings.accumulate) as prefetch:
        while True:
            batches = prefetch.take(state.step, is_last=False)
            result = job.step.share(batches, 0.0, interruption.requested)
            if result is None:
                return state
            loss_check.check(result, state.step, batches)
            tokens = state.tokens + int(result.tokens)
            state = attrs.evolve(state, step=state.step + 1, tokens=tokens)
