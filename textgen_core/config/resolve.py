"""The configuration of one run: defaults < recipe < file < `--set` < flags.

Layers are merged setting by setting, everything is converted and checked by its declared type, and
all faults are reported at once. This module knows nothing about the run itself, and names no
component: recipes do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.components import Option, OptionRules, options_of
from textgen_core.config.settings import (
    SECTIONS,
    CorpusSettings,
    DataSettings,
    EvaluationSettings,
    GenerationSettings,
    TrainingSettings,
)
from textgen_core.config.sources import (
    ARGUMENTS,
    MANY,
    NO_RECIPE,
    ONE,
    Layer,
    apply_for,
    arguments_layer,
    check_shape,
    file_layers,
    settings_layer,
)
from textgen_core.errors import (
    ComponentError,
    ConfigurationError,
    TextgenError,
    one_error,
)
from textgen_core.registry.parsing import check_options, is_none, plain_options, unknown_name
from textgen_core.registry.registry import Registry
from textgen_core.registry.selection import ResolvedComponent, as_list, choose, choose_all, spec_of
from textgen_core.registry.specs import Spec, parse_spec

SEED = Option(
    name="seed",
    type=int,
    default=1,
    rules=OptionRules(help="where all random numbers start", at_least=0, at_most=2**31 - 1),
)


@attrs.frozen(kw_only=True)
class Configuration:
    """All that a run is made from, checked.

    missing: the kinds of which this installation lacks a component that the run was made with. All
    of such a kind are left out then, and whoever would use them says so.
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
    missing: tuple[str, ...] = ()

    @property
    def components(self) -> tuple[ResolvedComponent, ...]:
        """Every component of the run."""
        return (self.tokenizer, self.model, *self.samplers, *self.metrics, *self.trackers)

    def as_table(self) -> dict[str, Any]:
        """Return the table of run.toml, from which the run can be repeated."""
        table: dict[str, Any] = {"recipe": NO_RECIPE, "seed": self.seed}
        for name in SECTIONS:
            values = plain_options(getattr(self, name))
            table[name] = _without_none(values)
        unused = "epochs" if self.training.minutes is not None else "minutes"
        del table["training"][unused]
        for name in ONE:
            table[name] = _without_none(getattr(self, name).as_table())
        for name in MANY:
            table[name] = [_without_none(each.as_table()) for each in getattr(self, name)]
        return table


def configure(
    arguments: Mapping[str, Any],
    registry: Registry,
    *,
    recipe: str | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    flags: bool = False,
) -> Configuration:
    """Return the configuration of the arguments of `run`, laid over recipe, file and settings.

    `flags` says whether messages name the arguments as on the command line. Raises a UsageError
    with every fault at once.
    """
    unknown = [each for each in arguments if each not in ARGUMENTS]
    if unknown:
        raise one_error(
            [unknown_name("argument", each, ARGUMENTS, place="run()") for each in unknown]
        )
    layers = [
        *file_layers(config, recipe),
        settings_layer(settings),
        arguments_layer(arguments, flags=flags),
    ]
    return resolve(layers, registry)


def resolve(layers: Sequence[Layer], registry: Registry) -> Configuration:
    """Merge the layers, the lowest first, and return the configuration.

    Raises a UsageError that reports every fault of every layer at once.
    """
    layers = [check_shape(layer) for layer in layers]
    faults: list[TextgenError] = [fault for layer in layers for fault in layer.faults]
    model_name = _model_name(layers, registry)
    layers = [part for layer in layers for part in apply_for(layer, model_name)]
    values: dict[str, Any] = {}
    for name in SECTIONS:
        values[name] = _section(name, layers, faults)
    for name in ONE:
        values[name] = _single(name, layers, registry, faults)
    for name in MANY:
        values[name] = _several(name, layers, registry, faults)
    values["seed"] = _seed(layers, faults)
    if faults:
        raise one_error(faults)
    values["metrics"] = _with_bundled(values["metrics"], registry)
    return Configuration(**values)


def _model_name(layers: Sequence[Layer], registry: Registry) -> str:
    """Return the short name of the model that the highest layer asks for; empty if none can be."""
    for layer in reversed(layers):
        wish = layer.table.get("model")
        if wish is None or (isinstance(wish, Mapping) and "name" not in wish):
            continue
        try:
            if isinstance(wish, (str, Mapping)):
                return parse_spec(wish).name.rpartition("/")[2]
            return choose(registry, "model", wish, place=layer.place_of("model")).name
        except ComponentError:  # `_single` reports it, with all other faults
            return ""
    return ""


# ---- sections -------------------------------------------------------------------------------


