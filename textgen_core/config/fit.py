"""Rules by which a recipe fits a run: what it chooses by how often the run passes through its text.

A rule is a table of `fit`: `passes`, from how many on it holds, and settings of the model and of
training. The more weights a model has for each token of its text, the fewer passes it takes to
memorize it: `weights_per_token` says for how many the passes of a rule are meant, and for others
they are others. Rules lie over their own layer and below all others, so whoever gives a setting
keeps it. How many passes there will be is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.components import Option, OptionRules, options_of
from textgen_core.config.settings import CLOCKS, TrainingSettings
from textgen_core.errors import ConfigurationError, Faults, TextgenError
from textgen_core.registry import Registry, ResolvedComponent
from textgen_core.registry.parsing import unknown_name
from textgen_core.registry.selection import spec_of
from textgen_core.registry.specs import Spec, check_options, construct

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration
    from textgen_core.config.sources import Layer

FIT = "fit"
# What the number of passes follows from, and what is made before it is known.
_SETTLED = ("batch_size", *CLOCKS, "accumulate", "counts")
_PASSES = Option(
    name="passes",
    type=float,
    default=0.0,
    rules=OptionRules(help="passes through the training text from which on it holds", at_least=0),
)
_WEIGHTS = Option(
    name="weights_per_token",
    type=float,
    default=0.0,
    rules=OptionRules(help="of the model and the text that its passes are meant for", above=0),
)
_NUMBERS = (_PASSES, _WEIGHTS)
_SOONER = 2 / 3  # the power of its weights for each token by which a model memorizes sooner
_EXAMPLES = {"model": "model.dropout = 0.1", "training": "training.weight_decay = 0.1"}


@attrs.frozen(kw_only=True)
class FitRule:
    """What holds from so many passes on: options of the model, and settings of training.

    weights_per_token: of the model and the text that the passes are meant for; 0: any. place: where
    it was given. The values are as TOML has them.
    """

    passes: float
    weights_per_token: float = 0.0
    model: Mapping[str, Any] = attrs.field(factory=dict)
    training: Mapping[str, Any] = attrs.field(factory=dict)
    place: str = attrs.field(default="", eq=False)

    def as_table(self) -> dict[str, Any]:
        """Return the table that `read_rules` reads back."""
        parts = {"model": dict(self.model), "training": dict(self.training)}
        weights = self.weights_per_token
        meant = {"weights_per_token": weights} if weights else {}
        return {
            "passes": self.passes,
            **meant,
            **{name: part for name, part in parts.items() if part},
        }

    def holds(self, passes: float, weights_per_token: float) -> bool:
        """Return whether it holds for a run of so many passes, with so many weights a token."""
        return passes * self._sooner(weights_per_token) >= self.passes

    def chosen_training(self, weights_per_token: float) -> dict[str, Any]:
        """Return its settings of training; the most passes are meant as its passes are."""
        chosen = dict(self.training)
        if isinstance(most := chosen.get("most_passes"), int | float):
            chosen["most_passes"] = round(most / self._sooner(weights_per_token), 1)
        return chosen

    def _sooner(self, weights_per_token: float) -> float:
        """Return how many passes one of a model with so many weights a token counts for."""
        if not self.weights_per_token:
            return 1.0
        return float((weights_per_token / self.weights_per_token) ** _SOONER)

    def without(self, given: set[str]) -> FitRule:
        """Return the rule without what was given, such as `training.weight_decay`."""
        model = {key: self.model[key] for key in self.model if f"model.{key}" not in given}
        training = {
            key: self.training[key] for key in self.training if f"training.{key}" not in given
        }
        return attrs.evolve(self, model=model, training=training)


def read_rules(tables: Any, place: str) -> list[FitRule]:
    """Return the rules of a layer's `fit`.

    Raises a UsageError with every fault, but for the options of the model: `apply_rules` does.
    """
    if not isinstance(tables, list) or not all(isinstance(each, Mapping) for each in tables):
        problem = f"{FIT} cannot be {tables!r} ({place})."
        raise ConfigurationError(problem, f"Allowed: tables of rules, [[{FIT}]] in TOML.")
    faults, rules = Faults(), []
    for number, table in enumerate(tables, start=1):
        with faults.collecting():
            rules.append(_read_rule(table, f"{FIT} {number} in {place}"))
    faults.raise_any()
    return rules


def _read_rule(table: Mapping[str, Any], place: str) -> FitRule:
    Faults(_faults_of(table, place)).raise_any()
    faults = Faults()
    parts = {name: table.get(name, {}) for name in _EXAMPLES}
    with faults.collecting():
        declared = options_of(TrainingSettings)
        check_options(declared, parts["training"], owner="training", place=place)
    with faults.collecting():
        numbers = {each.name: table[each.name] for each in _NUMBERS if each.name in table}
        checked = check_options(_NUMBERS, numbers, owner=FIT, place=place)
    faults.raise_any()
    return FitRule(**checked, **parts, place=place)


def _faults_of(table: Mapping[str, Any], place: str) -> Iterator[TextgenError]:
    """Yield what a rule may not have, or lacks; no value is looked at."""
    keys = (*(each.name for each in _NUMBERS), *_EXAMPLES)
    for key in table:
        if key not in keys:
            yield unknown_name("key of a rule", key, keys, place=place)
    if "passes" not in table:
        allowed = "Allowed: from how many on it holds, such as passes = 4."
        yield ConfigurationError(f"A rule names no passes ({place}).", allowed)
    for name, example in _EXAMPLES.items():
        part = table.get(name, {})
        if not isinstance(part, Mapping) or "name" in part:
            problem = f"{name} cannot be {part!r} ({place})."
            yield ConfigurationError(problem, f"Allowed: settings, such as {example}.")
        elif name == "training":
            for key in part.keys() & set(_SETTLED):
                problem = f"A rule cannot choose training.{key} ({place}): it is settled before."
                yield ConfigurationError(problem, f"Allowed: the same for all, [training] {key}.")


def find_rules(layers: Sequence[Layer], registry: Registry) -> tuple[FitRule, ...]:
    """Return the rules of the highest layer that has any, by ascending passes.

    They are left without what the layers above it give. layers: those for the model of the run.
    """
    rules: Sequence[FitRule] = ()
    for layer in layers:  # the lowest first
        given = set(_given_by(layer, registry))
        rules = layer.table.get(FIT, [each.without(given) for each in rules])
    left = [each for each in rules if each.model or each.training]
    return tuple(sorted(left, key=lambda rule: rule.passes))


def _given_by(layer: Layer, registry: Registry) -> Iterator[str]:
    """Yield the settings that a layer gives, of those that a rule may choose."""
    for key in layer.table.get("training", {}):
        yield f"training.{key}"
    request = layer.table.get("model")
    if isinstance(request, str):
        request = spec_of(registry, "model", request, place=layer.place_of("model")).options
    elif not isinstance(request, Mapping):  # an instance has all of its options
        request = [each.name for each in options_of(type(request))] if request else ()
    for name in request:
        yield f"model.{name}"


def apply_rules(
    configuration: Configuration, passes: float = math.inf, weights_per_token: float = 1.0
) -> Configuration:
    """Return the configuration of a run of so many passes, which is left with no rule.

    weights_per_token: of its model, as it is before any rule, and its training text. Raises a
    UsageError if an option of the model is not what it may be, or settings contradict.
    """
    model, training = configuration.model, configuration.training
    for rule in configuration.fit:
        if not rule.holds(passes, weights_per_token):
            continue
        given = rule.chosen_training(weights_per_token)
        values = check_options(
            options_of(TrainingSettings), given, owner="training", place=rule.place
        )
        try:
            training = attrs.evolve(training, **values)
        except ValueError as error:
            problem = f"training: {error} ({rule.place})."
            raise ConfigurationError(problem, "Allowed: settings that go together.") from error
        if rule.model:
            model = _with_options(model, rule.model, rule.place)
    return attrs.evolve(configuration, model=model, training=training, fit=())


def _with_options(
    chosen: ResolvedComponent, options: Mapping[str, Any], place: str
) -> ResolvedComponent:
    spec = Spec(name=chosen.name, options={**chosen.options, **options})
    with chosen.errors():
        return attrs.evolve(chosen, instance=construct(chosen.component.cls, spec, place=place))


def find_fitted(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return which settings the rules of a recipe choose, for each model and for `any model`."""
    tables = {"any model": table, **table.get("for", {})}
    chosen = {
        name: {
            f"{part}.{key}": None  # in order, and each once
            for rule in of_model.get(FIT, ())
            for part in ("model", "training")
            for key in rule.get(part, {})
        }
        for name, of_model in tables.items()
    }
    return {name: list(settings) for name, settings in chosen.items() if settings}
