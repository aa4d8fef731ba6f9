"""A text to compare runs on: held out from all of them, and the same for all after cleaning.

What a run was trained on is known by the SHA-256 of its corpus files and the settings by which they
are read and split, and by long stretches of its training text that stand in the other text word for
word. A run whose text is not at hand is trusted only where another one, whose text is, was made
from the same files in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Corpus, Splits, iterate_pieces
from textgen_core.errors import CorpusError, RunDirectoryError
from textgen_core.evaluation.text_kind import share_seen
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.run_texts import find_texts
from textgen_core.pipeline.scored_text import read_text_file
from textgen_core.pipeline.splitting import split_texts
from textgen_core.registry import discover
from textgen_core.runs import RunDirectory, read_json
from textgen_core.runs.directory import RUNS, find_run
from textgen_core.runs.door import is_there
from textgen_core.runs.manifest import load_configuration

MOST_CHARACTERS = 500_000  # that are scored; more would hardly make an interval shorter
_PLACES = 100  # of a text that are looked for in a training text
_SEEN = 0.05  # of a text, more than the others have of it, that flatters a run
_FAMILIAR = 0.5  # of a text: it was trained on, even if all runs were
_NOT_READING = ("files", "validation", "test", "encoding", "language", "split", "split_by")


@attrs.frozen(kw_only=True)
class CommonText:
    """A text that is held out from all runs: its name, and its cleaned documents.

    split: which one of a run it is; "" for a file of its own.
    """

    name: str
    documents: Sequence[str]
    split: str = ""
    notes: tuple[str, ...] = ()


@attrs.define(slots=False, eq=False)
class Trained:
    """A run as far as its texts matter. why_not: why they are not at hand, once `splits` failed."""

    name: str
    directory: RunDirectory
    configuration: Configuration
    places: Places = attrs.field(factory=Places)
    why_not: str = attrs.field(default="", init=False)

    @cached_property
    def splits(self) -> Splits | None:
        """The cleaned splits of its corpus, which is read again; None if that is not at hand."""
        try:
            texts = find_texts(self.directory, self.configuration, self.places, "evaluate")
        except (CorpusError, RunDirectoryError) as error:
            self.why_not = f"{error.problem} {error.advice}".strip()
            return None
        return split_texts(texts, self.configuration)[0]

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of the files that it was made from; none where nothing says it."""
        return self._listed("corpus", "sha256")

    @cached_property
    def ancestors(self) -> tuple[str, ...]:
        """The names of the runs that it began with."""
        return self._listed("ancestors", "run")

    def _listed(self, key: str, name: str) -> tuple[str, ...]:
        manifest = read_json(self.directory.manifest) if is_there(self.directory.manifest) else {}
        rows = manifest.get(key) if isinstance(manifest, Mapping) else None
        listed = rows if isinstance(rows, list) else []
        return tuple(
            str(each[name]) for each in listed if isinstance(each, Mapping) and name in each
        )

    @cached_property
    def reading(self) -> Mapping[str, Any]:
        """How its corpus is read, cut into documents and cleaned."""
        table = attrs.asdict(self.configuration.corpus)
        return {name: value for name, value in table.items() if name not in _NOT_READING}

    def is_split_like(self, other: Trained) -> bool:
        """Whether its splits are those of another run, as far as their files say."""
        own, others = self.configuration.corpus, other.configuration.corpus
        return (
            bool(self.hashes)
            and (self.hashes, self.reading) == (other.hashes, other.reading)
            and (own.split, own.split_by) == (others.split, others.split_by)
            and (own.validation is None, own.test is None)
            == (others.validation is None, others.test is None)
        )


def with_ancestors(runs: Sequence[Trained]) -> list[Trained]:
    """Return the runs, and those that they began with, whose texts they know too.

    One that is not under runs/ any more is a run whose texts are not at hand.
    """
    found = {str(run.directory.path.resolve()): run for run in runs}
    for run in runs:
        for name in run.ancestors:
            called = f"{name}, which {run.name} began with,"
            try:
                directory = find_run(name)
                configuration, _ = load_configuration(directory, discover(), ())
            except RunDirectoryError as error:
                gone = Trained(
                    name=called,
                    directory=RunDirectory(RUNS / name),
                    configuration=run.configuration,
                )
                gone.splits, gone.why_not = None, error.problem
                found.setdefault(called, gone)
                continue
            trained = Trained(name=called, directory=directory, configuration=configuration)
            found.setdefault(str(directory.path.resolve()), trained)
    return list(found.values())


def find_common_text(runs: Sequence[Trained]) -> CommonText:
    """Return held-out text of one of the runs that none of them was trained on.

    Test text comes first, then validation text. Raises CorpusError if there is none.
    """
    faults: list[str] = []
    for split in ("test", "validation"):
        for owner in _unlike(runs):
            documents = getattr(_splits_of(owner, runs), split, ())
            found = list(_faults(owner, documents, runs)) if documents else []
            if documents and not found:
                return _as_common(owner, split, documents, runs)
            faults += found
    why = next(iter(faults), "") or next((each.why_not for each in runs if each.why_not), "")
    raise CorpusError(
        f"No held-out text is known that none of these runs was trained on. {why}".strip(),
        "Allowed: runs that share a held-out text, or a text of your own.",
        "Name a text that none of them was trained on: --text FILE",
    )


