"""A spec, a table and an instance become the same chosen component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from fake_components import Cut, Net, Plain, component, registry

from textgen_core.components import Sampler, option
from textgen_core.errors import ComponentError, PluginFailure
from textgen_core.registry.selection import as_list, choose, choose_all, spec_of
from textgen_core.registry.specs import Spec

FULL = {
    "p": 0.5,
    "low": 1,
    "high": 9,
    "word": "",
    "words": [],
    "folder": None,
    "note": None,
}


@pytest.mark.parametrize("requested", ["cut:0.5", {"name": "cut", "p": 0.5}, Cut(p=0.5)])
def test_spec_table_and_instance_are_chosen_alike(requested: Any) -> None:
    chosen = choose(registry(), "sampler", requested, place="--sampler")
    assert chosen.instance == Cut(p=0.5)
    assert chosen.name == "cut"
    assert chosen.options == FULL
    assert chosen.as_table() == {"name": "cut", **FULL}
    assert chosen.label == "cut:p=0.5"
    assert chosen.component.provider == "textgen-core 1.0"


def test_the_label_leaves_defaults_out() -> None:
    assert choose(registry(), "sampler", "cut:0.9,low=1", place="here").label == "cut"
    chosen = choose(registry(), "model", "net:256,128", place="here")
    assert chosen.label == "net:units=256,128"


@pytest.mark.parametrize("requested", [Net(), Cut, None, 5, ["cut"], object()])
def test_what_is_no_component_of_the_kind_is_refused(requested: Any) -> None:
    with pytest.raises(ComponentError):
        choose(registry(), "sampler", requested, place="sampler=")


def test_a_third_party_is_referred_to_by_its_short_name_where_that_is_clear() -> None:
    own = component("sampler", "own", Plain, "stranger")
    assert choose(registry(own), "sampler", "stranger/own", place="here").reference == "own"


def test_a_third_party_with_a_taken_name_is_referred_to_by_its_qualified_name() -> None:
    shadowed = component("sampler", "cut", Plain, "stranger")
    chosen = choose(registry(shadowed), "sampler", "stranger/cut", place="here")
    assert chosen.reference == "stranger/cut"
    assert choose(registry(shadowed), "sampler", "cut", place="here").reference == "cut"


def test_a_reference_finds_the_same_component_again() -> None:
    both = [component("sampler", "own", Plain, each) for each in ("first", "second")]
    for each in both:
        chosen = choose(registry(*both), "sampler", each.qualified_name, place="here")
        again = choose(registry(*both), "sampler", chosen.as_table(), place="here")
        assert again == chosen


def test_faults_name_the_component_by_its_short_name_and_the_place() -> None:
    with pytest.raises(ComponentError, match=r"^cut: p cannot be '2' \(--sampler\)"):
        choose(registry(), "sampler", "textgen-core/cut:p=2", place="--sampler")


def test_an_instance_that_no_plugin_provides_can_be_used() -> None:
    @attrs.frozen
    class Mine(Sampler):
        q: int = option(1, help="mine", at_least=1)

        def transform(self, logits: Any, history: Any) -> Any:
            return logits

    chosen = choose(registry(), "sampler", Mine(q=2), place="sampler=")
    assert (chosen.name, chosen.component.provider, chosen.options) == (
        "Mine",
        "no plugin",
        {"q": 2},
    )
    with pytest.raises(ComponentError, match="Mine: q cannot be 0"):
        choose(registry(), "sampler", Mine(q=0), place="sampler=")


def test_an_instance_of_a_class_that_no_plugin_could_register_is_refused() -> None:
    class Loose(Sampler):
        def transform(self, logits: Any, history: Any) -> Any:
            return logits

    class Undecorated(Plain):
        q: int = option(1, help="lost")

    for instance in (Loose(), Undecorated()):
        with pytest.raises(ComponentError, match=r"not decorated by attrs.frozen \(sampler=\)"):
            choose(registry(), "sampler", instance, place="sampler=")


def test_a_component_that_raises_when_it_is_made_is_named_with_its_distribution() -> None:
    @attrs.frozen
    class Faulty(Plain):
        def __attrs_post_init__(self) -> None:
            raise ZeroDivisionError("of all things")

    own = component("sampler", "own", Faulty, "stranger")
    with pytest.raises(PluginFailure, match=r"'own' \(stranger 1.0\) raised ZeroDivisionError"):
        choose(registry(own), "sampler", "own", place="here")


def test_a_component_that_raised_in_use_is_named_in_one_line() -> None:
    chosen = choose(registry(), "sampler", "cut", place="here")
    with pytest.raises(PluginFailure) as caught, chosen.errors():
        raise ValueError("two\nlines")
    assert caught.value.problem == ("The sampler 'cut' (textgen-core 1.0) raised ValueError: two")
    with pytest.raises(PluginFailure, match="no message"), chosen.errors():
        raise ValueError


def test_the_faults_of_all_requests_are_reported_at_once() -> None:
    requests = [("cut:2", "a"), ("plain", "b"), ("plan", "c"), (Cut(low=-1), "d")]
    assert [each.name for each in choose_all(registry(), "sampler", requests[1:2])] == ["plain"]
    with pytest.raises(ComponentError) as caught:
        choose_all(registry(), "sampler", requests)
    assert [fault.problem for fault in caught.value.parts] == [
        "cut: p cannot be '2' (a).",
        "Unknown sampler: 'plan' (c). Did you mean 'plain'?",
        "Cut: low cannot be -1 (d).",
    ]


def test_one_request_and_several_are_a_list() -> None:
    instance = Cut()
    table = {"name": "cut"}
    assert as_list(None) == []
    assert as_list([]) == []
    assert as_list("cut") == ["cut"]
    assert as_list(table) == [table]
    assert as_list(instance) == [instance]
    assert as_list(("cut", instance)) == ["cut", instance]


def test_layers_can_be_merged_by_the_qualified_name_and_named_options() -> None:
    spec = spec_of(registry(), "sampler", "cut:0.5,low=2", place="here")
    assert spec == Spec(name="textgen-core/cut", options={"p": "0.5", "low": "2"})
    assert spec_of(registry(), "sampler", "unknown:low=2", place="here").name == "unknown"


def test_a_path_option_is_plain_text_in_the_table() -> None:
    chosen = choose(registry(), "tracker", "diary:some/where", place="here")
    assert chosen.instance.path == Path("some/where")
    assert chosen.as_table() == {"name": "diary", "path": "some/where"}
