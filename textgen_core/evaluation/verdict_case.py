"""A run before its judge: what is known of it, and what follows from that."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping
from functools import cached_property

import attrs

from textgen_core.evaluation.diagnosis import Symptoms
from textgen_core.evaluation.training_curve import ends_at_its_best, is_memorizing, validations

LITTLE_TEXT = 80_000  # bytes to train on: from less a model learns little but to repeat
LITTLE_GAIN = 1.0  # percent, of the network on its counts, or of the second half of the training
_OFTEN_READ = 5  # times, from which more of it would not help


@attrs.frozen(kw_only=True)
class RunFacts:
    """What a verdict says of a run that no score shows.

    split: the one that was scored, empty where it is another text. step: of the checkpoint.
    unfinished: whether training was interrupted. training_bytes: of the training text; passes: how
    often it was read. flags: by the change in `verdict.CHANGES` the flag that makes it; times: how
    many times as long training is with that for `longer`.
    """

    split: str = "test"
    step: int = 0
    unfinished: bool = False
    training_bytes: int = 0
    passes: float = 0.0
    flags: Mapping[str, str] = attrs.field(factory=dict)
    times: float = 1.0


@attrs.frozen(kw_only=True, slots=False)
class Case:
    """A run before its judge: what is known of it, and what follows from that."""

    symptoms: Symptoms
    found: Collection[str]  # issues
    facts: RunFacts

    @cached_property
    def memorizes(self) -> bool:
        """Whether training longer would hardly help."""
        return is_memorizing(self.symptoms.rows, self.symptoms.loss)

    @property
    def is_little(self) -> bool:
        """Whether the text is too short for longer training to help."""
        if not 0 < self.facts.training_bytes < LITTLE_TEXT:
            return False
        still_learns = "undertraining" in self.found
        return self.memorizes or (self.facts.passes >= _OFTEN_READ and not still_learns)

    @property
    def is_weak(self) -> bool:
        """Whether counting or compressing predicts as well, or the network adds nothing to it."""
        weak = ("worse than counting tokens", "worse than n-grams", "worse than xz")
        return any(each in self.found for each in weak) or self.adds_nothing

    @property
    def adds_nothing(self) -> bool:
        """Whether the network is of no use beside the counts that it is mixed with."""
        return better(self.symptoms.loss, self.symptoms.counts_loss, math.inf) < LITTLE_GAIN

    @cached_property
    def gain(self) -> float | None:
        """How many percent of the validation loss the second half of the training brought."""
        points = validations(self.symptoms.rows)
        half = points[-1][0] / 2 if points else 0
        between = [pair for pair in itertools.pairwise(points) if pair[0][0] <= half < pair[1][0]]
        if not between:
            return None
        (step, loss), (later, lower) = between[0]
        at_half = loss + (lower - loss) * (half - step) / (later - step)
        return better(points[-1][1], at_half, 0.0) if self.ends_best else 0.0

    @property
    def has_settled(self) -> bool:
        """Whether training had come to its end by itself."""
        return self.gain is not None and self.gain < LITTLE_GAIN

    @property
    def ends_best(self) -> bool:
        """Whether the last validation was the best, or as good."""
        return ends_at_its_best(self.symptoms.rows)

    @property
    def gain_by_more(self) -> float:
        """How many percent longer training would bring, if each doubling brings as much."""
        return (self.gain or 0.0) * math.log2(max(1.0, self.facts.times))


def better(value: float, other: float | None, missing: float) -> float:
    """Return by how many percent a loss is below another, negative where it is above."""
    if other is None or not other > 0:
        return missing
    return 100 * (1 - value / other) if value <= other else -100 * (value / other - 1)
