"""The check that a run directory is enough to have a component again, in another process.

The component is written as a run writes it, with what belongs to its kind: a checkpoint of a model,
the file of a tokenizer. A fresh process, `read_again`, reads it as every command does.
"""

from __future__ import annotations

import operator
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.components import options_of
from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import ONE
from textgen_core.registry import KINDS, Component, Registry, ResolvedComponent, discover
from textgen_core.registry.parsing import listed_values
from textgen_core.registry.specs import plain_options
from textgen_core.runs import RunDirectory, create_run_directory, write_json
from textgen_core.runs.files import write_toml
from textgen_core.runs.manifest import describe_run, load_configuration
from textgen_core.testing.check import check, require
from textgen_core.testing.component_checks import values_at_bounds
from textgen_core.testing.fresh_process import NOT_FOUND, run_fresh
from textgen_core.testing.material import AWKWARD_TEXTS, TRAINING_TEXTS
from textgen_core.testing.subject import Subject, find_subject
from textgen_core.testing.tiny_model import CONTEXT, build, difference, draw_token_ids, shaken
from textgen_core.testing.tokenizer_checks import trained

if TYPE_CHECKING:
    import keras
    import tokenizers

    from textgen_core.models.language_model import LanguageModel

TOLERANCE = 1e-5  # between the logits of one process and of another, as a share of the largest
_SETTINGS = {"data.sequence_length": CONTEXT, "training.precision": "float32", "corpus.files": []}
_FIELDS = {kind: kind if kind in ONE else f"{kind}s" for kind in KINDS}  # of a configuration
_READ_AGAIN = """
from textgen_core.testing.restoring import read_again
found = read_again(module, given)
"""


@check("component.restored", *KINDS)
def is_restored(subject: Subject) -> str | None:
    """From a run directory a fresh process has the same again: options, logits, token ids.

    A model is built with the same first weights there, too.
    """
    instances = [subject.instance(), *_variants(subject.instance())]
    with tempfile.TemporaryDirectory() as folder:
        runs = _written(subject, instances, Path(folder))
        expected = _saved(subject, runs[0])
        found = _read_in_fresh_process(subject, runs)
    if found is None:
        return NOT_FOUND
    for instance, options in zip(instances, found["options"], strict=True):
        changed = [
            f"{name}={value!r} becomes {options.get(name)!r}"
            for name, value in _described(instance).items()
            if options.get(name) != value
        ]
        require(not changed, f"In a fresh process {', '.join(changed)}.")
    if subject.kind == "model":
        _require_same_model(expected, found)
    if subject.kind == "tokenizer":
        same = expected == found["token_ids"]
        require(same, "In a fresh process its tokenizer.json encodes otherwise than here.")
    return None


def _variants(instance: Any) -> Iterator[Any]:
    """Yield the instance with one option changed, for every value that a declaration names."""
    for declared in options_of(type(instance)):
        bounds = () if declared.rules.choices else values_at_bounds(declared)
        named = (declared.default, *listed_values(declared), *(within for within, _ in bounds))
        for value in dict.fromkeys(named):
            if value != getattr(instance, declared.name):
                with suppress(ValueError):  # a rule between options
                    yield attrs.evolve(instance, **{declared.name: value})


