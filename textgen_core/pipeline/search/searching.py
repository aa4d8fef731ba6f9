"""A study carried out: one trial after the other, by this process and any that share it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from textgen_core.corpus import keep_streams, read_texts
from textgen_core.errors import (
    CorpusError,
    DiskTooSmall,
    Interrupted,
    RunDirectoryError,
    TextgenError,
    reason_of,
)
from textgen_core.formatting import format_count, shell_word
from textgen_core.pipeline.search.finishing import is_over, tune_winner, write_page
from textgen_core.pipeline.search.following import InTrial, SearchCallback
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.planning import DEATHS, describe_loss, next_step
from textgen_core.pipeline.search.records import Tuning
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.summary import record_of, tuning_of
from textgen_core.pipeline.search.trainer import ProcessEnded, Trainer
from textgen_core.pipeline.search.winner import (
    conclude,
    drop_weights,
    gone_before_the_end,
    nothing_trained,
)
from textgen_core.pipeline.splitting import split_texts
from textgen_core.pipeline.starting import check_cache
from textgen_core.registry import Registry
from textgen_core.training.callbacks import Callback

_PAUSE = 1.0  # seconds between two looks whether other processes are ready
_HOPELESS = 5  # failed trials without one that did not fail


def search(study: Study, registry: Registry, callback: Callback) -> Tuning:
    """Carry a study out to its end, or until its time is over.

    Raises Interrupted if the user stops it, and TextgenError if every trial fails, or none can be
    trained on such a text: then nothing stays of a new study.
    """
    if is_over(study):
        return tuning_of(study)
    check_cache(callback)
    is_decided = study.verdict is not None
    if not is_decided:
        _check_texts(study, registry)
    with study.working():
        try:
            if not is_decided:
                _Search(study, callback).run()
            tune_winner(study, callback)
        except (Interrupted, KeyboardInterrupt) as error:
            _release(study)
            raise _stopped(study) from error
        except Exception:  # a full disk, say, for which no trial is to blame
            _release(study)
            raise
        finally:
            write_page(study)
    return tuning_of(study)


def _release(study: Study) -> None:
    """Let go of the trial that this process trains."""
    for each in study.journal.entries():
        if each.state == "running" and each.process == study.process:
            study.release(each)


def _check_texts(study: Study, registry: Registry) -> None:
    """Raise CorpusError if the texts that all trials share cannot be read, or are others now."""
    configuration = study.request.recipe_as_it_is(registry)
    try:
        texts = read_texts(keep_streams(configuration.corpus))
        split_texts(texts, configuration)
    except CorpusError:
        if study.is_new and not study.journal.entries():
            study.discard()
        raise
    study.agree_on_texts([(each["path"], each["sha256"]) for each in texts.files])


def _stopped(study: Study) -> Interrupted:
    finished = sum(each.state == "finished" for each in study.journal.entries())
    return Interrupted(
        f"Stopped, with {format_count(finished, 'finished trial')} in {study.directory}.",
        advice=f"Go on: textgen tune --out {shell_word(study.directory)}",
    )


class _Search:
    """The search of this process."""

    def __init__(self, study: Study, callback: Callback) -> None:
        self._study = study
        self._callback = callback if isinstance(callback, SearchCallback) else SearchCallback()
        self._follower = InTrial(callback, set())
        self._trainer = Trainer(study, self._follower)

    def run(self) -> None:
        self._callback.on_search_begin(tuning_of(self._study))
        with closing(self._trainer):
            self._do_all()

    def _do_all(self) -> None:
        while (step := next_step(self._study)).kind != "over":
            if step.entry is not None:
                self._train(step.entry)
            elif step.kind == "wait":
                self._callback.on_wait(tuning_of(self._study))
                time.sleep(_PAUSE)
            else:
                for entry in gone_before_the_end(self._study):
                    self._train_again(entry)
                self._trainer.close()  # the winner needs memory too
                self._callback.on_conclude(tuning_of(self._study))
                conclude(self._study)

    def _train(self, entry: Entry) -> None:
        study = self._study
        self._callback.on_trial_begin(record_of(study, entry), tuning_of(study))
        if not entry.result:
            self._trainer.begin()
        try:
            result = dict(entry.result) or self._train_anew(entry)  # killed before it was noted
        except (Interrupted, RunDirectoryError, DiskTooSmall):
            raise
        except Exception as error:  # of a plugin, of a library: it need not concern the next trial
            study.journal.fail(entry.id, _reason(error))
        else:
            study.journal.note(entry.id, result=result)
            study.journal.finish(entry.id, result["score"])
        with study.journal.locked():
            drop_weights(study)
        entries = study.journal.entries()
        now = next(each for each in entries if each.id == entry.id)
        self._callback.on_trial_end(record_of(study, now), tuning_of(study))
        failed = sum(each.state == "failed" for each in entries)
        if failed >= _HOPELESS and not any(each.state == "finished" for each in entries):
            raise nothing_trained(entries)

    def _train_again(self, entry: Entry) -> None:
        """Train a trial whose run somebody removed: it has the same weights then."""
        study = self._study
        path = study.directory_of(entry).path
        self._follower.on_warning(f"{path} has no weights any more: it is trained again.")
        self._callback.on_trial_begin(record_of(study, entry), tuning_of(study))
        self._trainer.begin()
        try:
            self._trainer.train(entry)
        except ProcessEnded as error:  # its trial is finished: no death is noted with it
            raise TextgenError(
                f"The process that trained trial {entry.number} again {error}.",
                advice=f"Go on: textgen tune --out {shell_word(study.directory)}",
            ) from error

    def _train_anew(self, entry: Entry) -> dict[str, Any]:
        """Train and score a trial, and return what was measured."""
        while True:
            try:
                return self._trainer.train(entry)
            except ProcessEnded as error:
                if self._study.count_death(entry) >= DEATHS:
                    raise TextgenError(describe_loss(str(error))) from error
                text = f"The process that trained trial {entry.number} {error}: it begins again."
                self._follower.on_warning(text)


def _reason(error: Exception) -> str:
    """Return why a trial failed, in a line."""
    if isinstance(error, TextgenError):
        return " ".join(error.problem.split())
    return f"{type(error).__name__}: {reason_of(error)}"
