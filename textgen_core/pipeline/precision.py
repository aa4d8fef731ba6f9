"""Which precision a run computes in: the one recorded, else what suits machine and model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.models import devices
from textgen_core.models.devices import choose_precision
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json


def precision_here(configuration: Configuration) -> str:
    """Return the precision in which a new run is trained on this machine."""
    builder = configuration.model.instance
    return choose_precision(
        configuration.training.precision,
        bfloat16_on_cpu=getattr(builder, "bfloat16_on_cpu", False),
    )


def precision_to_resume(run: RunDirectory, configuration: Configuration) -> str:
    """Return the precision in which a run goes on: where it is "auto", the one it began in.

    Raises ConfigurationError if this machine cannot compute in it.
    """
    recorded = _recorded(run)
    if configuration.training.precision == "auto" and recorded is not None:
        return choose_precision(recorded)
    return precision_here(configuration)


def precision_to_read(run: RunDirectory, configuration: Configuration) -> str:
    """Return the precision in which the model of a run is used.

    On a processor that is float32, in which programs compute too: both write the same texts. On a
    GPU, where it is "auto", it is the one the model was trained in, if this machine would choose it
    too; else float32, which every machine has.
    """
    if not devices.compute_capabilities():
        return "float32"
    here = precision_here(configuration)
    if configuration.training.precision == "auto" and _recorded(run) not in (None, here):
        return "float32"
    return here


def in_precision(configuration: Configuration, precision: Any) -> Configuration:
    """Return a configuration in which the precision is settled."""
    training = attrs.evolve(configuration.training, precision=precision)
    return attrs.evolve(configuration, training=training)


def _recorded(run: RunDirectory) -> str | None:
    model = read_json(run.manifest).get("model")
    recorded = model.get("precision") if isinstance(model, Mapping) else None
    return recorded if isinstance(recorded, str) else None
