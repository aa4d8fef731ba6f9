"""What a study is and what came of it, as plain values: its trials, and the verdict on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from textgen_core.formatting import expand_home, shell_word

RECIPE = 0  # the number of the configuration that is the recipe as it is

State = Literal["running", "finished", "failed"]


@attrs.frozen(kw_only=True)
class Budget:
    """How long the trials of a rung are trained: of three clocks the one that is given."""

    minutes: float | None = None
    steps: int | None = None
    epochs: int | None = None

    def as_json(self) -> dict[str, float | int]:
        """Return the clock by its name."""
        return {name: value for name, value in attrs.asdict(self).items() if value is not None}


@attrs.frozen(kw_only=True)
class TrialRecord:
    """One training of a configuration.

    number: from 1, in the order in which they began. configuration: which one, from 1; `RECIPE`
    is the recipe as it is. rung: the place of its budget among the study's, from 0. values: what
    was chosen, by the keys of the space's dimensions. seed: that of the training. score: bits per
    byte of the whole validation text. steps: those that its budget came to. reason: why it failed.
    """

    number: int
    configuration: int
    rung: int
    seed: int
    values: Mapping[str, Any]
    state: State
    directory: Path
    score: float | None = None
    steps: int | None = None
    seconds: float | None = None
    parameters: int | None = None
    memory_bytes: int | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**attrs.asdict(self), "directory": str(self.directory), "values": dict(self.values)}


@attrs.frozen(kw_only=True)
class Finalist:
    """A configuration that was trained in full under several seeds, and its scores by seed.

    chosen_by: the seed under which it was the best of many, partly by luck: its score counts only
    where there is no other.
    """

    configuration: int
    values: Mapping[str, Any]
    scores: Mapping[int, float]
    chosen_by: int

    @property
    def counted(self) -> list[float]:
        """The scores that it is judged by."""
        others = [score for seed, score in self.scores.items() if seed != self.chosen_by]
        return others or list(self.scores.values())

    @property
    def mean(self) -> float:
        """The mean of the scores that it is judged by."""
        return sum(self.counted) / len(self.counted)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "configuration": self.configuration,
            "is_recipe": self.configuration == RECIPE,
            "values": dict(self.values),
            "scores": {str(seed): score for seed, score in self.scores.items()},
            "counted": len(self.counted),
            "mean": self.mean,
        }


@attrs.frozen(kw_only=True)
class Verdict:
    """The winner, and by how many bits per byte it is better than the recipe as it is.

    difference: None if the recipe could not be trained, 0 if it wins itself. deviation: the
    standard deviation of that difference, over seeds. test, recipe_test: bits per byte on the test
    text, of one run each; None if there is none. test_deviation: the standard deviation of the
    difference between such two, over seeds. directory: the winner's run. toml: its settings.
    """

    winner: Finalist
    recipe: Finalist | None
    others: tuple[Finalist, ...]
    difference: float | None
    deviation: float | None
    test: float | None
    recipe_test: float | None
    test_deviation: float
    directory: Path
    toml: Path

    @property
    def is_tie(self) -> bool:
        """Whether the difference may be chance: it is not above two standard deviations."""
        if self.difference is None or self.deviation is None:
            return True
        return self.difference <= 2 * self.deviation

    @property
    def test_difference(self) -> float | None:
        """By how many bits per byte the winner is better on the test text; None if not known."""
        if self.test is None or self.recipe_test is None:
            return None
        return self.recipe_test - self.test

    @property
    def is_contradicted(self) -> bool:
        """Whether the recipe is better on the test text, by more than chance."""
        return (self.test_difference or 0.0) < -2 * self.test_deviation

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "winner": self.winner.as_json(),
            "recipe": self.recipe and self.recipe.as_json(),
            "others": [each.as_json() for each in self.others],
            "difference": self.difference,
            "deviation": self.deviation,
            "is_tie": self.is_tie,
            "test_bits_per_byte": self.test,
            "recipe_test_bits_per_byte": self.recipe_test,
            "test_difference": self.test_difference,
            "test_deviation": self.test_deviation,
            "is_contradicted": self.is_contradicted,
            "directory": str(self.directory),
            "toml": str(self.toml),
        }


@attrs.frozen(kw_only=True)
class Tuning:
    """A study, finished or not.

    request: what was asked for, as in study.toml. dimensions: those of its space, plain values.
    budgets: of each rung, the last in full. importances: the share of each dimension, the largest
    first; empty if too few trials say. seconds: how long it has been worked on; of: how long it
    may, None if that is not limited. verdict: None as long as there is none. samplers: what came of
    tuning them on the winner, as `SamplerTuning.as_json`, if that was asked for.
    """

    directory: Path
    request: Mapping[str, Any]
    dimensions: Sequence[Mapping[str, Any]]
    budgets: tuple[Budget, ...]
    trials: tuple[TrialRecord, ...]
    importances: Mapping[str, float]
    seconds: float
    of: float | None
    verdict: Verdict | None = None
    samplers: Mapping[str, Any] | None = None

    @property
    def command(self) -> str:
        """What goes on with the study."""
        return f"textgen tune --out {shell_word(self.directory)}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values: the request, every trial, and the verdict if there is one."""
        return {
            "directory": str(self.directory),
            "request": dict(self.request),
            "dimensions": [dict(each) for each in self.dimensions],
            "budgets": [each.as_json() for each in self.budgets],
            "trials": [each.as_json() for each in self.trials],
            "importances": dict(self.importances),
            "seconds": self.seconds,
            "of_seconds": self.of,
            "verdict": self.verdict and self.verdict.as_json(),
            "samplers": self.samplers and dict(self.samplers),
            "go_on": self.command,
        }

    def report(self, path: str | Path) -> Path:
        """Write the study as one page that needs nothing else.

        Args:
            path: the file to write.

        Returns:
            Its path.
        """
        from textgen_core.report.tuning import write_tuning

        return write_tuning(expand_home(path), self.as_json())

    def __str__(self) -> str:
        from textgen_core.report.tuning_words import tell_tuning

        return "\n".join(tell_tuning(self.as_json()))

    __repr__ = __str__