def _section(name: str, layers: Sequence[Layer], faults: list[TextgenError]) -> Any:
    """Merge the layers of one section; add to `faults` what is wrong.

    Rules between settings are judged only where each setting is right by itself.
    """
    merged: dict[str, Any] = {}
    found: list[TextgenError] = []
    declared = options_of(SECTIONS[name])
    for layer in layers:
        for key, value in _one_clock(name, layer, found).items():
            place = layer.place_of(name, key)
            values, wrong = check_options(declared, {key: value}, owner=name, place=place)
            merged.update(values)
            found.extend(wrong)
    faults.extend(found)
    if found:
        return None
    try:
        return SECTIONS[name](**merged)
    except ValueError as error:
        faults.append(ConfigurationError(f"{name}: {error}."))
        return None


def _one_clock(name: str, layer: Layer, faults: list[TextgenError]) -> Mapping[str, Any]:
    """Return a layer's section; of epochs and minutes the one that it gives unsets the other."""
    given: Mapping[str, Any] = layer.table.get(name, {})
    if name != "training":
        return given
    clocks = [key for key in ("epochs", "minutes") if not is_none(given.get(key))]
    if len(clocks) == 2:
        faults.append(
            ConfigurationError(
                f"Both epochs and minutes are given ({layer.place_of(name, 'minutes')}).",
                "Allowed: one of the two.",
            )
        )
    if len(clocks) == 1:
        other = "minutes" if clocks == ["epochs"] else "epochs"
        return {**given, other: None}
    return given


def _seed(layers: Sequence[Layer], faults: list[TextgenError]) -> Any:
    seed = SEED.default
    for layer in layers:
        if "seed" not in layer.table:
            continue
        values, wrong = check_options(
            [SEED], {"seed": layer.table["seed"]}, owner="the run", place=layer.place_of("seed")
        )
        seed = values.get("seed", seed)
        faults.extend(wrong)
    return seed


def corpus_settings(settings: Sequence[str]) -> CorpusSettings:
    """Return the corpus settings of texts such as `corpus.encoding=latin-1`, over the defaults."""
    faults: list[TextgenError] = []
    layer = settings_layer(settings)
    faults.extend(layer.faults)
    section = _section("corpus", [layer], faults)
    if faults:
        raise one_error(faults)
    return section  # type: ignore[no-any-return]


# ---- components -----------------------------------------------------------------------------


def _single(
    kind: str, layers: Sequence[Layer], registry: Registry, faults: list[TextgenError]
) -> ResolvedComponent | None:
    """Merge the wishes for one component: options of the same name add up, others go."""
    wish: Any = None
    place = "the configuration"
    for layer in layers:
        if layer.table.get(kind) is None:
            continue
        place = layer.place_of(kind)
        try:
            wish = _over(wish, layer.table[kind], kind, registry, place)
        except ComponentError as fault:
            faults.append(fault)
            return None
    if wish is None:
        faults.append(
            ConfigurationError(
                f"No {kind} is chosen.", f"Allowed: {', '.join(registry.names(kind))}."
            )
        )
        return None
    chosen, wrong = choose_all(registry, kind, [(wish, place)])
    faults.extend(wrong)
    return chosen[0] if chosen else None


def _over(below: Any, wish: Any, kind: str, registry: Registry, place: str) -> Any:
    """Return a wish laid over the one below it."""
    if not isinstance(wish, (str, Mapping)):
        return wish
    if isinstance(wish, Mapping) and "name" not in wish and isinstance(below, Spec):
        wish = {**wish, "name": below.name}
    spec = spec_of(registry, kind, wish, place=place)
    if isinstance(below, Spec) and _same_component(below.name, spec.name, kind, registry):
        return attrs.evolve(spec, options={**below.options, **spec.options})
    return spec


def _same_component(one: str, other: str, kind: str, registry: Registry) -> bool:
    """Return whether two names mean one component, as `lstm` and `textgen-core/lstm` do."""
    if one == other or "/" not in one + other:
        return one == other
    try:
        found = [registry.find(kind, name, place="") for name in (one, other)]
    except ComponentError:  # it is reported when it is chosen
        return False
    return found[0] is found[1]


def _several(
    kinds: str, layers: Sequence[Layer], registry: Registry, faults: list[TextgenError]
) -> tuple[ResolvedComponent, ...]:
    """Choose the components of the highest layer that names any."""
    for layer in reversed(layers):
        if layer.table.get(kinds) is not None:
            place = layer.place_of(kinds)
            wishes = [(wish, place) for wish in as_list(layer.table[kinds])]
            chosen, wrong = choose_all(registry, kinds.removesuffix("s"), wishes)
            faults.extend(wrong)
            return chosen
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


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table that TOML can hold: it has no null, so None is written as a word."""
    return {key: _toml_value(value) for key, value in table.items()}


def _toml_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_toml_value(item) for item in value]
    return "none" if value is None else value
