"""`option()`, its rules in words, and the options of a class."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from fake_components import Cut, Net, Plain

from textgen_core.components import (
    Metric,
    ModelBuilder,
    OptionRules,
    Sampler,
    TokenizerTrainer,
    Tracker,
    option,
    options_of,
)


def test_options_come_in_their_order_with_types_and_defaults() -> None:
    units, dropout, cell, tied = options_of(Net)
    assert [each.name for each in (units, dropout, cell, tied)] == [
        "units",
        "dropout",
        "cell",
        "tied",
    ]
    assert units.type == tuple[int, ...]
    assert units.default == (64,)
    assert tied.type is bool
    assert dropout.rules.below == 1


def test_options_are_given_by_keyword_only() -> None:
    with pytest.raises(TypeError):
        Cut(0.5)  # type: ignore[misc]
    assert Cut(p=0.5).p == 0.5


def test_an_instance_cannot_be_changed() -> None:
    instance = Cut()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        instance.p = 0.1  # type: ignore[misc]


def test_a_component_without_options_has_none() -> None:
    assert options_of(Plain) == ()


def test_options_of_a_frozen_base_come_before_those_of_the_class() -> None:
    @attrs.frozen
    class More(Plain):
        q: int = option(1, help="more")

    @attrs.frozen
    class Most(More):
        r: int = option(2, help="most")

    assert [each.name for each in options_of(Most)] == ["q", "r"]


def test_a_field_without_option_is_no_option() -> None:
    @attrs.frozen
    class Bound(Plain):
        q: int = option(1, help="an option")
        _found: Any = None

    assert [each.name for each in options_of(Bound)] == ["q"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (OptionRules(help=""), ""),
        (OptionRules(help="", above=0, at_most=1), "above 0, at most 1"),
        (OptionRules(help="", at_least=0.5, below=1.5), "at least 0.5, below 1.5"),
        (OptionRules(help="", at_most=2**31 - 1), "at most 2147483647"),
        (OptionRules(help="", above=1e-9), "above 1e-09"),
        (OptionRules(help="", above=0, at_most=float("inf")), "above 0, at most inf"),
        (OptionRules(help="", choices=("a", "b")), "one of a, b"),
    ],
)
def test_rules_say_their_bounds_with_every_digit(rules: OptionRules, words: str) -> None:
    assert rules.describe() == words


@pytest.mark.parametrize("base", [TokenizerTrainer, ModelBuilder, Sampler, Metric, Tracker])
def test_a_contract_cannot_be_constructed_without_its_method(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()


def test_a_model_builder_need_not_initialise() -> None:
    assert Net().initialise(object()) is None  # type: ignore[arg-type, func-returns-value]
