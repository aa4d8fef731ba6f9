"""The search for samplers on one run: what is tried, what is chosen, how it is checked."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from textgen_core.config.chains import choose_samplers
from textgen_core.config.space import Space
from textgen_core.errors import ComponentError, TextgenError
from textgen_core.pipeline.search.passages import PAGES
from textgen_core.pipeline.search.sampler_records import (
    OWN,
    PLAIN,
    TUNED,
    Chain,
    CheckedChain,
    SamplerTrial,
    SamplerTuning,
    label_of,
)
from textgen_core.pipeline.search.sampler_task import SamplerTask
from textgen_core.pipeline.search.suggesting import Suggestion, suggestions
from textgen_core.registry import discover
from textgen_core.training.callbacks import Callback

_GREEDY = "greedy"
_FINALISTS = 2  # beside the run's own samplers, and none
_FEWEST_TRIALS = 8
_FEWEST_PAGES = 3
_WANTED = 24  # trials that should fit in the time, or fewer pages are written for each
_RECENT = 5  # trials, whose speed is that of what follows
_REPEATS = 30  # suggestions in a row that were tried before: everything was tried
_NEAR_END = 0.05  # of a range
_TEXTS = 3  # of each checked chain that are kept


@attrs.define(kw_only=True, slots=False)
class SamplerSearch:
    """One search: what is tried, checked and told. seconds, most: one of them is given."""

    task: SamplerTask
    space: Space
    seconds: float | None
    most: int | None
    seeds: int
    seed: int
    callback: Callback
    _trials: list[SamplerTrial] = attrs.field(factory=list, init=False)
    _pages: int = attrs.field(default=PAGES, init=False)
    _began: float = attrs.field(factory=lambda: time.monotonic(), init=False)
    _took: list[float] = attrs.field(factory=list, init=False)  # seconds of each trial
    _notes: list[str] = attrs.field(factory=list, init=False)

    def carry_out(self) -> SamplerTuning:
        """Search, choose and check."""
        suggest = suggestions(self.space, self.seed)
        own = self.task.run.samplers()
        self._size(own)
        try:
            self._search(suggest)
        except KeyboardInterrupt:  # what was found by then is checked all the same
            if not self._found():
                raise
            self._notes.append("Ctrl-C ended the search early.")
            self.callback.on_message(["Checking what was found. Ctrl-C once more ends this too."])
        winner = self._choose(own)
        self._notes += self._ends_reached(winner)
        return self._check(winner, own)

    def _size(self, own: Chain) -> None:
        """Choose how many pages each chain writes, by how long the run's own samplers take."""
        self.callback.on_message([f"The run's own samplers: {label_of(own)}"])
        passages = self.task.passages
        written = self.task.write(own, passages.tuning[:_FEWEST_PAGES], self.seed)
        self._pages = min(PAGES, len(passages.tuning), len(passages.checking))
        if self.seconds is not None:
            each = (self.seconds - self._elapsed) / (_WANTED + self._kept)
            fit = int(each / max(written.seconds_per_page, 1e-6))
            self._pages = max(_FEWEST_PAGES, min(fit, self._pages))
        self._took.append(written.seconds_per_page * self._pages)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def _kept(self) -> int:
        """How often chains write after the search."""
        return 2 + _FINALISTS + 2 + 3 * self.seeds + 1

    @property
    def _left(self) -> float:
        """The seconds to search in, if what follows takes as long as the last trials."""
        if self.seconds is None:
            return math.inf
        return self.seconds - self._elapsed - self._kept * statistics.fmean(self._took[-_RECENT:])

    def _search(self, suggest: Iterator[Suggestion]) -> None:
        seen: dict[str, float | None] = {}
        repeats = 0
        while repeats < _REPEATS and len(seen) < self.space.count and not self._is_over():
            suggestion = next(suggest)
            key = repr(sorted(suggestion.values.items()))
            repeats = repeats + 1 if key in seen else 0
            if not repeats:
                seen[key] = self._try(suggestion.values)
            suggestion.tell(seen[key])
        if not self._found():
            raise ComponentError(
                f"None of {len(seen)} chains of samplers could write. {self._trials[0].reason}",
                "Allowed: samplers that leave at least one token.",
            )

    def _is_over(self) -> bool:
        if self.most is not None and len(self._trials) >= self.most:
            return True
        return self._left <= 0 and len(self._trials) >= _FEWEST_TRIALS

    def _try(self, values: Mapping[str, Any]) -> float | None:
        """Write with a chain, and return its squared distance; None if it failed."""
        trial = SamplerTrial(number=len(self._trials) + 1, values=values)
        begin, pages = time.monotonic(), self.task.passages.tuning[: self._pages]
        try:
            samplers = choose_samplers(self.space.arguments(values)[0]["sampler"])
            trial = attrs.evolve(trial, samplers=samplers)
            written = self.task.write(samplers, pages, self.seed)
        except TextgenError as error:
            if all(each.reason != error.problem for each in self._trials):
                self.callback.on_warning(f"{label_of(trial.samplers)} is left out: {error.problem}")
            self._trials.append(attrs.evolve(trial, reason=error.problem))
            return None
        self._took.append(time.monotonic() - begin)
        best = min((square for square, _ in self._found()), default=math.inf)
        found = written.resemblance
        self._trials.append(attrs.evolve(trial, resemblance=found))
        if found.square < best:
            self.callback.on_message([f"{found.distance:7.2f}  {label_of(samplers)}"])
        self._tell_progress()
        return found.square

    def _tell_progress(self) -> None:
        done, total = len(self._trials), self.most or 0
        if self.seconds is not None:
            done, total = int(self._elapsed), int(self._elapsed + max(0.0, self._left))
        self.callback.on_progress(f"trying samplers: {len(self._trials)}", done, total)

    def _found(self) -> list[tuple[float, Chain]]:
        """Return what could write, the nearest first."""
        found = [
            (each.resemblance.square, each.samplers)
            for each in self._trials
            if each.resemblance is not None
        ]
        return sorted(found, key=lambda each: each[0])

    def _choose(self, own: Chain) -> Chain:
        """Return the best chain once the best ones wrote with another seed, as did usual ones."""
        pages = self.task.passages.tuning
        first, last = pages[: self._pages], pages[-self._pages :]
        usual = [
            (self.task.write(chain, first, self.seed).resemblance.square, chain)
            for chain in _distinct((own, ()))
        ]
        again = [
            (self.task.write(chain, last, self.seed + 1).resemblance.square + square, chain)
            for square, chain in [*usual, *self._found()[:_FINALISTS]]
        ]
        return min(again, key=lambda each: each[0])[1]

    def _ends_reached(self, winner: Chain) -> Iterator[str]:
        """Yield a note for each option of the winner that is at an end of its range."""
        values = next((each.values for each in self._trials if each.samplers == winner), {})
        for key, value in values.items():
            dimension = next(each for each in self.space.dimensions if each.key == key)
            low, high = dimension.low, dimension.high
            if low is None or high is None:
                continue
            near = _NEAR_END * (high - low)
            beyond = low - near if value - low <= near else high + near
            if min(value - low, high - value) <= near and self._may_be({**values, key: beyond}):
                yield f"{key} is {value}, at an end of {dimension}: a wider range may have more."

    def _may_be(self, values: Mapping[str, Any]) -> bool:
        try:
            choose_samplers(self.space.arguments(values)[0]["sampler"])
        except ComponentError:
            return False
        return True

    def _check(self, winner: Chain, own: Chain) -> SamplerTuning:
        """Write with the winner and others on the other half of the text."""
        task, seeds = self.task, range(self.seed + 2, self.seed + 2 + self.seeds)
        pages = task.passages.checking[: self._pages]
        named = [(TUNED, winner), (OWN, own), (PLAIN, ())]
        if _GREEDY in discover().by_name("sampler"):
            named.append((_GREEDY, choose_samplers(_GREEDY)))
        chains = _distinct([chain for _, chain in named])
        written = {}
        for place, chain in enumerate(chains):
            self.callback.on_progress("checking on other text", place, len(chains))
            several = seeds[:1] if label_of(chain) == _GREEDY else seeds  # it draws nothing
            written[label_of(chain)] = {seed: task.write(chain, pages, seed) for seed in several}
        self.callback.on_progress("checking on other text", len(chains), len(chains))
        checked = [
            CheckedChain(
                name=name,
                samplers=chain,
                by_seed={seed: each.resemblance for seed, each in found.items()},
                texts=found[seeds[0]].texts[:_TEXTS],
            )
            for name, chain in named
            if (found := written[label_of(chain)])
        ]
        shown = [passage for page in pages for passage in page][:_TEXTS]
        real = [[each.real for each in page] for page in task.passages.checking]
        return SamplerTuning(
            run=task.run.directory,
            text=task.name,
            characters=len(shown[0].real),
            seed=self.seed,
            trials=tuple(self._trials),
            checked=tuple(checked),
            real=task.checking.figures,
            real_distance=task.tuning.compare(real).distance,
            prompts=tuple(each.prompts[0] for each in shown),
            references=tuple(each.real for each in shown),
            seconds=time.monotonic() - self._began,
            notes=(*self.space.notes, *task.notes, *self._notes),
        )


def _distinct(chains: Sequence[Chain]) -> list[Chain]:
    """Return the chains, each once."""
    return list({label_of(each): each for each in chains}.values())
