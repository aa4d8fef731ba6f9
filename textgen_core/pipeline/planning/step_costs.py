"""What a training step costs on this machine: measured once, then kept in the cache.

Kept is how many products of a fixed size a step is worth, which hardly depends on what else the
machine does: how long the product takes is measured anew each time.
"""

from __future__ import annotations

import gc
import math
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import CLOCKS
from textgen_core.errors import RunDirectoryError
from textgen_core.models.cores import cores
from textgen_core.models.devices import describe_gpus, processor_flags
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.planning.budget import Pace
from textgen_core.pipeline.precision import precision_here
from textgen_core.pipeline.preparing import Prepared, make_batches
from textgen_core.pipeline.training import make_job
from textgen_core.programs.keys import step_key
from textgen_core.registry.specs import plain_options
from textgen_core.runs.cache import is_foreign, usable_cache
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, write_json
from textgen_core.training.callbacks import Callback
from textgen_core.training.custom_gradients import releasing_graphs
from textgen_core.training.gauge import compare_step


@attrs.frozen(kw_only=True)
class KeptCost:
    """What a step costs: so many products; compiling: seconds that the first one takes."""

    products: float
    compiling: float


def pace_of(
    configuration: Configuration,
    prepared: Prepared,
    language_model: LanguageModel,
    product: float,
) -> Pace:
    """Return how fast a model is trained.

    Args:
        configuration: of the run that would train it.
        prepared: the text; its batches may be those of another configuration.
        language_model: the model of that run.
        product: seconds that the product takes now, see `training.gauge.time_product`.
    """
    batches = make_batches(configuration, prepared.token_files["train"].token_ids)
    prepared = attrs.evolve(prepared, batches=batches)
    path = _path(configuration, language_model.vocabulary_size, batches.batch_size)
    cost = _load(path) if path is not None else None
    if cost is None:
        cost = _measure(configuration, prepared, language_model)
        if path is not None:
            with suppress(RunDirectoryError):  # then it is measured again next time
                write_json(path, attrs.asdict(cost))
    settings = configuration.training
    return Pace(
        step_seconds=cost.products * product,
        step_tokens=batches.batch_size * settings.accumulate * configuration.data.sequence_length,
        compiling=cost.compiling,
    )


def _measure(
    configuration: Configuration, prepared: Prepared, language_model: LanguageModel
) -> KeptCost:
    with tempfile.TemporaryDirectory() as folder, releasing_graphs():
        given = (configuration, RunDirectory(Path(folder)), language_model, prepared)
        cost = compare_step(make_job(*given, Callback()))
    gc.collect()  # what was compiled refers to itself
    return KeptCost(products=cost.ratio, compiling=max(0.0, cost.first - cost.seconds))


def _path(configuration: Configuration, vocabulary_size: int, rows: int) -> Path | None:
    """Return where a cost is kept; None if it is not."""
    training = plain_options(configuration.training)
    key = step_key(
        configuration.model,
        training={name: training[name] for name in training if name not in CLOCKS},
        data=plain_options(configuration.data),
        precision=precision_here(configuration),
        vocabulary_size=vocabulary_size,
        rows=rows,  # a short text may have fewer streams than were asked for
        processor=sorted(processor_flags()),
        cores=cores(),
        gpus=describe_gpus(),
    )
    if key is None:
        return None
    path = usable_cache() / f"step-{key[:32]}.json"
    return None if is_foreign(path) else path


def _load(path: Path) -> KeptCost | None:
    """Return the cost that is kept; None if there is none, or the file is damaged."""
    try:
        found: Any = read_json(path)
        cost = KeptCost(**{name: float(found[name]) for name in attrs.fields_dict(KeptCost)})
    except (RunDirectoryError, TypeError, ValueError, KeyError):
        return None
    is_cost = 0 < cost.products < math.inf and 0 <= cost.compiling < math.inf
    return cost if is_cost else None
