"""A component written to a run directory as a run does it, and read again in a fresh process.

What belongs to a kind goes along: of a model two checkpoints, of a tokenizer its file. This module
knows nothing about what must be the same afterwards.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import ONE
from textgen_core.registry.discovery import discover
from textgen_core.registry.parsing import plain_options
from textgen_core.registry.registry import Component, Registry
from textgen_core.registry.selection import ResolvedComponent
from textgen_core.runs.directory import RunDirectory, create_run_directory
from textgen_core.runs.files import write_json, write_toml
from textgen_core.runs.manifest import describe_run, load_configuration
from textgen_core.testing.fresh_process import run_fresh
from textgen_core.testing.material import AWKWARD_TEXTS, TRAINING_TEXTS
from textgen_core.testing.subject import Subject, find_subject
from textgen_core.testing.tiny_model import CONTEXT, draw_token_ids

if TYPE_CHECKING:
    import tokenizers

    from textgen_core.models.language_model import LanguageModel

BEGINNING, LATER = 0, 1  # the steps of the two checkpoints of a model
SETTINGS = {"data.sequence_length": CONTEXT, "training.precision": "float32", "corpus.files": []}

_READ_AGAIN = """
from textgen_core.testing.restoring import read_again
print(json.dumps(read_again(module, given)))
"""


# ---- writing --------------------------------------------------------------------------------


def write_runs(subject: Subject, instances: Sequence[Any], folder: Path) -> list[RunDirectory]:
    """Write a run directory for each instance of the component, and return them."""
    component = _named(subject.component)
    registry = discover()
    if not subject.is_registered:
        registry = _with_added(registry, component)
    whole = configure({}, registry, settings=SETTINGS)
    runs = []
    for number, instance in enumerate(instances):
        chosen = ResolvedComponent(
            component=component, instance=instance, reference=component.qualified_name
        )
        configuration = _with(whole, chosen)
        run = create_run_directory(folder / f"run-{number}")
        write_toml(run.configuration, configuration.as_table())
        described = describe_run(configuration, files=(), machine={}, model={})
        write_json(run.manifest, described)
        runs.append(run)
    return runs


def save_model(run: RunDirectory, first: LanguageModel, shaken: LanguageModel) -> None:
    """Write the two checkpoints of a model, and its tokenizer, as training does."""
    from textgen_core.config.settings import TrainingSettings
    from textgen_core.data.tokenizer import save_tokenizer
    from textgen_core.training.checkpoint import save_checkpoint
    from textgen_core.training.optimizer import build_optimizer
    from textgen_core.training.state import Plan, TrainingState

    save_tokenizer(first.tokenizer, run.tokenizer)
    for step, language_model in ((BEGINNING, first), (LATER, shaken)):
        state = TrainingState(step=step, plan=Plan(last_step=LATER))
        model = language_model.model
        optimizer = build_optimizer(TrainingSettings(optimizer="sgd"), model, float16=False)
        save_checkpoint(run, state, model, optimizer, recurrent_state=None)


def encode_all(tokenizer: tokenizers.Tokenizer) -> list[list[int]]:
    """Return the token ids of all texts."""
    from textgen_core.data.tokenizer import encode

    return [encode(tokenizer, text) for text in (*TRAINING_TEXTS, *AWKWARD_TEXTS)]


# ---- reading --------------------------------------------------------------------------------


def read_in_fresh_process(
    subject: Subject, runs: Sequence[RunDirectory], environment: Mapping[str, str]
) -> str | None:
    """Return as JSON what `read_again` finds in a fresh process; None if that has no such class."""
    if not subject.is_registered and not _is_in_its_module(subject.cls):
        return None
    given = {
        "kind": subject.kind,
        "name": subject.component.name,
        "class": subject.cls.__qualname__,
        "is_added": not subject.is_registered,
        "runs": [str(each.path) for each in runs],
    }
    return run_fresh(subject.cls, _READ_AGAIN, given, environment)


def read_again(module: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the component in each run, and of the first what belongs to its kind.

    `module` holds the class. Of a model: "logits" of the later checkpoint, and "changed", a
    variable that begins otherwise than in the first, if there is one. Of a tokenizer: "token_ids".
    """
    kind, registry = given["kind"], discover()
    if given["is_added"]:
        cls = operator.attrgetter(given["class"])(module)
        registry = _with_added(registry, _named(find_subject(cls).component))
    runs = [RunDirectory(Path(each)) for each in given["runs"]]
    configurations = [load_configuration(run, registry)[0] for run in runs]
    found: dict[str, Any] = {"options": []}
    for configuration in configurations:
        chosen = _of_name(configuration, kind, given["name"])
        found["options"].append({"class": type(chosen.instance).__qualname__, **chosen.options})
    if kind == "model":
        found |= _restored_model(runs[0], configurations[0])
    if kind == "tokenizer":
        from textgen_core.data.tokenizer import load_tokenizer

        found["token_ids"] = encode_all(load_tokenizer(runs[0].tokenizer))
    return found