def _require_same_model(expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    import numpy as np

    off = difference(expected["logits"], np.asarray(found["logits"], np.float32))
    what = "With the same weights its logits in a fresh process differ by"
    require(off <= TOLERANCE, f"{what} {off:.2g} of the largest.")
    for (path, here), (_, there) in zip(expected["built"], found["built"], strict=True):
        same = np.isclose(here, there, rtol=1e-5, atol=1e-5, equal_nan=True)
        require(same, f"Under the same seed a fresh process builds it with another {path}.")


def _written(subject: Subject, instances: Sequence[Any], folder: Path) -> list[RunDirectory]:
    """Write a run directory for each instance of the component, and return them."""
    registry, component = _registered(subject.component)
    # The recipe `first` has no counts, which would be a file that no check writes.
    whole = configure({}, registry, recipe="first", settings=_SETTINGS)
    runs = []
    for number, instance in enumerate(instances):
        name = component.qualified_name
        chosen = ResolvedComponent(component=component, instance=instance, reference=name)
        own: Any = chosen if subject.kind in ONE else (chosen,)  # the only one of its kind
        configuration = attrs.evolve(whole, **{_FIELDS[subject.kind]: own})
        run = create_run_directory(folder / f"run-{number}")
        write_toml(run.configuration, configuration.as_table())
        write_json(run.manifest, describe_run(configuration, files=(), machine={}, model={}))
        runs.append(run)
    return runs


def _saved(subject: Subject, run: RunDirectory) -> Any:
    """Write what belongs to the kind into a run directory; return what must come back from it."""
    from textgen_core.data.tokenizer import save_tokenizer

    if subject.kind == "model":
        language_model = build(subject)
        built = _fingerprints(language_model)
        save_tokenizer(language_model.tokenizer, run.tokenizer)
        _save_checkpoint(run, shaken(language_model).model)
        logits = language_model.logits(draw_token_ids(2, CONTEXT)).numpy()
        return {"logits": logits, "built": built}
    if subject.kind == "tokenizer":
        tokenizer = trained(subject)
        save_tokenizer(tokenizer, run.tokenizer)
        return _encode_all(tokenizer)
    return None


def _save_checkpoint(run: RunDirectory, model: keras.Model) -> None:
    from textgen_core.config.settings import TrainingSettings
    from textgen_core.training.checkpoint import save_checkpoint
    from textgen_core.training.optimizer import build_optimizer
    from textgen_core.training.state import Plan, TrainingState

    state = TrainingState(step=1, plan=Plan(last_step=1))
    optimizer = build_optimizer(TrainingSettings(optimizer="sgd"), model, float16=False)
    save_checkpoint(run, state, model, optimizer, recurrent_state=None)


def _read_in_fresh_process(subject: Subject, runs: Sequence[RunDirectory]) -> Any:
    """Return what `read_again` finds in a fresh process; None if that has no such class."""
    if not subject.is_registered and not _is_in_its_module(subject.cls):
        return None
    given = {
        "kind": subject.kind,
        "name": subject.component.name,
        "class": subject.cls.__qualname__,
        "is_added": not subject.is_registered,
        "runs": [str(each.path) for each in runs],
    }
    # Another order of every set and dict of texts than here.
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    preloaded = ("tensorflow", "keras") if subject.kind == "model" else ()
    return run_fresh(subject.cls, _READ_AGAIN, given, hash_seed=hash_seed, preloaded=preloaded)


def read_again(module: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the component in each run, and of the first what belongs to its kind.

    `module` holds the class. Of a model: "logits" of the checkpoint, and "built", fingerprints of
    the weights that it begins with. Of a tokenizer: "token_ids".
    """
    kind, registry = given["kind"], discover()
    if given["is_added"]:
        cls = operator.attrgetter(given["class"])(module)
        registry, _ = _registered(find_subject(cls).component)
    runs = [RunDirectory(Path(each)) for each in given["runs"]]
    configurations = [load_configuration(run, registry)[0] for run in runs]
    found: dict[str, Any] = {
        "options": [_described(_instance_in(each, kind, given["name"])) for each in configurations]
    }
    if kind == "model":
        found |= _restored_model(runs[0], configurations[0])
    if kind == "tokenizer":
        from textgen_core.data.tokenizer import load_tokenizer

        found["token_ids"] = _encode_all(load_tokenizer(runs[0].tokenizer))
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
    return {"logits": logits.tolist(), "built": _fingerprints(built)}


def _is_in_its_module(cls: type) -> bool:
    """Whether its module holds the class under its name; one made by a function may not."""
    try:
        return operator.attrgetter(cls.__qualname__)(sys.modules[cls.__module__]) is cls
    except (AttributeError, KeyError):
        return False


def _fingerprints(language_model: LanguageModel) -> list[tuple[str, float]]:
    """Return the path of each variable, and its projection on noise that is always the same."""
    import numpy as np

    noise = np.random.default_rng(4)
    return [
        (each.path, float(np.sum(each.numpy() * noise.normal(size=each.shape))))
        for each in language_model.model.variables
    ]


def _encode_all(tokenizer: tokenizers.Tokenizer) -> list[list[int]]:
    """Return the token ids of all texts."""
    from textgen_core.data.tokenizer import encode

    return [encode(tokenizer, text) for text in (*TRAINING_TEXTS, *AWKWARD_TEXTS)]


def _described(instance: Any) -> dict[str, Any]:
    """Return the class and the options of an instance."""
    return {"class": type(instance).__qualname__, **plain_options(instance)}


def _registered(component: Component) -> tuple[Registry, Component]:
    """Return a registry with the component, under a distribution of the kit's if it has none."""
    registry = discover()
    if component.plugin.distribution:
        return registry, component
    plugin = attrs.evolve(component.plugin, distribution="conformance", version="0")
    component = attrs.evolve(component, plugin=plugin)
    plugins, components = (*registry.plugins, plugin), (*registry.components, component)
    return attrs.evolve(registry, plugins=plugins, components=components), component


def _instance_in(configuration: Configuration, kind: str, name: str) -> Any:
    """Return the first component of a name: every bundled metric comes along."""
    found = getattr(configuration, _FIELDS[kind])
    several = (found,) if kind in ONE else found
    return next(each.instance for each in several if each.name == name)