def read_common_text(path: Path, runs: Sequence[Trained]) -> CommonText:
    """Return the text of a file; raises CorpusError if a run was trained on it.

    It is cleaned as each run's corpus was, which has to come to the same.
    """
    corpus = read_text_file(path, runs[0].configuration)
    documents = beginning_of(corpus.documents)
    for run in runs[1:]:
        if run.reading != runs[0].reading:
            other = read_text_file(path, run.configuration)
            if beginning_of(other.documents) != documents:
                raise _read_differently(runs[0], run)
    notes = list(corpus.notes)
    shares: list[tuple[Trained, float]] = []
    for run in runs:
        _check_file(path, corpus, run)
        splits = _splits_of(run, runs)
        if splits is None:
            notes.append(f"Whether {run.name} was trained on it is not known. {run.why_not}")
        else:
            shares.append((run, share_seen(documents, splits.train, _PLACES)))
    usual = min((share for _, share in shares), default=0.0) + _SEEN
    for run, share in shares:
        if share > usual or share >= _FAMILIAR:
            raise _trained_on(path, f"{share:.0%} of it stands in the training text of {run.name}")
    return CommonText(name=path.name, documents=documents, notes=tuple(notes))


def training_text(run: Trained, runs: Sequence[Trained]) -> Sequence[str]:
    """Return the documents that a run was trained on; none where they are not at hand."""
    splits = _splits_of(run, runs)
    return () if splits is None else splits.train


def _unlike(runs: Sequence[Trained]) -> list[Trained]:
    """Return one of the runs for each way of splitting."""
    found: list[Trained] = []
    for run in runs:
        if not any(run.is_split_like(each) for each in found):
            found.append(run)
    return found


def _splits_of(run: Trained, runs: Sequence[Trained]) -> Splits | None:
    """Return the splits of a run, as read for whichever run is split like it."""
    alike = [each for each in runs if each is run or each.is_split_like(run)]
    return next((each.splits for each in alike if each.splits is not None), None)


def _faults(owner: Trained, documents: Sequence[str], runs: Sequence[Trained]) -> Iterator[str]:
    """Yield why held-out text of one run cannot compare all of them."""
    others = [run for run in _unlike(runs) if run is not owner and not run.is_split_like(owner)]
    usual = share_seen(documents, training_text(owner, runs), _PLACES) if others else 0.0
    for run in others:
        if run.reading != owner.reading:
            yield _read_differently(owner, run).problem
        elif (splits := _splits_of(run, runs)) is None:
            yield f"What {run.name} was trained on is not known. {run.why_not}"
        elif (share := share_seen(documents, splits.train, _PLACES)) > usual + _SEEN:
            yield f"{run.name} was trained on {share:.0%} of what {owner.name} holds out."


def _check_file(path: Path, corpus: Corpus, run: Trained) -> None:
    """Raise CorpusError if a file is among those that a run was made from, to train on."""
    is_corpus = any(each.sha256 in run.hashes for each in corpus.files)
    if is_corpus and run.configuration.corpus.validation is None:
        raise _trained_on(path, f"it is in the corpus of {run.name}")


def _trained_on(path: Path, why: str) -> CorpusError:
    return CorpusError(
        f"{path} is not held out: {why}.",
        "Allowed: a text that none of the runs was trained on.",
        "Leave --text out, and the runs' own held-out text is looked for.",
    )


def _read_differently(one: Trained, other: Trained) -> CorpusError:
    differ = [name for name, value in one.reading.items() if other.reading[name] != value]
    shown = ", ".join(f"corpus.{name}" for name in differ)
    return CorpusError(
        f"{one.name} and {other.name} read a text differently ({shown}).",
        "Allowed: a text that is the same for all runs once it is cleaned.",
        "Clean the text beforehand, or train both with the same settings of the corpus.",
    )


def _as_common(
    owner: Trained, split: str, documents: Sequence[str], runs: Sequence[Trained]
) -> CommonText:
    notes = []
    if split == "validation":
        notes.append(
            "There is no test text: by validation text each run chose its best checkpoint."
        )
    strangers = [run.name for run in runs if run.hashes != owner.hashes]
    if strangers:
        notes.append(
            f"The text is of the corpus of {owner.name}, and harder for {', '.join(strangers)}, "
            "which learned from another one."
        )
    name = f"the {split} text of {'all runs' if len(_unlike(runs)) == 1 else owner.name}"
    return CommonText(name=name, documents=beginning_of(documents), split=split, notes=tuple(notes))


def beginning_of(documents: Sequence[str]) -> list[str]:
    """Return the first `MOST_CHARACTERS` of some documents."""
    found: list[str] = []
    left, is_open = MOST_CHARACTERS, False
    for text, ends_document in iterate_pieces(documents):
        if is_open:
            found[-1] += text[:left]
        else:
            found.append(text[:left])
        left -= len(text)
        is_open = not ends_document
        if left <= 0:
            break
    return found
