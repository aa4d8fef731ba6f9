"""The run that a new run begins with: its tokenizer, its model and the weights of its best step.

What of its held-out text the new run will be asked for is kept in the new run, so that forgetting
can be measured without the earlier one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import tokenizers

from textgen_core.config.continuing import check_same, continuing_layer, recipe_of
from textgen_core.config.resolve import Configuration, configure
from textgen_core.data.tokenizer import tokenizer_of
from textgen_core.errors import UsageError
from textgen_core.formatting import printable
from textgen_core.registry import Registry, discover
from textgen_core.runs.directory import RunDirectory, find_run
from textgen_core.runs.files import read_json
from textgen_core.runs.manifest import load_configuration
from textgen_core.runs.weights import best_step, weights_digest

ANCESTORS = "ancestors"  # in manifest.json, the nearest first
_MOST_ANCESTORS = 50
_FACTS = ("run", "checkpoint", "weights")


@attrs.frozen(kw_only=True)
class EarlierRun:
    """A trained run that another begins with.

    step: of the checkpoint whose weights are taken. warnings: about plugins that differ here.
    """

    directory: RunDirectory
    configuration: Configuration
    step: int
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its directory, harmless."""
        return printable(self.directory.name, keep="")

    @property
    def tokenizer(self) -> tokenizers.Tokenizer:
        """Its tokenizer, read anew."""
        return tokenizer_of(self.directory)

    def configure(
        self,
        arguments: Mapping[str, Any],
        registry: Registry,
        *,
        recipe: str | None = None,
        config: Path | None = None,
        **others: Any,
    ) -> Configuration:
        """Return the configuration of a run that begins with this one, as `config.configure`.

        Raises a UsageError with every fault, such as another tokenizer or model.
        """
        if config is None:
            recipe = recipe or recipe_of(self.configuration)
        taken = [continuing_layer(self.configuration, self.name)]
        configuration = configure(
            arguments, registry, recipe=recipe, config=config, earlier=taken, **others
        )
        check_same(configuration, self.configuration, self.name)
        return configuration

    def ancestry(self) -> list[dict[str, Any]]:
        """Return what manifest.json of the new run says of this one and of those before it."""
        checkpoint = self.directory.checkpoint(self.step).name
        weights = weights_digest(self.directory, self.step)
        own = {"run": self.name, "checkpoint": checkpoint, "weights": weights}
        return [own, *_before(read_json(self.directory.manifest))][:_MOST_ANCESTORS]


def open_earlier(reference: str | os.PathLike[str], workers: int | None = None) -> EarlierRun:
    """Return a run to begin with, by its path or its name under runs/.

    workers: how many are to train. Raises RunDirectoryError if it is missing, damaged or has no
    checkpoint, or lacks a plugin, and UsageError for several workers.
    """
    if workers not in (None, 1):
        raise alone()
    directory = find_run(reference)
    configuration, warnings = load_configuration(directory, discover(), ())
    step = best_step(directory)
    return EarlierRun(
        directory=directory, configuration=configuration, step=step, warnings=warnings
    )


def alone() -> UsageError:
    """Return the error for several workers that are to begin with a run."""
    return UsageError(
        "Several workers cannot begin with another run.",
        "Allowed with --from: one process.",
        "Leave out --workers; the run can be resumed with several: textgen resume --workers N",
    )


def _before(manifest: Any) -> list[dict[str, str]]:
    """Return the ancestors that a manifest names, of which only texts are taken."""
    found = manifest.get(ANCESTORS) if isinstance(manifest, Mapping) else None
    rows = found if isinstance(found, list) else []
    return [
        {key: printable(str(row[key]), keep="")[:200] for key in _FACTS if key in row}
        for row in rows
        if isinstance(row, Mapping)
    ]
