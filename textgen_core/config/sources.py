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

from textgen_core.config.fit import FIT, FitRule, read_rules
from textgen_core.config.settings import ARGUMENTS, CLOCKS, SECTIONS
from textgen_core.errors import ConfigurationError, TextgenError, UsageError
from textgen_core.formatting import expand_home
from textgen_core.registry.parsing import is_none, unknown_name

ONE = ("tokenizer", "model")
MANY = ("samplers", "metrics", "trackers")
NO_RECIPE = "none"
DEFAULT_RECIPE = "fast"

FROM = "from_recipe"  # the key for the recipe that a whole configuration was made from
FROM_RUN = "from_run"  # the key for the run whose weights it began with, for people
SIZE = "chooses_size"  # the key for when a run still has to choose the size of its model
_TOP_LEVEL = (*SECTIONS, *ONE, *MANY, "seed", FIT, FROM, FROM_RUN, SIZE)
_RECIPES = resources.files("textgen_core.config") / "recipes"


@attrs.frozen(kw_only=True)
class Layer:
    """A table of settings and where it was given.

    places: the exact place of some keys, such as `model` or `training.batch_size`.
    faults: the errors of what could not become part of the table.
    summary: what a recipe is for. is_whole: whether all settings are here, as in a run.toml, so
    that one which is a default says nothing of what was asked for.
    """

    table: Mapping[str, Any]
    place: str
    places: Mapping[str, str] = attrs.field(factory=dict)
    faults: tuple[TextgenError, ...] = ()
    summary: str = ""
    is_whole: bool = False

    def place_of(self, *keys: str) -> str:
        """Return where a key, or a key of a section, was given."""
        return self.places.get(".".join(keys), self.place)

    def without(self, *keys: str) -> Layer:
        """Return the layer without some keys of its table."""
        table = {key: value for key, value in self.table.items() if key not in keys}
        return attrs.evolve(self, table=table)


def recipe_names() -> tuple[str, ...]:
    """Return the names of the bundled recipes."""
    files = [Path(each.name) for each in _RECIPES.iterdir()]
    return tuple(sorted(file.stem for file in files if file.suffix == ".toml"))


def load_recipe(reference: str) -> Layer:
    """Return a bundled recipe by its name, or the one in a TOML file.

    Raises ConfigurationError if there is neither.
    """
    table: dict[str, Any] = {}
    if reference in recipe_names():
        file = _RECIPES / f"{reference}.toml"
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    elif expand_home(reference).is_file():
        table = read_toml(expand_home(reference))
    elif reference != NO_RECIPE:
        advice = "See: textgen recipes; a recipe of your own is a path to a TOML file"
        if reference.endswith(".toml"):
            allowed = f"Allowed: {', '.join(recipe_names())}, or a file that is there."
            raise ConfigurationError(f"There is no recipe file {reference}.", allowed, advice)
        fault = unknown_name("recipe", reference, recipe_names(), place="--recipe", advice=advice)
        raise ConfigurationError(fault.problem, fault.allowed, fault.advice)
    summary = str(table.pop("summary", ""))
    return Layer(table=table, place=f"the recipe {reference}", summary=summary)


def file_layers(path: Path | None, recipe: str | None) -> list[Layer]:
    """Return the layers of a configuration file and of the recipe below it.

    The recipe is `recipe`, else the one that the file names, else the default one.
    """
    if path is None:
        return [_lowest(str(recipe or DEFAULT_RECIPE))]
    return table_layers(read_toml(path), str(path), recipe)


def table_layers(table: Mapping[str, Any], place: str, recipe: str | None) -> list[Layer]:
    """Return the layers of a configuration file that was read, and of the recipe below it."""
    named = table.get("recipe")
    below = _lowest(str(recipe or named or DEFAULT_RECIPE))
    whole = Layer(table=table, place=place, is_whole=named == NO_RECIPE)
    return [below, whole.without("recipe", "summary")]


def _lowest(recipe: str) -> Layer:
    layer = load_recipe(recipe)
    return attrs.evolve(layer, table={**layer.table, FROM: recipe})


