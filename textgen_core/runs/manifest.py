"""manifest.json: what a run was made with, and whether this installation can open it again.

A component that is missing is named with the command that installs it.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration, resolve
from textgen_core.config.sources import NO_RECIPE, ONE, Layer, file_layers
from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.registry.registry import (
    CORE,
    DISABLE,
    KINDS,
    ONLY,
    UNKNOWN,
    Plugin,
    Registry,
    normalised,
    same_distribution,
)
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json

# What may change when a training is resumed.
_FREE = (
    "generation",
    "evaluation",
    "corpus.files",
    "corpus.validation",
    "corpus.test",
    "corpus.language",
    "training.epochs",
    "training.minutes",
    "training.patience",
    "training.checkpoint_seconds",
    "training.profile",
)
_PACKAGES = (CORE, "tensorflow", "keras", "tokenizers", "numpy", "safetensors", "sacrebleu")


def describe_run(
    configuration: Configuration,
    *,
    files: Sequence[Mapping[str, Any]],
    machine: Mapping[str, Any],
    model: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the manifest of a new run."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": configuration.seed,
        "versions": {package: _version(package) for package in _PACKAGES},
        "components": [
            {
                "kind": chosen.component.kind,
                "name": chosen.name,
                "distribution": chosen.component.plugin.distribution,
                "version": chosen.component.plugin.version,
            }
            for chosen in configuration.components
        ],
        "corpus": [dict(file) for file in files],
        "settings": settings_to_keep(configuration),
        "machine": dict(machine),
        "model": dict(model),
    }


def load_configuration(
    run: RunDirectory, registry: Registry, used: Collection[str] = tuple(KINDS)
) -> tuple[Configuration, tuple[str, ...]]:
    """Return the configuration of a run, and warnings about plugins that differ here.

    used: the kinds of components that will be used, beside tokenizer and model, which always are.
    What is missing of another kind is warned about, and `missing` names the kind. Raises
    RunDirectoryError if run.toml or manifest.json is damaged, or a plugin is missing.
    """
    warnings: list[str] = []
    missing: set[str] = set()
    if run.manifest.is_file():  # a run that was interrupted early has none yet
        manifest = read_json(run.manifest)
        for kind, error in missing_components(run, manifest, registry):
            if kind in (*used, *ONE):
                raise error
            missing.add(kind)
            warnings.append(f"{error.problem} {error.advice}")
        warnings += version_changes(run, manifest, registry)
        registry = _without_later_namesakes(registry, _needed(run, manifest))
    try:
        layers = file_layers(run.configuration, NO_RECIPE)
        configuration = resolve([_without(layer, missing) for layer in layers], registry)
        return attrs.evolve(configuration, missing=tuple(sorted(missing))), tuple(warnings)
    except UsageError as error:
        raise RunDirectoryError(
            f"{run.configuration} cannot be used: {error.problem}", error.allowed, error.advice
        ) from error


def settings_to_keep(configuration: Configuration) -> dict[str, Any]:
    """Return the settings that must not change when a run is resumed, as "section.key": value.

    Left out are how long to train, what is only generated, scored or tracked, and the paths of the
    corpus, whose files are checked by their hashes.
    """
    kept: dict[str, Any] = {}
    for section, values in configuration.as_table().items():
        if isinstance(values, Mapping) and section not in _FREE:
            kept.update({f"{section}.{key}": value for key, value in values.items()})
    kept["seed"] = configuration.seed
    return {name: value for name, value in sorted(kept.items()) if name not in _FREE}


def check_settings(run: RunDirectory, configuration: Configuration, precision: str) -> None:
    """Raise RunDirectoryError if run.toml is no longer what the run was trained with.

    precision: the precision used here, which depends on the machine where it is "auto". A setting
    that the manifest does not have is not compared.
    """
    manifest = read_json(run.manifest)
    original, model = manifest.get("settings"), manifest.get("model")
    current = settings_to_keep(configuration)
    if original is None:  # a run that was made before settings were kept
        return
    if not isinstance(original, Mapping) or not isinstance(model, Mapping):
        raise RunDirectoryError(f"{run.manifest} is damaged: its settings cannot be read.")
    differ = [
        f"{name} was {_toml_text(value)}, now {_toml_text(current.get(name))}"
        for name, value in original.items()
        if value != current.get(name)
    ]
    if model.get("precision", precision) != precision:
        differ.append(f"training.precision was {model['precision']}, here it is {precision}")
    if differ:
        raise RunDirectoryError(
            f"{run.path} was trained with other settings: {'; '.join(differ)}.",
            f"Allowed in {run.configuration}: the run's original settings.",
            f"Restore them, or train a new run with them: textgen run --config {run.configuration}",
        )


def missing_components(
    run: RunDirectory, manifest: Mapping[str, Any], registry: Registry
) -> Iterator[tuple[str, RunDirectoryError]]:
    """Yield kind and error of each component of the run that its distribution does not offer."""
    for needed in _needed(run, manifest):
        kind, name, distribution = needed["kind"], needed["name"], needed["distribution"]
        if not distribution:
            error = RunDirectoryError(
                f"{run.path} was made with the {kind} {name}, which no plugin provides.",
                advice="Register the class as a plugin to open the run with it.",
            )
            yield kind, error
        elif not registry.candidates(kind, f"{distribution}/{name}"):
            yield kind, _missing(run, needed, registry.plugins)


def _without(layer: Layer, kinds: Collection[str]) -> Layer:
    """Return a layer without the components of some kinds."""
    gone = {f"{kind}s" for kind in kinds}
    kept = {key: value for key, value in layer.table.items() if key not in gone}
    return attrs.evolve(layer, table=kept)


def _without_later_namesakes(registry: Registry, needed: Iterable[Mapping[str, str]]) -> Registry:
    """Return the registry without other components that have the names of the run's own.

    run.toml has the short name of a component wherever it was unique when the run was made.
    """
    own = {(each["kind"], each["name"], normalised(each["distribution"])) for each in needed}
    names = {(kind, name) for kind, name, _ in own}
    kept = [
        each
        for each in registry.components
        if (each.kind, each.name) not in names
        or (each.kind, each.name, normalised(each.plugin.distribution)) in own
    ]
    return attrs.evolve(registry, components=tuple(kept))


def version_changes(
    run: RunDirectory, manifest: Mapping[str, Any], registry: Registry
) -> Iterator[str]:
    """Yield a warning for each distribution that is installed in another version."""
    installed = {
        normalised(each.distribution): (each.distribution, each.version)
        for each in reversed(registry.plugins)
    }
    for needed in _needed(run, manifest):
        # Popped, so that each distribution is warned about once.
        name, version = installed.pop(normalised(needed["distribution"]), ("", needed["version"]))
        if version != needed["version"]:
            change = f"{run.path} was made with {name} {needed['version']}; installed is {version}."
            known = needed["version"] != UNKNOWN
            yield change + (f" Restore it: {_install(name, needed['version'])}" if known else "")


def changed_files(
    manifest: Mapping[str, Any], files: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return the corpus files that differ from those the run was made from.

    Raises RunDirectoryError if the manifest does not say what they were.
    """
    try:
        known = {str(each["path"]): each["sha256"] for each in manifest["corpus"]}
    except (TypeError, KeyError) as error:
        raise RunDirectoryError("manifest.json is damaged: its corpus cannot be read.") from error
    found = {each["path"]: each["sha256"] for each in files}
    return tuple(path for path in sorted({*known, *found}) if known.get(path) != found.get(path))


