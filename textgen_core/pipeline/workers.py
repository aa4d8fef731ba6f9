"""A run that several processes train: what they agree on, and what all but the first do of it.

The first worker does what one alone would. The others read the same text, take configuration and
tokenizer from the first, and train; they write nothing, and need not see its directory. Until
training begins they talk in rounds, in which each may say that it failed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration, resolve
from textgen_core.config.sources import NO_RECIPE, table_layers
from textgen_core.corpus import Texts
from textgen_core.data.tokenizer import load_tokenizer
from textgen_core.errors import TextgenError, UsageError, WorkersError, reason_of
from textgen_core.models.build import initialise
from textgen_core.pipeline.mixing import with_counts
from textgen_core.pipeline.precision import in_precision
from textgen_core.pipeline.preparing import Prepared, build, prepare
from textgen_core.pipeline.training import make_job, restore, train_phase
from textgen_core.registry import discover
from textgen_core.runs import RunDirectory
from textgen_core.runs.files import read_text, write_text
from textgen_core.runs.manifest import settings_to_keep, versions_here
from textgen_core.training.callbacks import Callback
from textgen_core.training.job import check_batch
from textgen_core.training.workers.cluster import Cluster
from textgen_core.training.workers.transport import Collective, connect

_SHOWN = 4  # differences of a worker that are named
_FAILED = "failed"


class Worker:
    """This process among the workers of a run; `collective` connects it to the others."""

    def __init__(self, collective: Collective) -> None:
        self.collective = collective

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes the run."""
        return self.collective.rank == 0

    @property
    def count(self) -> int:
        """How many workers there are."""
        return self.collective.size

    def agree(self, configuration: Configuration) -> None:
        """Check that all have the same versions and settings.

        Raises:
            WorkersError: one differs from the first; all raise it.
        """
        self._compare({**versions_here(), **settings_to_keep(configuration)})

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Tell the others if the block fails; `check_texts`, its last call, says if theirs did."""
        try:
            yield
        except WorkersError:
            raise
        except BaseException as error:
            with suppress(WorkersError):
                self.collective.gather({_FAILED: _reason(error)})
            raise

    def check_texts(self, texts: Texts) -> None:
        """Wait until all are prepared, and check that they have read the same texts.

        Raises:
            WorkersError: another worker failed, or has another text.
        """
        self._compare({f"text {number}": each["sha256"] for number, each in enumerate(texts.files)})

    def tell(
        self, configuration: Configuration, run: RunDirectory, prepared: Prepared, precision: Any
    ) -> None:
        """Tell the others, as the first, what they need to build the same model and batches."""
        told = {
            "configuration": in_precision(configuration, precision).as_table(),
            "tokenizer": read_text(run.tokenizer),
            "tokens": len(prepared.token_files["train"].token_ids),
            "is_new": not run.saved_steps(),
        }
        self._round(told)

    def listen(self) -> dict[str, Any]:
        """Return what the first worker tells, once it has prepared the run."""
        return self._round({})[0]

    def _compare(self, told: Mapping[str, Any]) -> None:
        """Raise WorkersError unless all tell the same as the first."""
        first, *others = self._round({"told": told})
        for rank, answer in enumerate(others, start=1):
            theirs, its = first["told"], answer["told"]
            names = [name for name in {**theirs, **its} if theirs.get(name) != its.get(name)]
            differ = [f"{name}: {its.get(name)}, not {theirs.get(name)}" for name in names[:_SHOWN]]
            if differ:
                more = f"; and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                raise WorkersError(
                    f"Worker {rank} of {self.count} differs from the first: "
                    f"{'; '.join(differ)}{more}.",
                    "Allowed: the same command, text and versions for all workers.",
                )

    def _round(self, told: Mapping[str, Any]) -> list[dict[str, Any]]:
        answers = self.collective.gather(told)
        for rank, answer in enumerate(answers):
            if _FAILED in answer:
                raise WorkersError(f"Worker {rank} of {self.count} failed: {answer[_FAILED]}")
        return answers


def _reason(error: BaseException) -> str:
    if isinstance(error, TextgenError):
        return error.problem
    return f"{type(error).__name__}: {reason_of(error)}"


def worker_here(cluster: Cluster, configuration: Configuration) -> Worker:
    """Connect this process to the other workers of its run.

    TensorFlow must not have been used for anything else.

    Raises:
        ConfigurationError: a batch has no row for each worker.
        WorkersError: the workers do not agree on versions and settings.
    """
    check_batch(configuration.training.batch_size, cluster.size)
    worker = Worker(connect(cluster))
    worker.agree(configuration)
    return worker


def train_with_first(
    worker: Worker, configuration: Configuration, read: Callable[[], Texts]
) -> Configuration:
    """Train as any worker but the first; return the configuration that the first has told.

    read: reads the texts of the run.

    Raises:
        WorkersError: the workers do not agree, or one is gone.
    """
    silent = Callback()
    with tempfile.TemporaryDirectory(prefix="textgen-worker-") as folder:
        run = RunDirectory(Path(folder))  # what the others write of a run goes nowhere
        with worker.preparing():
            texts = read()
            told = worker.listen()
            configuration = _configuration_of(told["configuration"], configuration)
            write_text(run.tokenizer, told["tokenizer"])
            tokenizer = load_tokenizer(run.tokenizer)
            prepared = prepare(texts, configuration, tokenizer, held_out=False)
            prepared = with_counts(prepared, configuration, counted=False)
            _check_tokens(prepared, told["tokens"])
            language_model, _ = build(configuration, tokenizer)
            if told["is_new"]:  # else its weights come from the first worker's checkpoint
                initialise(configuration.model, language_model)
            job = make_job(configuration, run, language_model, prepared, silent, worker.collective)
            worker.check_texts(texts)
        train_phase(job, restore(job, fresh_plan=False))
    return configuration


def _configuration_of(table: Mapping[str, Any], own: Configuration) -> Configuration:
    """Return the first worker's configuration, with the paths of this worker's own texts."""
    layers = table_layers(table, "the first worker's settings", NO_RECIPE)
    left_out = ("samplers", "metrics", "trackers")  # which only the first uses
    configuration = resolve([each.without(*left_out) for each in layers], discover())
    corpus = attrs.evolve(
        configuration.corpus,
        files=own.corpus.files,
        validation=own.corpus.validation,
        test=own.corpus.test,
    )
    return attrs.evolve(configuration, corpus=corpus)


def _check_tokens(prepared: Prepared, expected: int) -> None:
    found = len(prepared.token_files["train"].token_ids)
    if found != expected:
        raise UsageError(
            f"The training text has {found:,} tokens here, and {expected:,} at the first worker.",
            "Allowed: the same text for all workers.",
        )
