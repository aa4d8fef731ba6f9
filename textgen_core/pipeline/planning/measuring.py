"""What is measured for a plan: what counts and xz make of the text, and models of every size."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import attrs

from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import Configuration
from textgen_core.counts.files import save_counts
from textgen_core.errors import CorpusError
from textgen_core.evaluation.baselines import measure_xz
from textgen_core.evaluation.figures import bits_per_byte
from textgen_core.formatting import format_size
from textgen_core.models.devices import available_memory
from textgen_core.models.speed import estimate_tokens_per_second, work_of
from textgen_core.pipeline.planning.budget import Pace
from textgen_core.pipeline.planning.law import Case
from textgen_core.pipeline.planning.sizes import Size
from textgen_core.pipeline.preparing import Prepared, build_model
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.checkpoint import KEPT
from textgen_core.training.memory import checkpoint_bytes, training_memory

_FEWEST_TOKENS = 100  # of a held-out text that a forecast can be made for
_MEASURED_TIMES = 3
_RECURRENT = 1.5  # times the speed of a Transformer with as many weights: its products are larger


@attrs.frozen(kw_only=True)
class TextFacts:
    """What a text is to a plan, in bytes and tokens; losses in bits per byte of the held-out text.

    counts: of n-grams alone; uniform: of guessing. counts_bytes: of their file.
    """

    train_bytes: int
    train_tokens: int
    held_out_bytes: int
    held_out_tokens: int
    vocabulary: int
    counts: float
    xz: float
    uniform: float
    counts_bytes: int


@attrs.frozen(kw_only=True)
class SizeFacts:
    """What a size of model is on this machine. fits: whether memory is enough to train it."""

    size: Size
    parameters: int
    memory_bytes: int
    disk_bytes: int
    pace: Pace
    fits: bool


def measure_text(prepared: Prepared) -> TextFacts:
    """Return what there is to know of a prepared text; raises CorpusError if it is too short."""
    assert prepared.counts is not None
    name = "test" if "test" in prepared.token_files else "validation"
    train, held_out = prepared.token_files["train"], prepared.token_files.get(name)
    if held_out is None or len(held_out.token_ids) < _FEWEST_TOKENS:
        size = format_size(0 if held_out is None else held_out.text_bytes)
        raise CorpusError(
            f"The text is too short for a forecast: of it {size} would be held out.",
            f"Allowed: a held-out part of {_FEWEST_TOKENS} tokens or more, from some 3 kB of text.",
            "Add more text, or train on it as it is: textgen run",
        )
    sizes = held_out.text_bytes, held_out.unknown_bytes
    scored = len(held_out.token_ids) - 1
    vocabulary = prepared.tokenizer.get_vocab_size(with_added_tokens=True)
    documents = prepared.splits.test if name == "test" else prepared.splits.validation
    xz = measure_xz(prepared.splits.train, documents, held_out.text_bytes)
    with tempfile.TemporaryDirectory() as folder:
        file = RunDirectory(Path(folder)).counts
        save_counts(prepared.counts, file)
        counts_bytes = file.stat().st_size
    return TextFacts(
        train_bytes=train.text_bytes,
        train_tokens=len(train.token_ids),
        held_out_bytes=held_out.text_bytes,
        held_out_tokens=scored,
        vocabulary=vocabulary,
        counts=bits_per_byte(float(prepared.counts.losses(held_out.token_ids).sum()), *sizes),
        xz=xz["bits_per_byte"],
        uniform=bits_per_byte(scored * math.log(vocabulary), *sizes),
        counts_bytes=counts_bytes,
    )


def measure_speed(configuration: Configuration, prepared: Prepared) -> float:
    """Return how many weights a second this machine trains, each for a token; the best of a few.

    It is measured with one model for all: so their speeds differ as they do, whatever else runs.
    """
    with configuration.model.errors():
        language_model = build_model(configuration, prepared.tokenizer)
    rows = configuration.training.batch_size
    speeds = [estimate_tokens_per_second(language_model, rows) for _ in range(_MEASURED_TIMES)]
    return max(speeds) * work_of(language_model)


def measure_size(
    size: Size, configuration: Configuration, prepared: Prepared, text: TextFacts, speed: float
) -> SizeFacts:
    """Return what a model is on this machine, whose speed is known.

    configuration: that of a run which trains it.
    """
    settings = configuration.training
    with configuration.model.errors():
        language_model = build_model(configuration, prepared.tokenizer)
        memory = training_memory(language_model, settings, settings.batch_size)
    tokens_per_second = speed / work_of(language_model)
    if size.is_recurrent:
        tokens_per_second *= _RECURRENT
    available = available_memory()
    checkpoints = (KEPT + 1) * checkpoint_bytes(language_model, settings)
    return SizeFacts(
        size=size,
        parameters=language_model.model.count_params(),
        memory_bytes=memory,
        disk_bytes=checkpoints + text.counts_bytes,
        pace=Pace(
            tokens_per_second=tokens_per_second,
            step_tokens=settings.batch_size * configuration.data.sequence_length,
            layers=0 if size.is_recurrent else configuration.model.options["layers"],
        ),
        fits=available is None or memory <= available,
    )


def expected_steps(
    facts: SizeFacts, configuration: Configuration, text: TextFacts, minutes: float
) -> int:
    """Return how many steps a run of some minutes makes, no more than its recipe has it make."""
    steps = facts.pace.steps(minutes)
    passes = steps * facts.pace.step_tokens / text.train_tokens
    most = apply_rules(configuration, passes).training.most_passes
    if most is None:
        return steps
    return min(steps, math.ceil(most * text.train_tokens / facts.pace.step_tokens))


def case_of(facts: SizeFacts, text: TextFacts, steps: int) -> Case:
    """Return what the law is asked for a run of so many steps."""
    return Case(
        counts=text.counts,
        uniform=text.uniform,
        tokens=text.train_tokens,
        seen=float(steps * facts.pace.step_tokens),
        parameters=facts.parameters,
        is_recurrent=facts.size.is_recurrent,
    )
