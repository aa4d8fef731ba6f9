"""A process that works on a study whose trials are quick fakes: python fake_search.py DIR [FOR].

Their scores are a function of what was chosen and of how long it is trained, and no TensorFlow is
imported.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs

from textgen_core.pipeline.search import searching, winner
from textgen_core.pipeline.search.training_process import train_entry
from textgen_core.registry import discover
from textgen_core.runs.files import write_toml

TRIAL_SECONDS = 0.15


@attrs.frozen(kw_only=True)
class FakeResult:
    """What a trial came to."""

    score: float
    steps: int
    seconds: float = 1.0
    parameters: int = 1_000
    memory_bytes: int = 1_000_000


def score_of(configuration: Any) -> float:
    """Return bits per byte: least at a rate of 0.005, less with more epochs."""
    rate, epochs = configuration.training.learning_rate, configuration.training.epochs
    chance = configuration.seed * 0.001
    return 2.0 + abs(rate - 0.005) * 10 + 1 / (1 + epochs) + chance


def train_trial(
    configuration: Any,
    texts: Any,
    directory: Any,
    callback: Any,
    *,
    steps: Any,
    on_steps: Any,
    agree: Any,
) -> FakeResult:
    """Take the time of a trial, and leave the files of a run that was trained."""
    directory.path.mkdir()
    write_toml(directory.configuration, configuration.as_table())
    directory.checkpoints.mkdir()
    if steps is None:
        on_steps(100)
    time.sleep(TRIAL_SECONDS)
    return FakeResult(score=score_of(configuration), steps=steps or 100)


class TrainerHere:
    """Trains in this process, as `Trainer` does in one of its own."""

    def __init__(self, study: Any, follower: Any) -> None:
        self._study, self._follower = study, follower

    def begin(self) -> None:
        """It is ready."""

    def train(self, entry: Any) -> dict[str, Any]:
        """Train a trial, and return what was measured."""

        def note(steps: int) -> None:
            self._study.journal.note(entry.id, steps=steps)

        told = {"on_steps": note, "agree": self._study.agree_on_gauge}
        return train_entry(self._study, discover(), (), entry, self._follower, **told)

    def close(self) -> None:
        """Nothing is to be ended."""


def install_fakes(set_item: Any) -> None:
    """Put the fakes in their places; set_item: as monkeypatch's setitem and setattr together."""
    name = "textgen_core.pipeline.search.trial"
    set_item(sys.modules, name, SimpleNamespace(train_trial=train_trial))
    set_item(vars(winner), "_score_on_test", lambda study, directory: 2.5)
    set_item(vars(searching), "Trainer", TrainerHere)
    set_item(vars(searching), "read_texts", lambda settings: SimpleNamespace(files=[]))
    set_item(vars(searching), "split_texts", lambda *_: None)


if __name__ == "__main__":
    from textgen_core.pipeline.search.tuning import tune

    install_fakes(lambda where, key, value: where.__setitem__(key, value))
    tune(out=Path(sys.argv[1]))