def _needed(run: RunDirectory, manifest: Mapping[str, Any]) -> list[dict[str, str]]:
    needed = manifest.get("components") if isinstance(manifest, Mapping) else None
    if not isinstance(needed, list) or not all(_is_component(each) for each in needed):
        raise RunDirectoryError(f"{run.manifest} is damaged: its components cannot be read.")
    return needed


def _is_component(described: Any) -> bool:
    keys = ("kind", "name", "distribution", "version")
    return isinstance(described, Mapping) and all(
        isinstance(described.get(key), str) for key in keys
    )


def _missing(
    run: RunDirectory, needed: Mapping[str, str], plugins: Sequence[Plugin]
) -> RunDirectoryError:
    distribution, version = needed["distribution"], needed["version"]
    own = [each for each in plugins if same_distribution(each.distribution, distribution)]
    failed = [each for each in own if each.status == "failed"]
    install = f"{_install(distribution, version)} (your own: pip install -e FOLDER)"
    if any(each.status == "disabled" for each in own):
        state = "is disabled"
        advice = f"Enable it: see the environment variables {DISABLE} and {ONLY}."
    elif failed:
        state = f"failed to load: {failed[0].error}"
        advice = f"Fix or reinstall it: {install}"
    elif own:
        state = f"is installed as {own[0].version} and no longer offers it"
        advice = f"Install the version it was made with: {install}"
    else:
        state, advice = "is not installed", f"Install it: {install}"
    what = f"the {needed['kind']} {needed['name']!r} of {distribution} {version}"
    return RunDirectoryError(f"{run.path} needs {what}, which {state}.", advice=advice)


def _install(distribution: str, version: str) -> str:
    """Return the command that installs a version; the newest where it is unknown."""
    return f"pip install {distribution}" + ("" if version == UNKNOWN else f"=={version}")


def _toml_text(value: Any) -> str:
    """Return a value as it is written in run.toml; a setting that is not there is none."""
    return json.dumps("none" if value is None else value, ensure_ascii=False)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
