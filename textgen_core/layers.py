"""The layers of a configuration: where settings are written down.

A layer is a table as in a TOML file, with the place that it came from: a recipe, a file, `--set` or
the flags. This module reads them and knows their outer shape; `config` merges and checks them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import ConfigurationError, TextgenError
from textgen_core.settings import SECTIONS
from textgen_core.values import unknown_name

ONE = ("tokenizer", "model")
MANY = ("samplers", "metrics", "trackers")
NO_RECIPE = "none"
DEFAULT_RECIPE = "fast"

# What `textgen run` and `run()` take as arguments of their own, and the setting that each one is.
ARGUMENTS: Mapping[str, str] = {
    "tokenizer": "tokenizer",
    "model": "model",
    "sampler": "samplers",
    "metric": "metrics",
    "tracker": "trackers",
    "seed": "seed",
    "corpus": "corpus.files",
    "split": "corpus.split",
    "validation": "corpus.validation",
    "test": "corpus.test",
    "epochs": "training.epochs",
    "minutes": "training.minutes",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "prompt": "generation.prompt",
}

_TOP_LEVEL = (*SECTIONS, *ONE, *MANY, "seed", "for")


@attrs.frozen(kw_only=True)
class Layer:
    """A table of settings and where it was given.

    `places` says it more exactly for some keys: `model` or `training.batch_size`.
    """

    table: Mapping[str, Any]
    place: str
    places: Mapping[str, str] = attrs.field(factory=dict)

    def place_of(self, *keys: str) -> str:
        """Return where a key, or a key of a section, was given."""
        return self.places.get(".".join(keys), self.place)


@attrs.frozen(kw_only=True)
class Recipe:
    """A named table of settings; `summary` says what it is for."""

    name: str
    summary: str
    layer: Layer


def recipe_names() -> tuple[str, ...]:
    """Return the names of the bundled recipes."""
    folder = resources.files("textgen_core") / "recipes"
    found = [Path(each.name) for each in folder.iterdir()]
    return tuple(sorted(path.stem for path in found if path.suffix == ".toml"))


def load_recipe(reference: str) -> Recipe:
    """Return a bundled recipe by its name, or the one in a TOML file.

    Raises ConfigurationError if there is neither.
    """
    place = f"the recipe {reference}"
    if reference == NO_RECIPE:
        return Recipe(name=NO_RECIPE, summary="", layer=Layer(table={}, place=place))
    if reference in recipe_names():
        folder = resources.files("textgen_core") / "recipes"
        text = (folder / f"{reference}.toml").read_text(encoding="utf-8")
        table = tomllib.loads(text)
    elif Path(reference).is_file():
        table = read_toml(Path(reference))
    else:
        advice = "See: textgen recipes; a recipe of your own is a path to a TOML file"
        fault = unknown_name("recipe", reference, recipe_names(), place="--recipe", advice=advice)
        raise ConfigurationError(fault.problem, fault.allowed, fault.advice)
    summary = str(table.pop("summary", ""))
    return Recipe(name=reference, summary=summary, layer=Layer(table=table, place=place))


def file_layers(path: Path | None, recipe: str | None) -> list[Layer]:
    """Return the layers of a configuration file and of the recipe below it.

    The recipe is `recipe`, else the one that the file names, else the default one.
    """
    table: dict[str, Any] = {} if path is None else read_toml(path)
    named = table.pop("recipe", None)
    table.pop("summary", None)
    below = load_recipe(str(recipe or named or DEFAULT_RECIPE)).layer
    return [below] if path is None else [below, Layer(table=table, place=str(path))]


def settings_layer(settings: Iterable[str] | Mapping[str, Any]) -> Layer:
    """Return the layer of texts such as `training.epochs=3`, or of a mapping with such keys.

    Raises ConfigurationError if a text has another form or names an unknown section.
    """
    table: dict[str, dict[str, Any]] = {}
    if not isinstance(settings, Mapping):
        settings = dict(_setting(text) for text in settings)
    for path, value in settings.items():
        section, dot, key = path.partition(".")
        if not (dot and key) or section not in SECTIONS:
            raise ConfigurationError(
                f"--set cannot be {path}={value}.",
                f"Allowed: SECTION.KEY=VALUE, with a section of {', '.join(SECTIONS)}.",
                "Components have flags of their own, such as --model lstm:units=256.",
            )
        table.setdefault(section, {})[key] = value
    return Layer(table=table, place="--set")


def _setting(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(
            f"--set cannot be {text!r}.",
            "Allowed: SECTION.KEY=VALUE, such as training.batch_size=16.",
        )
    return path.strip().replace("-", "_"), value


def arguments_layer(arguments: Mapping[str, Any], *, flags: bool) -> Layer:
    """Return the layer of the arguments of `run`: those that are not None.

    `flags` says whether a message names them as on the command line or as in Python.
    """
    table: dict[str, Any] = {}
    places: dict[str, str] = {}
    for name, value in arguments.items():
        if value is None:
            continue
        section, dot, key = ARGUMENTS[name].partition(".")
        if dot:
            table.setdefault(section, {})[key] = value
        else:
            table[section] = value
        places[ARGUMENTS[name]] = f"--{name.replace('_', '-')}" if flags else f"{name}="
    return Layer(table=table, place="the command line" if flags else "run()", places=places)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's table; raises ConfigurationError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}.") from error


def shape_faults(layer: Layer) -> Iterable[TextgenError]:
    """Yield a fault for every key that no layer can have, and every section that is no table."""
    for key, value in layer.table.items():
        if key not in _TOP_LEVEL:
            yield unknown_name("setting", key, _TOP_LEVEL, place=layer.place_of(key))
        elif key in (*SECTIONS, "for") and not isinstance(value, Mapping):
            yield ConfigurationError(
                f"{key} cannot be {value!r} ({layer.place_of(key)}).",
                f"Allowed: a table, [{key}] in TOML.",
            )
    tables = layer.table.get("for", {})
    for name in tables if isinstance(tables, Mapping) else ():
        inner = attrs.evolve(layer, table=tables[name], place=f"for.{name} in {layer.place}")
        if not isinstance(inner.table, Mapping):
            yield ConfigurationError(f"for.{name} is no table ({layer.place}).")
        elif "for" in inner.table:
            yield ConfigurationError(f"for.{name} holds another `for` ({layer.place}).")
        else:
            yield from shape_faults(inner)


def apply_for(layer: Layer, model_name: str) -> Layer:
    """Lay the part of a layer that holds for this model over the rest of the layer."""
    own = layer.table.get("for", {}).get(model_name, {})
    table = {key: value for key, value in layer.table.items() if key != "for"}
    for key, value in own.items():
        if key == "model":
            general = table.get("model", {})
            same = isinstance(general, Mapping) and general.get("name") == model_name
            table["model"] = {**(general if same else {}), **value, "name": model_name}
        elif key in SECTIONS or key == "tokenizer":
            below = table.get(key, {})
            replaced = not isinstance(below, Mapping) or value.get("name", below.get("name")) != (
                below.get("name")
            )
            table[key] = dict(value) if replaced else {**below, **value}
        else:
            table[key] = value
    return attrs.evolve(layer, table=table)
