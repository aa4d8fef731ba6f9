"""What a new plugin is called, and what it cannot be called."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_plugins import Site

from textgen_core.errors import UsageError
from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import KINDS
from textgen_core.scaffold.names import LONGEST, PluginNames, name_plugin


@pytest.mark.parametrize("name", ["min-length", "textgen-min-length"])
def test_a_component_and_its_distribution_name_the_same_plugin(name: str) -> None:
    names = name_plugin(name, "sampler")
    assert names == PluginNames(
        kind="sampler",
        component="min-length",
        distribution="textgen-min-length",
        package="textgen_min_length",
        module="min_length",
        class_name="MinLengthSampler",
    )
    assert names.hook == "textgen_samplers"
    assert names.reference == "textgen-min-length:sampler/min-length"


@pytest.mark.parametrize(
    ("name", "kind", "class_name"),
    [
        ("unigram", "tokenizer", "UnigramTokenizerTrainer"),
        ("gru", "model", "GruBuilder"),
        ("readability", "metric", "ReadabilityMetric"),
        ("csv", "tracker", "CsvTracker"),
        ("top-3", "sampler", "Top3Sampler"),
        ("my-sampler", "sampler", "MySampler"),
        ("my-model", "model", "MyBuilder"),
        ("my-tokenizer", "tokenizer", "MyTokenizerTrainer"),
    ],
)
def test_a_class_is_called_as_the_bundled_ones_are(name: str, kind: str, class_name: str) -> None:
    assert name_plugin(name, kind).class_name == class_name


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("", ""),
        ("textgen-", ""),
        ("-", ""),
        ("123", ""),
        ("é", ""),
        ("Epsilon", "plugins new epsilon --kind sampler"),
        ("MinLength", "plugins new min-length --kind sampler"),
        ("min_length", "plugins new min-length --kind sampler"),
        ("min--length", "plugins new min-length --kind sampler"),
        ("-length", "plugins new length --kind sampler"),
        ("3-grams", "plugins new grams --kind sampler"),
        ("../up", "plugins new up --kind sampler"),
        ("a\nb", "plugins new a-b --kind sampler"),
        ("x" * (LONGEST + 1), f"plugins new {'x' * LONGEST} --kind sampler"),
    ],
)
def test_a_name_of_other_characters_is_refused_with_the_nearest_that_is_allowed(
    name: str, advice: str
) -> None:
    with pytest.raises(UsageError) as refused:
        name_plugin(name, "sampler")
    assert repr(name) in refused.value.problem
    assert "lower-case letters, digits and single hyphens" in refused.value.allowed
    assert refused.value.advice == (f"Try: textgen {advice}" if advice else "")
    assert len(str(refused.value).splitlines()) <= 3


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("nucleus", "sampler", "'nucleus' is a sampler that comes with textgen"),
        ("textgen-nucleus", "sampler", "'nucleus' is a sampler that comes with textgen"),
        ("core", "metric", "textgen-core would stand in the way"),
        ("samplers", "sampler", "textgen-samplers would stand in the way"),
        ("textgen-models", "sampler", "textgen-models would stand in the way"),
        ("lambda", "model", "'lambda' is a word of Python's own"),
        ("nul", "metric", "'nul' is a device on Windows"),
        ("textgen-com1", "sampler", "'com1' is a device on Windows"),
        (
            "test-time",
            "sampler",
            "pytest would take its class, TestTimeSampler, for a class of tests",
        ),
        ("model", "model", "'model' is the word for a kind"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_the_reason_and_another(
    name: str, kind: str, reason: str
) -> None:
    with pytest.raises(UsageError) as refused:
        name_plugin(name, kind)
    assert reason in refused.value.allowed
    own = f"my-{name.removeprefix('textgen-')}"
    assert refused.value.advice == f"Try: textgen plugins new {own} --kind {kind}"
    assert name_plugin(own, kind).component == own


def test_every_bundled_name_and_package_is_refused() -> None:
    bundled = [each for each in discover().components if each.plugin.bundled]
    assert {each.kind for each in bundled} == set(KINDS)
    for each in bundled:
        package = each.cls.__module__.partition(".")[0].removeprefix("textgen_")
        for name in (each.name, package):
            with pytest.raises(UsageError):
                name_plugin(name, each.kind)


def test_the_bundled_name_of_another_kind_is_free() -> None:
    assert name_plugin("nucleus", "metric").class_name == "NucleusMetric"


def test_an_unknown_kind_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError) as refused:
        name_plugin("epsilon", "samplers")
    assert refused.value.allowed == "Allowed: tokenizer, model, sampler, metric, tracker."


def test_third_party_plugins_are_not_imported_for_a_name(
    plugin_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "imported"
    plugin_site.add("textgen-example", f"import pathlib; pathlib.Path({str(marker)!r}).touch()")
    plugin_site.forget()
    monkeypatch.setenv("TEXTGEN_PLUGINS_DISABLE", "textgen-core")  # bundled names stay taken
    with pytest.raises(UsageError):
        name_plugin("nucleus", "sampler")
    assert not marker.exists()
    discover()
    assert marker.exists()
