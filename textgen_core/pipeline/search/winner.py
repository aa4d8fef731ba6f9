"""The end of a study: winner and recipe are scored on the test text, winner.toml is written.

Until then the runs that may win keep their weights, and all others lose them when they are beaten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from textgen_core.errors import TextgenError
from textgen_core.formatting import format_count
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.planning import FINALISTS
from textgen_core.pipeline.search.records import RECIPE
from textgen_core.pipeline.search.rungs import best_configurations
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.summary import WINNER, finalists_of
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_toml, write_toml
from textgen_core.runs.removing import remove

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run


def conclude(study: Study) -> None:
    """Choose the winner, score it and the recipe on the test text, and write winner.toml.

    Raises TextgenError if no configuration could be trained.
    """
    with study.journal.locked():
        if study.verdict is not None:
            return
        entries = study.journal.entries()
        finalists = finalists_of(study, entries)
        if not finalists:
            raise nothing_trained(entries)
        winner = finalists[0].configuration
        runs = {
            each: study.directory_of(entry)
            for each, entry in _first_runs(study, entries, (winner, RECIPE))
        }
        scores = {each: _score_on_test(study, directory) for each, directory in runs.items()}
        write_toml(study.directory / WINNER, read_toml(runs[winner].configuration))
        study.set_verdict(
            {
                "configuration": winner,
                "test": scores[winner],
                "recipe_test": scores.get(RECIPE),
                "directory": runs[winner].path.relative_to(study.directory).as_posix(),
            }
        )
        drop_weights(study)


def gone_before_the_end(study: Study) -> list[Entry]:
    """Return the trials that are to be scored at the end, and whose runs have no weights.

    None once there is a verdict, which another process may have come to: then they need none.
    """
    with study.journal.locked():
        if study.verdict is not None:
            return []
        entries = study.journal.entries()
        best = [each.configuration for each in finalists_of(study, entries)[:1]]
        needed = dict(_first_runs(study, entries, (*best, RECIPE)))
        runs = {each.id: study.directory_of(each) for each in needed.values()}
        return [
            each
            for each in needed.values()
            if not is_there(runs[each.id].configuration) or not is_there(runs[each.id].checkpoints)
        ]


def nothing_trained(entries: Sequence[Entry]) -> TextgenError:
    """Return the error of a study in which everything failed."""
    failed = [each for each in entries if each.state == "failed"]
    return TextgenError(
        f"Nothing could be trained to the end ({format_count(len(failed), 'failed trial')}). The "
        f"last one failed: {failed[-1].reason}",
        advice="Search elsewhere, or train one configuration by itself first: textgen run CORPUS",
    )


def drop_weights(study: Study) -> None:
    """Remove the weights of all finished runs but those that may still win."""
    entries = study.journal.entries()
    kept = _kept(study, entries)
    for each in entries:
        directory = study.directory_of(each)
        if each.state == "running" or each.id in kept or not is_there(directory.checkpoints):
            continue
        remove(directory.path, checkpoints=True)
        counts = directory.counts  # they are as large, and say nothing of the trial
        counts.unlink(missing_ok=True)


def _kept(study: Study, entries: Sequence[Entry]) -> set[int]:
    """Return the trials whose weights are kept: the first full one of whatever may win."""
    verdict = study.verdict
    if verdict is not None:
        configurations = [verdict["configuration"]]
    elif study.finalists is not None:
        configurations = [RECIPE, *study.finalists]
    else:
        best = best_configurations(entries, study.rungs, FINALISTS)
        configurations = [RECIPE, *(each.configuration for each in best)]
    return {entry.id for _, entry in _first_runs(study, entries, configurations)}


def _first_runs(
    study: Study, entries: Sequence[Entry], configurations: Iterable[int]
) -> Iterator[tuple[int, Entry]]:
    """Yield configurations that were trained in full, with the first such training."""
    for each in configurations:
        if (entry := _first_run(study, entries, each)) is not None:
            yield each, entry


def _first_run(study: Study, entries: Sequence[Entry], configuration: int) -> Entry | None:
    """Return the finished full training of a configuration under the lowest seed."""
    full = [
        each
        for each in entries
        if each.configuration == configuration
        and each.rung == study.rungs - 1
        and each.score is not None
    ]
    return min(full, key=lambda each: each.seed, default=None)


def open_trial(study: Study, directory: RunDirectory) -> Run:
    """Open the run of a trial, with its texts where the study has them.

    Another machine may have trained it, and noted there alone where they are.
    """
    from textgen_core.pipeline.api import open_run

    texts = study.request.space.settings
    return open_run(
        directory.path,
        corpus=study.request.corpus,
        validation=texts.get("corpus.validation"),
        test=texts.get("corpus.test"),
    )


def _score_on_test(study: Study, directory: RunDirectory) -> float | None:
    """Return bits per byte on the test text, None if there is none; this is where it is read."""
    evaluation = open_trial(study, directory).evaluate()
    return evaluation.bits_per_byte if evaluation.split == "test" else None
