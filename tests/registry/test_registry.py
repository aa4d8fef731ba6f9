"""Which component a name means, and what is said where it means none or several."""

from __future__ import annotations

import attrs
import pytest
from fake_components import BUNDLED, Cut, Plain, component, plugin, registry

from textgen_core.errors import ComponentError
from textgen_core.registry.registry import Registry, normalised, same_distribution


def test_a_name_is_looked_up_within_its_kind() -> None:
    assert registry().find("sampler", "cut", place="here").cls is Cut
    with pytest.raises(ComponentError):
        registry().find("model", "cut", place="here")


def test_the_qualified_name_always_works() -> None:
    own = component("sampler", "cut", Plain, "stranger")
    both = registry(own)
    assert both.find("sampler", "stranger/cut", place="here") is own
    assert both.find("sampler", "textgen-core/cut", place="here").cls is Cut


@pytest.mark.parametrize("name", ["Some.Package/own", "some_package/own", "some-package/own"])
def test_a_distribution_is_compared_as_the_package_index_does(name: str) -> None:
    own = component("sampler", "own", Plain, "Some_Package")
    assert registry(own).find("sampler", name, place="here") is own


def test_a_bundled_component_keeps_its_short_name() -> None:
    own = component("sampler", "cut", Plain, "stranger")
    assert registry(own).find("sampler", "cut", place="here").cls is Cut


def test_a_name_of_two_third_parties_is_refused_with_both_names() -> None:
    one, two = (component("sampler", "own", Plain, each) for each in ("first", "second"))
    with pytest.raises(ComponentError) as caught:
        registry(one, two).find("sampler", "own", place="--sampler")
    assert str(caught.value).splitlines() == [
        "2 plugins offer the sampler 'own' (--sampler).",
        "Allowed: first/own, second/own.",
        "Name the one you mean, or disable the other with TEXTGEN_PLUGINS_DISABLE.",
    ]
    assert registry(one, two).find("sampler", "second/own", place="here") is two


def test_an_unknown_name_brings_place_nearest_name_and_command() -> None:
    with pytest.raises(ComponentError) as caught:
        registry().find("sampler", "plan", place="--sampler")
    assert str(caught.value).splitlines() == [
        "Unknown sampler: 'plan' (--sampler). Did you mean 'plain'?",
        "Allowed: cut, plain.",
        "See: textgen plugins list --kind sampler",
    ]


def test_a_misspelt_qualified_name_brings_the_nearest_qualified_one() -> None:
    with pytest.raises(ComponentError, match="Did you mean 'textgen-core/plain'"):
        registry().find("sampler", "textgen-core/plan", place="here")


def test_an_unknown_name_tells_which_plugins_were_not_loaded() -> None:
    silent = plugin("broken", status="failed", error="it broke")
    off = plugin("quiet", status="disabled")
    all_of_them = attrs.evolve(registry(), plugins=(plugin(), silent, off))
    with pytest.raises(ComponentError, match=r"not loaded: broken \(failed\), quiet \(disabled\)"):
        all_of_them.find("sampler", "own", place="here")
    assert all_of_them.not_loaded == (silent, off)


def test_names_are_short_where_that_is_clear() -> None:
    more = [
        component("sampler", "own", Plain, "first"),
        component("sampler", "own", Plain, "second"),
        component("sampler", "cut", Plain, "second"),
        component("sampler", "clear", Plain, "second"),
    ]
    assert tuple(registry(*more).by_name("sampler")) == (
        "cut",
        "plain",
        "first/own",
        "second/own",
        "second/cut",
        "clear",
    )


def test_every_name_that_is_listed_finds_its_component() -> None:
    every = registry(component("sampler", "cut", Plain, "stranger"))
    for name, each in every.by_name("sampler").items():
        assert every.find("sampler", name, place="here") is each


def test_the_summary_is_the_first_line_of_the_class_itself() -> None:
    @attrs.frozen
    class Silent(Plain):
        pass

    assert BUNDLED[5].summary == "A sampler without options."
    assert component("sampler", "silent", Silent).summary == ""


@pytest.mark.parametrize("written", [5, property(str)])
def test_what_stands_for_a_docstring_and_is_no_text_is_no_summary(written: object) -> None:
    @attrs.frozen
    class Odd(Plain):
        pass

    type.__setattr__(Odd, "__doc__", written)
    assert component("sampler", "odd", Odd).summary == ""


def test_a_registry_without_plugins_offers_nothing() -> None:
    nothing = Registry(plugins=(), components=())
    with pytest.raises(ComponentError, match="there is none"):
        nothing.find("model", "net", place="here")


def test_distributions_are_the_same_across_dashes_dots_and_case() -> None:
    assert same_distribution("A__b.c", "a-B-c")
    assert normalised("Textgen_Core") == "textgen-core"
    assert not same_distribution("textgen-core", "textgencore")
