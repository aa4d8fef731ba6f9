"""What comparing several runs came to, as a value: tables, JSON and a page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from textgen_core.errors import CorpusError
from textgen_core.evaluation.byte_blocks import block_borders
from textgen_core.evaluation.comparison import Ranking, compare_blocks
from textgen_core.evaluation.comparison_words import describe_ranking
from textgen_core.formatting import expand_home
from textgen_core.pipeline.common_text import (
    CommonText,
    Trained,
    find_common_text,
    read_common_text,
    training_text,
    with_ancestors,
)
from textgen_core.pipeline.compared_run import Measured, Task, choose_places, measure_run
from textgen_core.pipeline.comparing import Entry
from textgen_core.pipeline.opened_run import Run
from textgen_core.registry import ResolvedComponent
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.callbacks import Callback

_FEWEST_BYTES = 3_000  # of a text that says anything
_UNEQUAL = 1.15  # times the steps, of runs that were to be trained alike


@attrs.frozen(kw_only=True)
class ComparedEntry:
    """A recipe or run, and what was measured of each of its runs, in their order."""

    entry: Entry
    measured: tuple[Measured, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.entry.name

    def mean(self, name: str) -> float | None:
        """Return the mean of a figure over the runs that have it."""
        found = [value for each in self.measured if (value := getattr(each, name)) is not None]
        return sum(found) / len(found) if found else None

    def as_json(self) -> dict[str, Any]:
        """Return plain values, of each run and of the mean of all."""
        figures = [name for name in attrs.fields_dict(Measured) if name not in ("bits", "texts")]
        return {
            "name": self.name,
            "recipe": self.entry.recipe or None,
            "runs": [
                {
                    "path": str(run.directory),
                    "seed": run.configuration.seed,
                    "texts": list(measured.texts),
                    **{name: getattr(measured, name) for name in figures},
                }
                for run, measured in zip(self.entry.runs, self.measured, strict=True)
            ],
            **{name: self.mean(name) for name in figures},
        }


@attrs.frozen(kw_only=True)
class Comparison:
    """Several runs or recipes, compared on one text.

    text: the one; entries: in the order in which they were named, as in `ranking`. prompts,
    samplers, seed: what all wrote with; the last own_prompts of the prompts were asked for. notes:
    what is to be known of it.
    """

    text: CommonText
    entries: tuple[ComparedEntry, ...]
    ranking: Ranking
    prompts: tuple[str, ...]
    own_prompts: int
    samplers: tuple[str, ...]
    seed: int
    notes: tuple[str, ...]

    @cached_property
    def sentences(self) -> list[str]:
        """What it comes to, in words."""
        return describe_ranking(self.ranking, [each.name for each in self.entries])

    def as_json(self) -> dict[str, Any]:
        """Return plain values: scores in bits per byte, the text, and all that was measured."""
        ranking = self.ranking
        entries = []
        for number, each in enumerate(self.entries):
            scores = {
                "bits_per_byte": ranking.scores[number],
                "bits_per_byte_by_run": list(ranking.by_seed[number]),
                "interval": list(ranking.intervals[number]),
                "is_best": number == ranking.best and not ranking.tied_with_best,
                "is_tied_for_best": number in (ranking.best, *ranking.tied_with_best)
                and bool(ranking.tied_with_best),
            }
            entries.append({**each.as_json(), **scores})
        return {
            "text": {
                "name": self.text.name,
                "split": self.text.split or None,
                "bytes": ranking.text_bytes,
                "blocks": ranking.blocks,
                "sha256": hashlib.sha256("\0".join(self.text.documents).encode()).hexdigest(),
            },
            "entries": entries,
            "ranking": [self.entries[each].name for each in ranking.order],
            "differences": list(self._differences()),
            "seed_spread": attrs.asdict(ranking.spread),
            "sentences": self.sentences,
            "prompts": list(self.prompts),
            "own_prompts": self.own_prompts,
            "samplers": list(self.samplers),
            "seed": self.seed,
            "notes": list(self.notes),
        }

    def report(self, path: str | Path) -> Path:
        """Write the comparison as one page that needs nothing else.

        Args:
            path: the file to write.

        Returns:
            Its path.
        """
        from textgen_core.report.comparison import write_comparison

        return write_comparison(expand_home(path), self.as_json())

    def __str__(self) -> str:
        from textgen_core.report.comparison import tell_comparison

        return "\n".join(tell_comparison(self.as_json()))

    __repr__ = __str__

    def _differences(self) -> Iterator[dict[str, Any]]:
        for each in self.ranking.differences:
            yield {
                "better": self.entries[each.better].name,
                "worse": self.entries[each.worse].name,
                "bits_per_byte": each.bits,
                "interval": [each.low, each.high],
                "is_tie": each.is_tie,
                "holds_for_these_models": each.holds_for_these_models,
            }


def compare_entries(
    entries: Sequence[Entry],
    text: Path | None,
    *,
    prompts: Sequence[str],
    samplers: Sequence[ResolvedComponent] | None,
    callback: Callback,
) -> Comparison:
    """Compare runs that are there; see `comparing.compare`."""
    runs = [run for entry in entries for run in entry.runs]
    trained = [_trained(run) for run in runs]
    known = with_ancestors(trained)
    common = find_common_text(known) if text is None else read_common_text(text, known)
    task = _task(common, runs, prompts, samplers)
    measured = list(_measure_all(runs, trained, task, callback))
    rest = iter(measured)
    compared = tuple(
        ComparedEntry(entry=entry, measured=tuple(next(rest) for _ in entry.runs))
        for entry in entries
    )
    return Comparison(
        text=common,
        entries=compared,
        ranking=compare_blocks(
            [np.stack([each.bits for each in entry.measured]) for entry in compared],
            np.diff(task.borders).astype(np.float64),
        ),
        prompts=tuple(task.prompts),
        own_prompts=len(prompts),
        samplers=tuple(each.label for each in task.samplers),
        seed=task.seed,
        notes=(*common.notes, *_unequal_lengths(compared)),
    )


def _trained(run: Run) -> Trained:
    return Trained(
        name=RunDirectory(run.directory).name,
        directory=RunDirectory(run.directory),
        configuration=run.configuration,
        places=run.places,
    )


def _task(
    common: CommonText,
    runs: Sequence[Run],
    prompts: Sequence[str],
    samplers: Sequence[ResolvedComponent] | None,
) -> Task:
    size = sum(len(document.encode()) for document in common.documents)
    if size < _FEWEST_BYTES:
        raise CorpusError(
            f"{common.name} has {size:,} bytes: too few to tell models apart.",
            f"Allowed: at least {_FEWEST_BYTES:,}.",
            "Name a longer text that none of the runs was trained on: --text FILE",
        )
    chosen = choose_places(common.documents)
    return Task(
        documents=common.documents,
        borders=block_borders(size),
        prompts=(*(prompt for prompt, _ in chosen), *prompts),
        references=[reference for _, reference in chosen],
        samplers=runs[0].samplers() if samplers is None else samplers,
        seed=runs[0].configuration.seed,
    )


def _measure_all(
    runs: Sequence[Run], trained: Sequence[Trained], task: Task, callback: Callback
) -> Iterator[Measured]:
    for number, (run, known) in enumerate(zip(runs, trained, strict=True)):
        callback.on_progress(f"scoring {known.name}", number, len(runs))
        yield measure_run(run, task, training_text(known, trained))
    callback.on_progress("scored", len(runs), len(runs))


def _unequal_lengths(entries: Iterable[ComparedEntry]) -> Iterator[str]:
    for each in entries:
        steps = [step for measured in each.measured if (step := measured.last_step)]
        if steps and min(steps) * _UNEQUAL < max(steps):
            yield (
                f"The runs of {each.name} were trained for {min(steps):,} to {max(steps):,} steps: "
                "so they differ by more than their seeds. A busy machine does that to minutes."
            )
