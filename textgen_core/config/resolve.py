"""The configuration of one run: defaults < recipe < file < `--set` < flags.

Layers are merged setting by setting, everything is converted and checked by its declared type, and
all faults are reported at once. No component is named here: recipes do that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from textgen_core.components import options_of
from textgen_core.config.auto import SizeChoice, read_size_choice, size_choice, without_auto
from textgen_core.config.fit import FIT, FitRule, apply_rules, find_rules
from textgen_core.config.settings import (
    ARGUMENTS,
    CLOCKS,
    SECTIONS,
    SEED,
    CorpusSettings,
    DataSettings,
    EvaluationSettings,
    GenerationSettings,
    TrainingSettings,
)
from textgen_core.config.sources import (
    FROM,
    FROM_RUN,
    MANY,
    NO_RECIPE,
    ONE,
    SIZE,
    Layer,
    arguments_layer,
    file_layers,
    layers_for,
    one_clock,
    settings_layer,
)
from textgen_core.errors import ComponentError, ConfigurationError, Faults
from textgen_core.registry import Registry, ResolvedComponent, choose, choose_all
from textgen_core.registry.parsing import is_none, unknown_name
from textgen_core.registry.selection import as_list, spec_of
from textgen_core.registry.specs import Spec, check_options, parse_spec, plain_options


@attrs.frozen(kw_only=True)
class Configuration:
    """Everything that a run is made from, checked.

    recipe: the one that it was made from, for people: all of its settings are here.
    missing: the kinds of which a component of the run is not installed here. All of such a kind are
    left out, and an error says so where they would be used. given: where each setting of a section
    was given that comes neither from a recipe nor from a default, such as `training.epochs`. fit:
    the rules that will choose some settings, once it is known how long the text is. from_run: the
    run whose weights it began with, if so. chooses_size: when it still has to choose its model's.
    """

    seed: int
    corpus: CorpusSettings
    data: DataSettings
    training: TrainingSettings
    generation: GenerationSettings
    evaluation: EvaluationSettings
    tokenizer: ResolvedComponent
    model: ResolvedComponent
    samplers: tuple[ResolvedComponent, ...]
    metrics: tuple[ResolvedComponent, ...]
    trackers: tuple[ResolvedComponent, ...]
    recipe: str = NO_RECIPE
    fit: tuple[FitRule, ...] = ()
    missing: tuple[str, ...] = ()
    given: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    from_run: str = ""
    chooses_size: SizeChoice = "never"

    @property
    def components(self) -> tuple[ResolvedComponent, ...]:
        """Every component of the run."""
        return (self.tokenizer, self.model, *self.samplers, *self.metrics, *self.trackers)

    def as_table(self) -> dict[str, Any]:
        """Return the table of run.toml, from which the run can be repeated."""
        table = {name: plain_options(getattr(self, name)) for name in SECTIONS}
        for clock in CLOCKS:
            if clock != self.training.clock:
                del table["training"][clock]
        one = {name: getattr(self, name).as_table() for name in ONE}
        many = {name: [each.as_table() for each in getattr(self, name)] for name in MANY}
        size = "" if self.chooses_size == "never" else self.chooses_size
        origin = {"recipe": NO_RECIPE, FROM: self.recipe, FROM_RUN: self.from_run, SIZE: size}
        whole = {**origin, "seed": self.seed, **table, **one, **many}
        if self.fit:
            whole["for"] = {self.model.name: {FIT: [each.as_table() for each in self.fit]}}
        return {name: _toml_value(value) for name, value in whole.items() if value != ""}


def configure(
    arguments: Mapping[str, Any],
    registry: Registry,
    *,
    recipe: str | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    flags: bool = False,
    earlier: Sequence[Layer] = (),
) -> Configuration:
    """Return the configuration of the arguments of `run`, laid over recipe, file and settings.

    flags: whether messages name the arguments as on the command line. earlier: what is taken from
    an earlier run, over the recipe. Raises a UsageError with every fault at once.
    """
    unknown = [each for each in arguments if each not in ARGUMENTS]
    Faults(unknown_name("argument", each, ARGUMENTS, place="run()") for each in unknown).raise_any()
    lowest, *file = file_layers(config, recipe)
    arguments, is_auto = without_auto(arguments)
    given = [*file, settings_layer(settings), arguments_layer(arguments, flags=flags)]
    merged = resolve([lowest, *earlier, *given], registry)
    when = size_choice(merged, given, is_asked=is_auto, begins_with_another=bool(earlier))
    return attrs.evolve(merged, given=given_settings(given), chooses_size=when)


def given_settings(layers: Sequence[Layer]) -> dict[str, str]:
    """Return where each setting of some layers was given; the highest place counts."""
    return {
        f"{section}.{key}": layer.place_of(section, key)
        for layer in layers
        for section, values in layer.table.items()
        if section in SECTIONS and isinstance(values, Mapping)
        for key, value in values.items()
        if not is_none(value) and not (layer.is_whole and _is_default(section, key, value))
    }


def _is_default(section: str, key: str, value: Any) -> bool:
    field = attrs.fields_dict(SECTIONS[section]).get(key)
    return field is not None and value == _toml_value(plain_options(SECTIONS[section]())[key])


def resolve(layers: Sequence[Layer], registry: Registry) -> Configuration:
    """Merge the layers, the lowest first, and return the configuration.

    Raises a UsageError that reports every fault of every layer at once.
    """
    model_name = _model_name(layers, registry)
    layers = [part for layer in layers for part in layers_for(layer, model_name)]
    faults = Faults(fault for layer in layers for fault in layer.faults)
    merged: dict[str, Callable[[], Any]] = {
        **{name: partial(_section, name, layers) for name in SECTIONS},
        **{name: partial(_single, name, layers, registry) for name in ONE},
        **{name: partial(_several, name, layers, registry) for name in MANY},
        "seed": partial(_seed, layers),
        "recipe": partial(_name, FROM, layers, NO_RECIPE),
        "from_run": partial(_name, FROM_RUN, layers, ""),
        "chooses_size": partial(read_size_choice, layers),
    }
    values: dict[str, Any] = {}
    for name, merge in merged.items():
        with faults.collecting():
            values[name] = merge()
    faults.raise_any()
    values["metrics"] = _with_bundled(values["metrics"], registry)
    configuration = Configuration(**values, fit=find_rules(layers, registry))
    apply_rules(configuration)  # all of them, so that a fault is told now
    return configuration


def _model_name(layers: Sequence[Layer], registry: Registry) -> str:
    """Return the short name of the model that the highest layer requests; empty if it has none."""
    for layer in reversed(layers):
        request = layer.table.get("model")
        if request is None or (isinstance(request, Mapping) and "name" not in request):
            continue
        try:
            if isinstance(request, (str, Mapping)):
                return parse_spec(request).name.rpartition("/")[2]
            return choose(registry, "model", request, place=layer.place_of("model")).name
        except ComponentError:  # `_single` reports it, with all other faults
            return ""
    return ""


def _section(name: str, layers: Sequence[Layer]) -> Any:
    """Merge the layers of one section.

    Rules between settings are checked only where each setting is right by itself.
    """
    merged: dict[str, Any] = {}
    faults = Faults()
    declared = options_of(SECTIONS[name])
    for layer in layers:
        given = layer.table.get(name, {})
        if name == "training":
            with faults.collecting():
                given = one_clock(given, layer)
        for key, value in given.items():
            place = layer.place_of(name, key)
            with faults.collecting():
                merged.update(check_options(declared, {key: value}, owner=name, place=place))
    faults.raise_any()
    try:
        return SECTIONS[name](**merged)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}.") from error


def _seed(layers: Sequence[Layer]) -> Any:
    values = {"seed": SEED.default}
    faults = Faults()
    for layer in layers:
        given = {key: value for key, value in layer.table.items() if key == "seed"}
        with faults.collecting():
            values |= check_options([SEED], given, owner="the run", place=layer.place_of("seed"))
    faults.raise_any()
    return values["seed"]


def _name(key: str, layers: Sequence[Layer], default: str) -> str:
    """Return the name of a recipe or a run, which is for people: it changes nothing."""
    for layer in reversed(layers):
        name = layer.table.get(key, default)
        if not isinstance(name, str):
            raise ConfigurationError(f"{key} cannot be {name!r} ({layer.place_of(key)}).")
        if key in layer.table:
            return name
    return default


def corpus_settings(settings: Sequence[str]) -> CorpusSettings:
    """Return the corpus settings of texts such as `corpus.encoding=latin-1`, over the defaults."""
    layer = settings_layer(settings)
    faults = Faults(layer.faults)
    with faults.collecting():
        section: CorpusSettings = _section("corpus", [layer])
    faults.raise_any()
    return section


def _single(kind: str, layers: Sequence[Layer], registry: Registry) -> ResolvedComponent:
    """Merge the requests for one component: of one name the options add up, others are dropped."""
    request: Any = None
    place = ""
    for layer in layers:
        if layer.table.get(kind) is not None:
            place = layer.place_of(kind)
            request = _over(request, layer.table[kind], kind, registry, place)
    if request is None:
        allowed = f"Allowed: {', '.join(registry.by_name(kind))}."
        raise ConfigurationError(f"No {kind} is chosen.", allowed)
    return choose(registry, kind, request, place=place)


def _over(below: Any, request: Any, kind: str, registry: Registry, place: str) -> Any:
    """Return a request laid over the one below it."""
    if not isinstance(request, (str, Mapping)):
        return request
    if isinstance(request, Mapping) and "name" not in request and isinstance(below, Spec):
        request = {**request, "name": below.name}
    spec = spec_of(registry, kind, request, place=place)
    if isinstance(below, Spec) and below.name == spec.name:
        return attrs.evolve(spec, options={**below.options, **spec.options})
    return spec


def _several(
    kinds: str, layers: Sequence[Layer], registry: Registry
) -> tuple[ResolvedComponent, ...]:
    """Choose the components of the highest layer that names any."""
    for layer in reversed(layers):
        if layer.table.get(kinds) is not None:
            place = layer.place_of(kinds)
            requests = [(request, place) for request in as_list(layer.table[kinds])]
            return choose_all(registry, kinds.removesuffix("s"), requests)
    return ()


def _with_bundled(
    metrics: tuple[ResolvedComponent, ...], registry: Registry
) -> tuple[ResolvedComponent, ...]:
    """Add the bundled metrics that were not chosen with options of their own."""
    names = {each.component.qualified_name for each in metrics}
    added = [
        choose(registry, "metric", each.name, place="bundled")
        for each in registry.of_kind("metric")
        if each.plugin.bundled and each.qualified_name not in names
    ]
    return (*metrics, *added)


def _toml_value(value: Any) -> Any:
    """Return a value that TOML can hold: it has no null, so None is written as a word."""
    if isinstance(value, dict):
        return {key: _toml_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_toml_value(item) for item in value]
    return "none" if value is None else value
