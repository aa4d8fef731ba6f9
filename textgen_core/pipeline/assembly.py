"""The model of a run with its weights, and what scores it, as the run's settings say."""

from __future__ import annotations

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.scoring import Scorer
from textgen_core.formatting import format_size
from textgen_core.models.bounds import Bounds, bounds_of_weights
from textgen_core.models.build import build_language_model
from textgen_core.models.devices import prepare_memory
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.precision import precision_to_read
from textgen_core.pipeline.run_runtime import reader_of
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.tensors import open_tensors
from textgen_core.runs.weights import WEIGHTS, load_weights, offering_another


def load_language_model(
    run: RunDirectory, configuration: Configuration, step: int, precision: str | None = None
) -> LanguageModel:
    """Return the model of a run, built again, with the weights of a checkpoint.

    precision: by default the run's own. Raises RunDirectoryError if a file is missing or damaged.
    """
    prepare_memory()
    reader = reader_of(run, configuration)
    language_model = build_language_model(
        configuration.model,
        reader.tokenizer,
        context_length=reader.context_length,
        precision=precision or precision_to_read(run, configuration),
        seed=configuration.seed,
        cleaning=reader.cleaning,
        bounds=bounds_of_checkpoint(run, step),
    )
    load_weights(run, step, language_model.model)
    return attrs.evolve(language_model, documents=reader.documents, counts=reader.counts)


def bounds_of_checkpoint(run: RunDirectory, step: int) -> Bounds:
    """Return how large a model can be that the weights of a checkpoint are for.

    Raises RunDirectoryError if they are missing or damaged.
    """
    path = run.checkpoint(step) / WEIGHTS
    with offering_another(run, path):
        opened = open_tensors(path, run.path)
    fault = RunDirectoryError(
        f"{run.configuration} asks for a larger model than its weights are for: "
        f"{format_size(opened.size)} in {len(opened.tensors):,} tensors.",
        "Allowed: the settings that the run was trained with.",
        "Restore run.toml from a copy of the run.",
    )
    return bounds_of_weights(opened.size, len(opened.tensors), fault)


def make_scorer(configuration: Configuration, language_model: LanguageModel) -> Scorer:
    """Return the scorer of a run: recurrent state for models trained on streams, else windows."""
    return Scorer(
        language_model,
        stride=configuration.evaluation.stride,
        carry=configuration.data.batching == "stream",
        batch_size=configuration.training.batch_size,
    )
