"""Whether there is time for a trial: what trials took so far, and what the end of a study needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.records import Budget
from textgen_core.pipeline.search.request import Request

_BESIDE = 15.0  # seconds that a trial takes beside its training, until one has shown it
_CONCLUDING = 40.0  # seconds to score the winner and the recipe, and to write what came of it
_MOST_RESERVED = 0.5  # of all the time, for the last trainings
_SAMPLING, _MOST_SAMPLING = 0.1, 300.0  # of the time of a study, for samplers; seconds
_SURPLUS = 1.03  # times what is expected: a trial that begins is not broken off


@attrs.frozen(kw_only=True)
class Timing:
    """The time of a study: `left` of `whole` seconds, which some processes share."""

    entries: Sequence[Entry]
    budgets: tuple[Budget, ...]
    whole: float
    left: float
    processes: int = 1

    def expected(self, rung: int) -> float:
        """Return how many seconds a trial of a rung is expected to take; 0 if nothing says so."""
        took = [_wall(each) for each in self.entries if each.rung == rung and _wall(each)]
        if took:
            return _SURPLUS * sum(took) / len(took)
        minutes = self.budgets[rung].minutes
        if minutes is not None:
            return minutes * 60 + self._beside()
        return max((_wall(each) * self._ratio(rung, each.rung) for each in self.entries), default=0)

    def fits(self, rungs: range, reserved: float = 0.0) -> bool:
        """Return whether a trial of each of the rungs can be trained in what is left."""
        return sum(map(self.expected, rungs)) <= self.left - reserved

    def reserve(self, trainings: int) -> float:
        """Return the seconds that so many full trainings and the end of a study are to have."""
        full = self.expected(len(self.budgets) - 1)
        needed = math.ceil(trainings / self.processes) * full + _CONCLUDING
        return min(needed, _MOST_RESERVED * self.whole) if math.isfinite(self.whole) else 0.0

    def _beside(self) -> float:
        beside = [
            _wall(each) - minutes * 60
            for each in self.entries
            if _wall(each) and (minutes := self.budgets[each.rung].minutes) is not None
        ]
        return max(beside, default=_BESIDE)

    def _ratio(self, rung: int, other: int) -> float:
        wanted, known = (sum(self.budgets[each].as_json().values()) for each in (rung, other))
        return max(1.0, wanted / known)


def seconds_for_samplers(request: Request, of: float | None) -> float:
    """Return how long samplers are tuned for at the end of a study; 0 if it tunes none."""
    if not request.tunes_samplers or of is None:
        return 0.0
    return min(_MOST_SAMPLING, _SAMPLING * of)


def _wall(entry: Entry) -> float:
    return float(entry.result.get("wall", 0.0))