def settings_layer(settings: Iterable[str] | Mapping[str, Any]) -> Layer:
    """Return the layer of texts such as `training.epochs=3`, or of a mapping with such keys.

    A text of another form, or an unknown section, is a fault of the layer.
    """
    given: Iterable[tuple[Any, str, Any]]
    if isinstance(settings, Mapping):
        given = [(path, "=", value) for path, value in settings.items()]
    else:
        texts = [settings] if isinstance(settings, str) else settings
        given = [(path, equals, _unquoted(value)) for path, equals, value in map(_cut, texts)]
    table: dict[str, dict[str, Any]] = {}
    faults: list[TextgenError] = []
    for path, equals, value in given:
        name = str(path).strip().replace("-", "_")
        section, _, key = name.partition(".")
        if equals and key and section in SECTIONS:
            table.setdefault(section, {})[key] = value
        else:
            faults.append(_bad_setting(f"{name}{equals}{value}", section))
    return Layer(table=table, place="--set", faults=tuple(faults))


def _cut(text: str) -> tuple[str, str, str]:
    return str(text).partition("=")


def _unquoted(value: str) -> str:
    """Return the text that a value in quotes is in TOML; any other value as it stands."""
    if len(value) < 2 or value[0] != value[-1] or value[0] not in "\"'":
        return value
    try:
        return str(tomllib.loads(f"value = {value}")["value"])
    except tomllib.TOMLDecodeError:
        return value


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
        # A path that is not UTF-8 comes as surrogates, and run.toml keeps it; some editors begin a
        # file with a byte order mark.
        return tomllib.loads(path.read_text(encoding="utf-8-sig", errors="surrogatepass"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        problem = f"{path} is no TOML: it is not UTF-8 from its byte {error.start:,} on."
        raise ConfigurationError(
            problem, "Allowed: TOML, which is UTF-8; save it as that."
        ) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is no TOMLDecodeError
        raise ConfigurationError(f"{path} is no TOML: {error}.") from error


def one_clock(given: Mapping[str, Any], layer: Layer) -> Mapping[str, Any]:
    """Return a layer's training settings; of the clocks the given one unsets the others.

    Raises ConfigurationError if several are given.
    """
    clocks = [key for key in CLOCKS if not is_none(given.get(key))]
    if len(clocks) > 1:
        first, *others = clocks
        raise ConfigurationError(
            f"Both {first} and {' and '.join(others)} are given "
            f"({layer.place_of('training', clocks[-1])}).",
            f"Allowed: one of {', '.join(CLOCKS)}.",
        )
    return {**dict.fromkeys(CLOCKS), **given} if clocks else given


def layers_for(layer: Layer, model_name: str) -> list[Layer]:
    """Return what a layer sets for every model, and over it what it sets for this one.

    Keys that no layer may have, for whichever model, become faults of the first.
    """
    faults = list(layer.faults)
    below = attrs.evolve(layer, table=_known(layer.without("for"), faults))
    above: list[Layer] = []
    rules = _rules_for(below, model_name)
    tables = layer.table.get("for", {})
    if not isinstance(tables, Mapping) or not all(
        isinstance(each, Mapping) for each in tables.values()
    ):
        problem = f"for cannot be {tables!r} ({layer.place})."
        faults.append(ConfigurationError(problem, "Allowed: tables by model, [for.MODEL.SECTION]."))
        tables = {}
    for name, table in tables.items():
        place = f"for.{name} in {layer.place}"
        known = _known(Layer(table=table, place=place), faults)
        model = known.pop("model", {})
        if not isinstance(model, Mapping) or "name" in model:
            allowed = "Allowed: a table of options; the model is chosen outside of `for`."
            faults.append(ConfigurationError(f"model cannot be {model!r} ({place}).", allowed))
        elif model:  # whichever model this layer itself chooses
            known["model"] = {**model, "name": model_name}
        if name == model_name:
            above.append(Layer(table=known, place=place))
            rules += known.get(FIT, [])
    parts = [attrs.evolve(below, faults=tuple(faults)), *above]
    if any(FIT in part.table for part in parts):  # they lie over the layer, with all its parts
        parts = [part.without(FIT) for part in parts]
        parts[-1] = attrs.evolve(parts[-1], table={**parts[-1].table, FIT: rules})
    return parts


def _rules_for(layer: Layer, model_name: str) -> list[FitRule]:
    """Return a layer's rules for every model: not those with options of its own, another one."""
    request = layer.table.get("model")
    name = request.get("name") if isinstance(request, Mapping) else request
    own = name.partition(":")[0].rpartition("/")[2] if isinstance(name, str) else model_name
    return [each for each in layer.table.get(FIT, []) if own == model_name or not each.model]


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
        elif key == FIT:
            try:
                known[key] = read_rules(value, place)
            except UsageError as error:
                faults.append(error)
        else:
            known[key] = value
    return known
