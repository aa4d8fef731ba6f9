"""The layers of a configuration: where settings are written down.

A layer is a table as in a TOML file, with the place that it came from: a recipe, a file, `--set` or
the flags. Only its outer shape is checked here; `resolve` merges the layers and checks the values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.settings import ARGUMENTS, SECTIONS
from textgen_core.errors import ConfigurationError, TextgenError
from textgen_core.registry.parsing import unknown_name

ONE = ("tokenizer", "model")
MANY = ("samplers", "metrics", "trackers")
NO_RECIPE = "none"
DEFAULT_RECIPE = "fast"

_NO_VALUE = object()
_TOP_LEVEL = (*SECTIONS, *ONE, *MANY, "seed")


@attrs.frozen(kw_only=True)
class Layer:
    """A table of settings and where it was given.

    places: the exact place of some keys, such as `model` or `training.batch_size`.
    faults: the errors of what could not become part of the table.
    """

    table: Mapping[str, Any]
    place: str
    places: Mapping[str, str] = attrs.field(factory=dict)
    faults: tuple[TextgenError, ...] = ()

    def place_of(self, *keys: str) -> str:
        """Return where a key, or a key of a section, was given."""
        return self.places.get(".".join(keys), self.place)


@attrs.frozen(kw_only=True)
class Recipe:
    """A named table of settings, and what it is for."""

    name: str
    summary: str
    layer: Layer


def recipe_names() -> tuple[str, ...]:
    """Return the names of the bundled recipes."""
    folder = resources.files("textgen_core.config") / "recipes"
    found = [Path(each.name) for each in folder.iterdir()]
    return tuple(sorted(path.stem for path in found if path.suffix == ".toml"))


def load_recipe(reference: str) -> Recipe:
    """Return a bundled recipe by its name, or the one in a TOML file.

    Raises ConfigurationError if there is neither.
    """
    table: dict[str, Any] = {}
    if reference == NO_RECIPE:
        pass
    elif reference in recipe_names():
        file = resources.files("textgen_core.config") / "recipes" / f"{reference}.toml"
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    elif Path(reference).is_file():
        table = read_toml(Path(reference))
    else:
        advice = "See: textgen recipes; a recipe of your own is a path to a TOML file"
        fault = unknown_name("recipe", reference, recipe_names(), place="--recipe", advice=advice)
        raise ConfigurationError(fault.problem, fault.allowed, fault.advice)
    summary = str(table.pop("summary", ""))
    layer = Layer(table=table, place=f"the recipe {reference}")
    return Recipe(name=reference, summary=summary, layer=layer)


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

    A text of another form, or an unknown section, is a fault of the layer.
    """
    table: dict[str, dict[str, Any]] = {}
    faults: list[TextgenError] = []
    for path, value in _pairs(settings):
        section, _, key = path.partition(".")
        if value is not _NO_VALUE and key and section in SECTIONS:
            table.setdefault(section, {})[key] = value
        else:
            text = path if value is _NO_VALUE else f"{path}={value}"
            faults.append(_bad_setting(text, section))
    return Layer(table=table, place="--set", faults=tuple(faults))


def _pairs(settings: Iterable[str] | Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Yield path and value of every setting; the value of a text without `=` is _NO_VALUE."""
    if isinstance(settings, Mapping):
        yield from ((str(path), value) for path, value in settings.items())
        return
    for text in [settings] if isinstance(settings, str) else settings:
        path, equals, value = str(text).partition("=")
        yield path.strip().replace("-", "_"), value if equals else _NO_VALUE


def _bad_setting(text: str, section: str) -> ConfigurationError:
    unknown = unknown_name("section", section, SECTIONS, place="--set").problem
    return ConfigurationError(
        f"--set cannot be {text}." if section in SECTIONS else f"--set {text}: {unknown}",
        f"Allowed: SECTION.KEY=VALUE, with a section of {', '.join(SECTIONS)}.",
        "Components have flags of their own, such as --model lstm:units=256.",
    )


def arguments_layer(arguments: Mapping[str, Any], *, flags: bool) -> Layer:
    """Return the layer of the arguments of `run`: those that are not None.

    flags: whether messages name them as on the command line, or as in Python.
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
        # A path that is not UTF-8 comes as surrogates, and run.toml keeps it.
        return tomllib.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}.") from error


def check_shape(layer: Layer) -> Layer:
    """Return the layer without the keys that no layer may have, which become its faults."""
    faults = list(layer.faults)
    general = {key: value for key, value in layer.table.items() if key != "for"}
    table = _known(attrs.evolve(layer, table=general), faults)
    if "for" in layer.table:
        table["for"] = _check_for(layer, faults)
    return attrs.evolve(layer, table=table, faults=tuple(faults))


def _known(layer: Layer, faults: list[TextgenError]) -> dict[str, Any]:
    """Return the settings of a layer; add to `faults` what it may not have."""
    known: dict[str, Any] = {}
    for key, value in layer.table.items():
        place = layer.place_of(key)
        if key not in _TOP_LEVEL:
            faults.append(unknown_name("setting", key, _TOP_LEVEL, place=place))
        elif key in SECTIONS and not isinstance(value, Mapping):
            allowed = f"Allowed: a table, [{key}] in TOML."
            faults.append(ConfigurationError(f"{key} cannot be {value!r} ({place}).", allowed))
        else:
            known[key] = value
    return known


def _check_for(layer: Layer, faults: list[TextgenError]) -> dict[str, dict[str, Any]]:
    """Return the tables that hold for a model; add to `faults` what they may not have."""
    tables = layer.table["for"]
    if not isinstance(tables, Mapping) or not all(
        isinstance(table, Mapping) for table in tables.values()
    ):
        problem = f"for cannot be {tables!r} ({layer.place})."
        faults.append(ConfigurationError(problem, "Allowed: tables by model, [for.MODEL.SECTION]."))
        return {}
    checked: dict[str, dict[str, Any]] = {}
    for name, table in tables.items():
        inner = attrs.evolve(layer, table=table, place=_place_of_for(name, layer))
        checked[name] = _known(inner, faults)
        model = table.get("model")
        if model is not None and (not isinstance(model, Mapping) or "name" in model):
            del checked[name]["model"]
            problem = f"model cannot be {model!r} ({inner.place})."
            allowed = "Allowed: a table of options; the model is chosen outside of `for`."
            faults.append(ConfigurationError(problem, allowed))
    return checked


def apply_for(layer: Layer, model_name: str) -> list[Layer]:
    """Return what a layer sets for every model, and over it what it sets for this one."""
    general = {key: value for key, value in layer.table.items() if key != "for"}
    own = layer.table.get("for", {}).get(model_name)
    below = attrs.evolve(layer, table=general)
    if not own:
        return [below]
    if "model" in own:  # whichever model this layer itself chooses
        own = {**own, "model": {**own["model"], "name": model_name}}
    return [below, Layer(table=own, place=_place_of_for(model_name, layer))]


def _place_of_for(name: str, layer: Layer) -> str:
    return f"for.{name} in {layer.place}"
