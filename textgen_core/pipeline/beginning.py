"""Phases 1 to 3 of a new run: what each one finds is written to the run directory, and told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts
from textgen_core.corpus.analysis import Analysis, advise_on, analyse_corpus
from textgen_core.data.tokenizer import save_tokenizer
from textgen_core.models.build import ModelDescription, initialise, width_advice
from textgen_core.models.devices import describe_machine
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.continuing import take_over
from textgen_core.pipeline.continuing_messages import format_unknown
from textgen_core.pipeline.earlier_run import EarlierRun
from textgen_core.pipeline.fitting import Expected, Settled, settle
from textgen_core.pipeline.messages import (
    format_model,
    format_parameters,
    format_preparation,
    split_analysis,
)
from textgen_core.pipeline.mixing import keep_counts, with_counts
from textgen_core.pipeline.preparing import Prepared, build, prepare
from textgen_core.pipeline.run_texts import keep_builtin, remember
from textgen_core.registry import ResolvedComponent
from textgen_core.runs import RunDirectory, write_json
from textgen_core.runs.door import is_there
from textgen_core.runs.files import check_space, write_toml
from textgen_core.runs.made_here import write_configuration, write_manifest
from textgen_core.runs.manifest import describe_run
from textgen_core.runs.tensors import hash_file
from textgen_core.training.callbacks import Callback
from textgen_core.training.checkpoint import KEPT
from textgen_core.training.memory import checkpoint_bytes

if TYPE_CHECKING:
    from textgen_core.pipeline.workers import Worker

Trackers = tuple[ResolvedComponent, ...]
Built = tuple[LanguageModel, ModelDescription]


def analyse_run(
    configuration: Configuration,
    texts: Texts,
    directory: RunDirectory,
    callback: Callback,
    trackers: Trackers,
    analysis: Analysis | None = None,
) -> Analysis:
    """Phase 1: what the text is like; `analysis`: what is known of it already."""
    callback.on_phase(1)
    if not configuration.corpus.files:
        callback.on_message(texts.corpus.notes)
        callback.on_detail([f"SHA-256 {texts.files[0]['sha256']}"])
    write_toml(directory.configuration, configuration.as_table())
    callback.on_run_begin(str(directory.path))
    if not configuration.corpus.files:
        keep_builtin(directory, texts)
    if not remember(directory, texts, [each.as_table() for each in trackers]):
        callback.on_warning("evaluate and resume will ask for this text: it cannot be kept here.")
    if analysis is None:
        analysis = analyse_corpus(
            texts.corpus,
            language=configuration.corpus.language,
            progress=partial(callback.on_progress, "counting"),
        )
    write_json(directory.analysis, analysis.as_json())
    told, details = split_analysis(analysis)
    callback.on_message(told)
    callback.on_detail(details)
    for text in (*(texts.notes if configuration.corpus.files else ()), *advise_on(analysis)):
        callback.on_warning(text)
    return analysis


def prepare_run(
    configuration: Configuration,
    texts: Texts,
    directory: RunDirectory,
    callback: Callback,
    analysis: Analysis,
    earlier: EarlierRun | None = None,
) -> Prepared:
    """Phase 2: splits, a tokenizer, token ids and counts; the run keeps the last but the ids."""
    callback.on_phase(2)
    tokenizer = earlier.tokenizer if earlier else None
    prepared = prepare(texts, configuration, tokenizer, callback.on_progress, is_new=True)
    if earlier and (unknown := format_unknown(earlier, prepared)):
        callback.on_warning(unknown)
    save_tokenizer(prepared.tokenizer, directory.tokenizer)
    overlap = attrs.asdict(prepared.overlap) if prepared.overlap else None
    write_json(directory.analysis, {**analysis.as_json(), "overlap": overlap})
    prepared = with_counts(prepared, configuration)
    callback.on_message(format_preparation(prepared, configuration))
    callback.on_detail(prepared.details)
    if prepared.counts is not None:
        line = keep_counts(directory, prepared.counts, configuration.training.counts)
        callback.on_message([line])
    return prepared


def settle_run(
    configuration: Configuration,
    prepared: Prepared,
    directory: RunDirectory,
    callback: Callback,
    expected: Expected | None = None,
) -> Settled:
    """Phase 3, its beginning: what the size and the rules of the recipe are for this text.

    expected: what the run is, if it is known.
    """
    callback.on_phase(3)
    settled = settle(configuration, prepared, callback.on_progress, expected)
    if settled.fitted is not configuration:
        write_configuration(directory, settled.fitted.as_table())
    if settled.size:
        callback.on_message([settled.size])
    if settled.rules:
        callback.on_detail([settled.rules])
    return settled


def build_run(
    configuration: Configuration,
    texts: Texts,
    prepared: Prepared,
    directory: RunDirectory,
    callback: Callback,
    worker: Worker | None = None,
    earlier: EarlierRun | None = None,
    built: Built | None = None,
) -> Built:
    """Phase 3: the model of a configuration that is settled.

    built: the model, if it was built and initialised already.
    """
    language_model, description = built or build(
        configuration, prepared.tokenizer, counts=prepared.counts
    )
    check_space(  # for those kept, the best, and one half written
        directory.path,
        (KEPT + 2) * checkpoint_bytes(language_model, configuration.training),
        "The checkpoints of this run",
        "Free some space, name a folder on another disk with --out DIR, or choose a smaller model.",
    )
    origin, taken_over = None, {}
    if earlier is None and built is None:
        initialise(configuration.model, language_model)
    if earlier is not None:
        taken_over = take_over(earlier, directory, language_model, callback)
        origin = f"as {earlier.name} has them at step {earlier.step:,}"
    machine = describe_machine()
    if worker is not None:
        machine["workers"] = worker.count
    manifest = _describe(configuration, texts, directory, machine, description)
    write_manifest(directory, manifest | taken_over)
    callback.on_message([format_parameters(configuration.model.name, description, origin)])
    columns, rows, lines = format_model(description)
    callback.on_table(columns, rows)
    callback.on_detail(lines)
    widths = width_advice(language_model, description.precision)
    if widths and machine["gpus"]:
        callback.on_warning(widths)
    if worker is not None:
        worker.tell(configuration, directory, prepared, description.precision)
    return language_model, description


def _describe(
    configuration: Configuration,
    texts: Texts,
    directory: RunDirectory,
    machine: Mapping[str, Any],
    description: ModelDescription,
) -> dict[str, Any]:
    """Return the manifest of a run; directory: has all that it keeps beside its configuration."""
    files = [dict(file) for file in texts.files]
    for file in files:
        if Path(file["path"]).exists():  # not stdin, nor the built-in corpus
            file["path"] = str(Path(file["path"]).absolute())
    kept = [directory.tokenizer, directory.counts, directory.earlier]
    hashes = {file.name: hash_file(file) for file in kept if is_there(file)}
    model = attrs.asdict(description)
    return describe_run(configuration, files=files, machine=machine, model=model, hashes=hashes)
