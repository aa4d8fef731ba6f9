"""Phases 2 and 3: from texts to a model that is ready to be trained.

Each is a function of values; `running` calls them in order and writes the run directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import attrs
import numpy as np
import tokenizers

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import AUTO_PROMPT, TrainingSettings
from textgen_core.corpus import Splits, Texts, count_all_characters, iterate_pieces
from textgen_core.corpus.overlap import Overlap, format_overlap, measure_overlap
from textgen_core.counts.counts import Counts
from textgen_core.data.batches import Batches, StreamBatches, WindowBatches
from textgen_core.data.token_files import TokenFile, tokenize_documents
from textgen_core.data.tokenizer import sample_of
from textgen_core.errors import OutOfMemory
from textgen_core.formatting import format_size
from textgen_core.models.bounds import Bounds
from textgen_core.models.build import (
    ModelDescription,
    build_language_model,
    check_logits,
    describe_model,
)
from textgen_core.models.devices import available_memory
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.kept_tokenizer import tokenizer_of_text
from textgen_core.pipeline.precision import precision_here
from textgen_core.pipeline.splitting import PhaseProgress, split_texts
from textgen_core.training.callbacks import Callback
from textgen_core.training.memory import training_memory, weight_bytes

_MANY, _SHORT = 32, 2_000  # documents, and characters of one, whose starts are samples' starts
_SILENT: PhaseProgress = Callback().on_progress


@attrs.frozen(kw_only=True)
class Prepared:
    """What phase 2 makes: cleaned splits, a tokenizer, token files by split, training batches.

    notes, details: what there is to say of it, and what only few want to know.
    overlap: how much of the held-out text is training text too; measured for a new run alone.
    counts: of the n-grams of the training text, if they are mixed with the network. kept_out: the
    end of the training tokens, int `(tokens,)`, which no batch has: how to mix is fitted on them.
    """

    splits: Splits
    tokenizer: tokenizers.Tokenizer
    token_files: Mapping[str, TokenFile]
    batches: Batches
    notes: tuple[str, ...]
    details: tuple[str, ...] = ()
    overlap: Overlap | None = None
    counts: Counts | None = None
    kept_out: np.ndarray = attrs.field(factory=lambda: np.zeros(0, np.int32))


def prepare(
    texts: Texts,
    configuration: Configuration,
    tokenizer: tokenizers.Tokenizer | None = None,
    progress: PhaseProgress = _SILENT,
    *,
    held_out: bool = True,
    is_new: bool = False,
) -> Prepared:
    """Phase 2: clean, split, train the tokenizer on training text alone, write token files.

    `tokenizer`: that of the run that is resumed, or that a new one begins with. `progress` gets
    what is done, with how many characters, and of how many. `held_out`: whether the other texts are
    looked at too, which a worker that only trains has no use for. `is_new`: whether the run is, so
    that it says how its splits overlap. Raises CorpusError if the training text is too short for a
    batch.
    """
    splits, notes = split_texts(texts, configuration, progress)
    overlap = None
    details: tuple[str, ...] = ()
    if (tokenizer is None or is_new) and held_out:
        overlap = measure_overlap(splits.train, splits.validation, splits.test)
        whole = configuration.corpus.split_by == "documents"
        shared = format_overlap(overlap, documents_are_whole=whole)
        if len(shared) > 1:  # there is advice
            notes = (*notes, *shared)
        else:
            details = shared
    if tokenizer is None and held_out:
        sample = sample_of(configuration.tokenizer.instance, splits.train)
        if sample is not None:
            characters = f"{sample:,} of the {count_all_characters(splits.train):,} characters"
            learns = f"The tokenizer learns from a sample: about {characters} of the training text"
            notes = (*notes, f"{learns}, from all over it.")
    if tokenizer is None:
        tokenizer = tokenizer_of_text(configuration.tokenizer, splits.train)
    token_files = {}
    for name in ("train", "validation", "test") if held_out else ("train",):
        if documents := getattr(splits, name):
            shown = partial(progress, f"encoding {name}")
            token_files[name] = tokenize_documents(documents, tokenizer, name, progress=shown)
    batches = make_batches(configuration, token_files["train"].token_ids)
    wanted = configuration.training.batch_size
    if batches.batch_size < wanted:
        notes = (*notes, f"The text fills {batches.batch_size} streams, not {wanted}.")
    return Prepared(
        splits=splits,
        tokenizer=tokenizer,
        token_files=token_files,
        batches=batches,
        notes=notes,
        details=details,
        overlap=overlap,
    )


def with_prompt(configuration: Configuration, documents: Sequence[str]) -> Configuration:
    """Return the configuration with the prompt that `auto` stands for in a text of `documents`.

    Where documents are many, or short, a model learns how one begins, and a line end may well be
    the last of one. A book begins once: its samples start with a line.
    """
    settings = configuration.generation
    if settings.prompt != AUTO_PROMPT:
        return configuration
    count = len(documents)
    is_short = count_all_characters(documents) <= _SHORT * count
    has_lines = any("\n" in text for text, _ in iterate_pieces(documents))
    prompt = "" if count >= _MANY or (count > 1 and is_short) or not has_lines else "\n"
    return attrs.evolve(configuration, generation=attrs.evolve(settings, prompt=prompt))


def build_model(
    configuration: Configuration, tokenizer: tokenizers.Tokenizer, bounds: Bounds | None = None
) -> LanguageModel:
    """Return the untrained model of a run, built within the bounds."""
    return build_language_model(
        configuration.model,
        tokenizer,
        context_length=configuration.data.sequence_length,
        precision=precision_here(configuration),
        seed=configuration.seed,
        cleaning=configuration.corpus,
        bounds=bounds,
    )


def build(
    configuration: Configuration,
    tokenizer: tokenizers.Tokenizer,
    bounds: Bounds | None = None,
    counts: Counts | None = None,
) -> tuple[LanguageModel, ModelDescription]:
    """Phase 3: build the model, within the bounds, and describe it.

    counts: those that are mixed with it.
    Raises OutOfMemory if training it needs more memory than there is.
    """
    with configuration.model.errors():
        language_model = build_model(configuration, tokenizer, bounds)
        batch_size = configuration.training.batch_size
        description = describe_model(
            language_model,
            batch_size=batch_size,
            precision=precision_here(configuration),
            memory_bytes=training_memory(language_model, configuration.training, batch_size),
        )
    _check_memory(description, language_model, configuration.training)
    with configuration.model.errors():
        check_logits(language_model, batch_size=configuration.training.batch_size)
    return attrs.evolve(language_model, counts=counts), description


def make_batches(configuration: Configuration, token_ids: np.ndarray) -> Batches:
    """Return the batches of training tokens; raises CorpusError if they do not fill one."""
    data, rows, seed = configuration.data, configuration.training.batch_size, configuration.seed
    if data.batching == "stream":
        return StreamBatches(token_ids, data.sequence_length, rows, data.stream_length, seed)
    return WindowBatches(token_ids, data.sequence_length, data.stride, rows, seed)


def _check_memory(
    description: ModelDescription, language_model: LanguageModel, settings: TrainingSettings
) -> None:
    """Raise OutOfMemory if training needs more than there is; the weights are there already."""
    available, needed = available_memory(), description.memory_bytes
    if available is None or needed <= available + weight_bytes(language_model):
        return
    ways = []
    rows = description.batch_size
    if rows > 1:  # the same update, from smaller batches
        ways.append(f"--batch-size {rows // 2} --set training.accumulate={2 * settings.accumulate}")
    if hasattr(language_model.model, "recompute") and not settings.recompute:
        ways.append("--set training.recompute=true")
    ways.append("a smaller data.sequence_length, vocabulary or model")
    raise OutOfMemory(
        f"Training this model needs about {format_size(needed)}, and {format_size(available)} "
        "are free.",
        advice=f"Try {', or '.join(ways)}.",
    )
