"""What is measured for a plan: what counts and xz make of the text, and models of every size."""

from __future__ import annotations

import math
import tempfile
from contextlib import suppress
from pathlib import Path

import attrs

from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import Configuration
from textgen_core.counts.files import save_counts
from textgen_core.data.token_files import TokenFile
from textgen_core.errors import CorpusError, OutOfMemory
from textgen_core.evaluation.baselines import measure_xz
from textgen_core.evaluation.figures import bits_per_byte
from textgen_core.formatting import format_size
from textgen_core.models.devices import available_memory
from textgen_core.models.language_model import LanguageModel
from textgen_core.models.speed import estimate_tokens_per_second
from textgen_core.pipeline.planning.budget import Pace
from textgen_core.pipeline.planning.law import Case
from textgen_core.pipeline.planning.sizes import Size
from textgen_core.pipeline.planning.step_costs import pace_of
from textgen_core.pipeline.preparing import Prepared, build_model
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.checkpoint import KEPT
from textgen_core.training.memory import checkpoint_bytes, training_memory

_FEWEST_TOKENS = 100  # of a held-out text that a forecast can be made for


@attrs.frozen(kw_only=True)
class TextFacts:
    """What a text is to a plan, in bytes and tokens; losses in bits per byte of the held-out text.

    counts: of n-grams alone; uniform: of guessing. xz: of the compressor, None where nobody asked;
    counts_bytes: of the file of counts, 0 where nobody asked.
    """

    train_bytes: int
    train_tokens: int
    held_out_bytes: int
    held_out_tokens: int
    vocabulary: int
    counts: float
    xz: float | None
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


def can_be_forecast(prepared: Prepared) -> bool:
    """Return whether enough of a text is held out for a forecast."""
    _, held_out = _held_out(prepared)
    return held_out is not None and len(held_out.token_ids) >= _FEWEST_TOKENS


def _held_out(prepared: Prepared) -> tuple[str, TokenFile | None]:
    name = "test" if "test" in prepared.token_files else "validation"
    return name, prepared.token_files.get(name)


def measure_text(prepared: Prepared, *, in_full: bool) -> TextFacts:
    """Return what there is to know of a prepared text; raises CorpusError if it is too short.

    in_full: whether what only people want to know is measured too, which takes seconds for
    megabytes: what xz makes of it, and how large the file of its counts is.
    """
    assert prepared.counts is not None
    train = prepared.token_files["train"]
    name, held_out = _held_out(prepared)
    if held_out is None or not can_be_forecast(prepared):
        size = format_size(0 if held_out is None else held_out.text_bytes)
        raise CorpusError(
            f"The text is too short for a forecast: of it {size} would be held out.",
            f"Allowed: a held-out part of {_FEWEST_TOKENS} tokens or more, from some 3 kB of text.",
            "Add more text, or train on it as it is: textgen run",
        )
    sizes = held_out.text_bytes, held_out.unknown_bytes
    scored = len(held_out.token_ids) - 1
    vocabulary = prepared.tokenizer.get_vocab_size(with_added_tokens=True)
    xz, counts_bytes = None, 0
    if in_full:
        documents = prepared.splits.test if name == "test" else prepared.splits.validation
        xz = measure_xz(prepared.splits.train, documents, held_out.text_bytes)["bits_per_byte"]
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
        xz=xz,
        uniform=bits_per_byte(scored * math.log(vocabulary), *sizes),
        counts_bytes=counts_bytes,
    )


def measure_size(
    size: Size, configuration: Configuration, prepared: Prepared, text: TextFacts, product: float
) -> SizeFacts:
    """Return what a model is on this machine.

    configuration: that of a run which trains it. product: see `step_costs.pace_of`.
    """
    settings = configuration.training
    with configuration.model.errors():
        language_model = build_model(configuration, prepared.tokenizer)
        memory = training_memory(language_model, settings, settings.batch_size)
    available = available_memory()
    measured = None
    if available is None or memory <= available:
        with suppress(OutOfMemory):
            measured = pace_of(configuration, prepared, language_model, product)
    checkpoints = (KEPT + 1) * checkpoint_bytes(language_model, settings)
    return SizeFacts(
        size=size,
        parameters=language_model.model.count_params(),
        memory_bytes=memory,
        disk_bytes=checkpoints + text.counts_bytes,
        pace=measured or _guess_pace(configuration, language_model),
        fits=measured is not None,
    )


def _guess_pace(configuration: Configuration, language_model: LanguageModel) -> Pace:
    settings = configuration.training
    speed = estimate_tokens_per_second(language_model, settings.batch_size)
    tokens = settings.batch_size * settings.accumulate * configuration.data.sequence_length
    return Pace(step_seconds=tokens / max(speed, 1e-9), step_tokens=tokens, compiling=0.0)


def expected_steps(
    facts: SizeFacts, configuration: Configuration, text: TextFacts, minutes: float
) -> int:
    """Return how many steps a run of some minutes makes, no more than its recipe has it make."""
    steps = facts.pace.steps(minutes)
    passes = steps * facts.pace.step_tokens / text.train_tokens
    weights_per_token = facts.parameters / text.train_tokens
    most = apply_rules(configuration, passes, weights_per_token).training.most_passes
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
