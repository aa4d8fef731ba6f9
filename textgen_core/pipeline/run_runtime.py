"""What computes for an opened run: its programs, or TensorFlow where something has no program.

Whether there are programs depends on the model and the samplers alone, never on what lies in the
cache: so the same command writes the same text, the first time and the thousandth.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.counts.files import counts_of
from textgen_core.data.reader import Reader
from textgen_core.data.tokenizer import tokenizer_of
from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.programs.library import Library
from textgen_core.programs.program import NotConvertible
from textgen_core.registry.own_keras import import_keras
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json
from textgen_core.runs.weights import best_step, weights_digest

if TYPE_CHECKING:
    from textgen_core.generation.runtime import Runtime
    from textgen_core.models.language_model import LanguageModel
    from textgen_core.programs.runtime import ProgramRuntime

_log = logging.getLogger(__name__)
RuntimeName = Literal["auto", "program", "tensorflow"]
RUNTIMES = ("auto", "program", "tensorflow")


def _ignore(*_: str) -> None:
    pass


@attrs.frozen(kw_only=True)
class Computing:
    """What is wanted of what computes.

    Args:
        runtime: "program", "tensorflow", or "auto": programs where there can be some.
        on_wait: is told, in a sentence, what is waited for, once for a run.
        before_tensorflow: is called before TensorFlow is imported, and again before each program
            that is made; what it raises keeps that from happening.
    """

    runtime: RuntimeName = "auto"
    on_wait: Callable[[str], None] = _ignore
    before_tensorflow: Callable[[], None] = import_keras

    def __attrs_post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise UsageError(f"runtime is {self.runtime!r}.", f"Allowed: {', '.join(RUNTIMES)}.")


@attrs.define(slots=False)
class RunRuntime:
    """Chooses what computes for one run.

    get_model: returns the model, under the run's own precision.
    """

    directory: RunDirectory
    configuration: Configuration
    computing: Computing
    get_model: Callable[[], LanguageModel]
    _has_said: bool = attrs.field(default=False, init=False)

    @cached_property
    def best(self) -> Runtime:
        """The programs of the model, or TensorFlow if it has none."""
        if self.computing.runtime == "tensorflow":
            return self.tensorflow
        try:
            return self.programs
        except NotConvertible as error:
            return self.instead_of_programs(error)

    @cached_property
    def programs(self) -> ProgramRuntime:
        """The programs of the model; raises NotConvertible if it has none."""
        from textgen_core.programs.runtime import ProgramRuntime

        return ProgramRuntime(self.library)

    @cached_property
    def tensorflow(self) -> Runtime:
        """TensorFlow, with the model loaded."""
        model = self.get_model()
        from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

        return TensorFlowRuntime(model)

    def instead_of_programs(self, error: NotConvertible) -> Runtime:
        """Return TensorFlow in place of a program that cannot be, unless programs are asked for."""
        if self.computing.runtime == "program":
            raise UsageError(
                f"{self.directory.path} cannot be written with programs: {error.problem}",
                "Allowed: a model and samplers that can be converted: see `textgen plugins check`.",
                "Write with TensorFlow: --runtime tensorflow",
            ) from error
        _log.debug("TensorFlow computes, and no program: %s", error.problem)
        return self.tensorflow

    @cached_property
    def reader(self) -> Reader:
        """What is known of the model without TensorFlow."""
        return reader_of(self.directory, self.configuration)

    @cached_property
    def library(self) -> Library:
        """The programs of the model and of samplers, found or made one by one."""
        step = best_step(self.directory)
        return Library(
            self.reader,
            self.configuration.model,
            weights=lambda: weights_digest(self.directory, step),
            load=self._load_for_conversion,
            on_wait=self._wait_for_conversion,
        )

    def _wait_for_conversion(self, text: str) -> None:
        if not self._has_said:
            self._has_said = True
            self.computing.on_wait(text)
        self.computing.before_tensorflow()

    def _load_for_conversion(self) -> LanguageModel:
        """Return the model under the policy float32, in which programs compute."""
        from textgen_core.pipeline.assembly import load_language_model
        from textgen_core.pipeline.precision import precision_to_read

        if precision_to_read(self.directory, self.configuration) == "float32":
            return self.get_model()
        step = best_step(self.directory)
        return load_language_model(self.directory, self.configuration, step, precision="float32")


def reader_of(run: RunDirectory, configuration: Configuration) -> Reader:
    """Return what is known of a run's model without TensorFlow.

    Raises RunDirectoryError if its tokenizer or its counts are missing or damaged.
    """
    tokenizer = tokenizer_of(run)
    counts = None
    if order := configuration.training.counts:
        counts = counts_of(run, tokenizer.get_vocab_size(with_added_tokens=True), order)
    return Reader(
        tokenizer=tokenizer,
        counts=counts,
        context_length=configuration.data.sequence_length,
        cleaning=configuration.corpus,
        documents=_documents_of(run),
    )


def _documents_of(run: RunDirectory) -> int:
    """Return how many documents the corpus of a run has, 0 where its analysis does not tell."""
    try:
        analysis = read_json(run.analysis)
    except RunDirectoryError:
        return 0
    count = analysis.get("documents") if isinstance(analysis, dict) else 0
    return count if isinstance(count, int) else 0
