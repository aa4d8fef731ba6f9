"""What follows a search: each trial as it begins and ends, and what happens in one meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgen_core.pipeline.search.records import TrialRecord, Tuning
from textgen_core.training.callbacks import Callback


class SearchCallback(Callback):
    """Follows a search and does nothing; override what matters.

    Beside its own events it gets `on_warning`, once for each text, and `on_progress`.
    """

    def on_search_begin(self, tuning: Tuning) -> None:
        """A search begins, or goes on with what is there."""

    def on_trial_begin(self, trial: TrialRecord, tuning: Tuning) -> None:
        """This process begins to train a trial."""

    def on_trial_progress(self, share: float) -> None:
        """The training of the trial has come so far, from 0 to 1."""

    def on_trial_end(self, trial: TrialRecord, tuning: Tuning) -> None:
        """A trial was scored, or failed."""

    def on_wait(self, tuning: Tuning) -> None:
        """Nothing is left for this process but to wait for others."""

    def on_conclude(self, tuning: Tuning) -> None:
        """All trials are over; the winner and the recipe are scored on the test text."""


class InTrial(Callback):
    """Follows one trial for whoever follows the search."""

    def __init__(self, follower: Callback, warned: set[str]) -> None:
        self._follower = follower
        self._warned = warned

    def on_warning(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._follower.on_warning(text)

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        del row
        if isinstance(self._follower, SearchCallback):
            self._follower.on_trial_progress(progress)
