"""manifest.json: what a run was made with, and whether this installation can open it again.

A component that is missing is named with the command that installs it.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import attrs

from textgen_core.config.changes import changes_from_recipe
from textgen_core.config.resolve import Configuration, resolve
from textgen_core.config.settings import CLOCKS
from textgen_core.config.sources import NO_RECIPE, ONE, table_layers
from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.formatting import shell_word
from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import (
    CORE,
    DISABLE,
    KINDS,
    ONLY,
    UNKNOWN,
    Component,
    Registry,
    install_command,
    normalised,
    same_distribution,
)
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import HASHES, read_json, read_toml

# What may change when a training is resumed.
_FREE = (
    "generation",
    "evaluation",
    "corpus.files",
    "corpus.validation",
    "corpus.test",
    "corpus.language",
    *(f"training.{clock}" for clock in CLOCKS),
    "training.most_passes",
    "training.patience",
    "training.checkpoint_seconds",
    "training.profile",
)
_IS_TEXT = attrs.validators.instance_of(str)
_PACKAGES = (CORE, "tensorflow", "keras", "tokenizers", "numpy", "safetensors", "sacrebleu")


@attrs.frozen(kw_only=True)
class RecordedComponent:
    """A component of a run, as manifest.json names it."""

    kind: str = attrs.field(validator=_IS_TEXT)
    name: str = attrs.field(validator=_IS_TEXT)
    distribution: str = attrs.field(validator=_IS_TEXT)
    version: str = attrs.field(validator=_IS_TEXT)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it apart from every other component."""
        return self.kind, self.name, normalised(self.distribution)

    @property
    def install(self) -> str:
        """The command that installs it, empty where it names nothing that could be installed."""
        return install_command(self.distribution, self.version)


def describe_run(
    configuration: Configuration,
    *,
    files: Sequence[Mapping[str, Any]],
    machine: Mapping[str, Any],
    model: Mapping[str, Any],
    hashes: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the manifest of a new run; hashes: the SHA-256 of files beside it, by name."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": configuration.seed,
        "versions": versions_here(),
        "components": [attrs.asdict(_record(each.component)) for each in configuration.components],
        "corpus": [dict(file) for file in files],
        HASHES: dict(hashes),
        "settings": settings_to_keep(configuration),
        "changes": changes_from_recipe(configuration, discover()),
        "machine": dict(machine),
        "model": dict(model),
    }


def versions_here() -> dict[str, str]:
    """Return the versions of the packages that a run depends on."""
    return {package: _version(package) for package in _PACKAGES}


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
    if is_there(run.manifest):  # a run that was interrupted early has none yet
        recorded = _read_components(run)
        for each in recorded:
            error = _why_missing(run, each, registry)
            if error is not None and each.kind in (*used, *ONE):
                raise error
            if error is not None:
                missing.add(each.kind)
                warnings.append(f"{error.problem} {error.advice}")
        warnings += _version_changes(run, recorded, registry)
        registry = _without_later_namesakes(registry, recorded)
    try:
        layers = table_layers(read_toml(run.configuration), str(run.configuration), NO_RECIPE)
        left_out = [f"{kind}s" for kind in missing]
        configuration = resolve([each.without(*left_out) for each in layers], registry)
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
            "Restore them, or train a new run with them: "
            f"textgen run --config {shell_word(run.configuration)}",
        )