def _restored_model(run: RunDirectory, configuration: Configuration) -> dict[str, Any]:
    from textgen_core.models.build import build_language_model
    from textgen_core.pipeline.opened_run import Run

    restored = Run(run, configuration).language_model
    logits = restored.logits(draw_token_ids(2, CONTEXT)).numpy()
    built = build_language_model(
        configuration.model,
        restored.tokenizer,
        context_length=configuration.data.sequence_length,
        precision="float32",
        seed=configuration.seed,
    )
    return {"logits": logits.tolist(), "changed": _changed(run, built.model)}


def _changed(run: RunDirectory, model: Any) -> str:
    """Return a variable that begins otherwise than in the first checkpoint; empty if none does."""
    import numpy as np
    from safetensors.numpy import load_file

    from textgen_core.runs.weights import WEIGHTS

    kept = load_file(run.checkpoint(BEGINNING) / WEIGHTS)
    for key, variable in zip(sorted(kept), model.variables, strict=True):
        if not np.allclose(kept[key], variable.numpy(), rtol=1e-5, atol=1e-6, equal_nan=True):
            return str(variable.path)
    return ""


def _is_in_its_module(cls: type) -> bool:
    """Whether the class stands in its module under its name; one made by a function may not."""
    try:
        return operator.attrgetter(cls.__qualname__)(sys.modules[cls.__module__]) is cls
    except (AttributeError, KeyError):
        return False


# ---- both -----------------------------------------------------------------------------------


def described(instance: Any) -> dict[str, Any]:
    """Return the class and the options of an instance, as `read_again` finds them."""
    return {"class": type(instance).__qualname__, **plain_options(instance)}


def _named(component: Component) -> Component:
    """Return the component; one that nobody registers under a distribution of the kit's own."""
    if component.plugin.distribution:
        return component
    own = attrs.evolve(component.plugin, distribution="conformance", version="0")
    return attrs.evolve(component, plugin=own)


def _with_added(registry: Registry, component: Component) -> Registry:
    return attrs.evolve(
        registry,
        plugins=(*registry.plugins, component.plugin),
        components=(*registry.components, component),
    )


def _with(configuration: Configuration, chosen: ResolvedComponent) -> Configuration:
    """Return the configuration with the component as the only one of its kind."""
    kind = chosen.component.kind
    changed: dict[str, Any] = {kind: chosen} if kind in ONE else {f"{kind}s": (chosen,)}
    return attrs.evolve(configuration, **changed)


def _of_name(configuration: Configuration, kind: str, name: str) -> ResolvedComponent:
    """Return the first component of a kind and a name: every bundled metric comes along."""
    found = getattr(configuration, kind if kind in ONE else f"{kind}s")
    several: tuple[ResolvedComponent, ...] = (found,) if kind in ONE else found
    return next(each for each in several if each.name == name)
