"""What a reference, a class or an instance means to the kit, and what it refuses."""

from __future__ import annotations

import pytest
from fake_components import BUNDLED, Cut, Net, component, registry
from fake_plugins import Site, sampler_source
from testing.sound import SoundBuilder, SoundSampler

from textgen_core.errors import ComponentError
from textgen_core.registry.registry import Registry
from textgen_core.testing.subject import find_component, find_subject

THEIRS = component("sampler", "cut", Cut, "their-plugin")
TWICE = component("model", "cut", Net, "their-plugin")


@pytest.mark.parametrize(
    "reference",
    [
        "their-plugin:sampler/cut",
        "their-plugin:cut",
        "Their_Plugin:cut",
    ],
)
def test_a_reference_names_one_component_of_a_distribution(reference: str) -> None:
    assert find_component(registry(THEIRS), reference) is THEIRS


def test_two_kinds_with_one_name_need_the_kind() -> None:
    both = registry(THEIRS, TWICE)
    assert find_component(both, "their-plugin:model/cut") is TWICE
    with pytest.raises(ComponentError) as raised:
        find_component(both, "their-plugin:cut")
    assert "their-plugin:sampler/cut, their-plugin:model/cut" in str(raised.value)


@pytest.mark.parametrize("reference", ["cut", "sampler/cut", "x:", "x:samplers/cut", "x:/cut", ""])
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(ComponentError, match="DISTRIBUTION:KIND/NAME"):
        find_component(registry(THEIRS), reference)


def test_an_unknown_name_is_told_what_the_distribution_offers() -> None:
    with pytest.raises(ComponentError, match="Allowed: their-plugin:sampler/cut"):
        find_component(registry(THEIRS), "their-plugin:sampler/cat")


def test_a_distribution_that_is_not_installed_is_said_to_be_missing() -> None:
    with pytest.raises(ComponentError, match="no plugin of the distribution 'nobodys'"):
        find_component(registry(THEIRS), "nobodys:sampler/cut")


def test_a_plugin_that_could_not_be_imported_is_named_with_its_fault(plugin_site: Site) -> None:
    plugin_site.add("their-plugin", "raise RuntimeError('half written')")
    with pytest.raises(ComponentError, match="failed RuntimeError: half written"):
        find_component(plugin_site.registry(), "their-plugin:sampler/cut")


def test_a_plugin_that_is_disabled_is_named(plugin_site: Site) -> None:
    plugin_site.add("their-plugin", sampler_source("cut"))
    found = plugin_site.registry(TEXTGEN_PLUGINS_DISABLE="their-plugin")
    with pytest.raises(ComponentError, match="their-plugin:main is disabled"):
        find_component(found, "their-plugin:sampler/cut")


def test_an_installed_component_is_found_by_its_reference() -> None:
    subject = find_subject("textgen-core:sampler/nucleus")
    assert (subject.kind, subject.component.name) == ("sampler", "nucleus")
    assert subject.is_registered


def test_a_registered_component_is_taken_as_it_is() -> None:
    assert find_subject(BUNDLED[0]).component is BUNDLED[0]


def test_a_class_is_used_with_its_defaults_and_an_instance_as_it_is() -> None:
    given = SoundSampler(distance=2)
    assert find_subject(given).instance() is given
    assert find_subject(SoundSampler).instance() == SoundSampler()
    assert find_subject(SoundSampler).kind == "sampler"
    assert not find_subject(SoundSampler).is_registered


def test_a_subject_is_chosen_as_a_run_would_hold_it() -> None:
    chosen = find_subject(SoundBuilder(width=8)).chosen()
    assert chosen.label == "SoundBuilder:width=8"


@pytest.mark.parametrize("wanted", [int, 3, None, Registry])
def test_what_is_no_component_is_refused(wanted: object) -> None:
    with pytest.raises(ComponentError, match="is no component"):
        find_subject(wanted)