def changed_files(
    manifest: Mapping[str, Any], files: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return the corpus files that differ from those the run was made from, wherever they lie.

    Raises RunDirectoryError if the manifest does not say what they were.
    """
    try:
        recorded = [(str(each["path"]), each["sha256"]) for each in manifest["corpus"]]
    except (TypeError, KeyError) as error:
        raise RunDirectoryError("manifest.json is damaged: its corpus cannot be read.") from error
    read = [(each["path"], each["sha256"]) for each in files]
    known, found = dict(recorded), dict(read)
    if [sha256 for _, sha256 in recorded] == [sha256 for _, sha256 in read]:
        return ()
    if known.keys() & found.keys() and known != found:
        paths = sorted({*known, *found})
        return tuple(path for path in paths if known.get(path) != found.get(path))
    pairs = itertools.zip_longest(recorded, read, fillvalue=("", ""))
    return tuple(now or then for (then, old), (now, new) in pairs if old != new)


def _record(component: Component) -> RecordedComponent:
    return RecordedComponent(
        kind=component.kind,
        name=component.name,
        distribution=component.plugin.distribution,
        version=component.plugin.version,
    )


def _read_components(run: RunDirectory) -> list[RecordedComponent]:
    """Return the components that manifest.json names; raises RunDirectoryError."""
    manifest = read_json(run.manifest)
    names = attrs.fields_dict(RecordedComponent)
    try:
        if not isinstance(manifest["components"], list):
            raise TypeError("no list")
        tables = [{name: each[name] for name in names} for each in manifest["components"]]
        return [RecordedComponent(**table) for table in tables]
    except (TypeError, KeyError) as error:
        problem = f"{run.manifest} is damaged: its components cannot be read."
        raise RunDirectoryError(problem) from error


def _why_missing(
    run: RunDirectory, recorded: RecordedComponent, registry: Registry
) -> RunDirectoryError | None:
    """Return the error for a component that its distribution does not provide here, if so."""
    kind, name, distribution = recorded.kind, recorded.name, recorded.distribution
    if not distribution:
        return RunDirectoryError(
            f"{run.path} was made with the {kind} {name}, which no plugin provides.",
            advice="Register the class as a plugin to open the run with it.",
        )
    if registry.candidates(kind, f"{distribution}/{name}"):
        return None
    own = [each for each in registry.plugins if same_distribution(each.distribution, distribution)]
    failed = [each for each in own if each.status == "failed"]
    install = f"{recorded.install} (your own: pip install -e FOLDER)" if recorded.install else ""
    if any(each.status == "disabled" for each in own):
        state = "is disabled"
        advice = f"Enable it: see the environment variables {DISABLE} and {ONLY}."
    elif failed:
        state = f"failed to load: {failed[0].error}"
        advice = f"Fix or reinstall it: {install}" if install else ""
    elif own:
        state = f"is installed as {own[0].version} and no longer offers it"
        advice = f"Install the version it was made with: {install}" if install else ""
    else:
        state = "is not installed"
        advice = f"Install it, if you trust its author: {install}" if install else ""
    what = f"the {kind} {name!r} of {distribution} {recorded.version}"
    return RunDirectoryError(f"{run.path} needs {what}, which {state}.", advice=advice)


def _version_changes(
    run: RunDirectory, recorded: Iterable[RecordedComponent], registry: Registry
) -> Iterator[str]:
    """Yield a warning for each distribution that is installed in another version."""
    original = {normalised(each.distribution): each for each in recorded}
    installed = {normalised(each.distribution): each for each in registry.plugins}
    for name in sorted(original.keys() & installed.keys()):
        then, now = original[name], installed[name]
        if then.version != now.version:
            known = then.install and then.version != UNKNOWN
            restore = f" Restore it: {then.install}" if known else ""
            yield (
                f"{run.path} was made with {now.distribution} {then.version}; "
                f"installed is {now.version}.{restore}"
            )


def _without_later_namesakes(registry: Registry, recorded: Iterable[RecordedComponent]) -> Registry:
    """Return the registry without other components that have the names of the run's own.

    run.toml has the short name of a component wherever it was unique when the run was made.
    """
    own = {each.key for each in recorded}
    names = {(kind, name) for kind, name, _ in own}
    kept = [
        each
        for each in registry.components
        if (each.kind, each.name) not in names or _record(each).key in own
    ]
    return attrs.evolve(registry, components=tuple(kept))


def _toml_text(value: Any) -> str:
    """Return a value as it is written in run.toml; a setting that is not there is none."""
    return json.dumps("none" if value is None else value, ensure_ascii=False)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
