"""Which plugins are installed, enabled, and made for this textgen: all told by their metadata."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from fake_plugins import Site, only, sampler_source

from textgen_core.registry.discovery import discover, load_entry_points
from textgen_core.registry.installed import read_installed

# ---- the environment variables ----------------------------------------------------------------


@pytest.mark.parametrize(
    "reference", ["one-plugin", "One_Plugin", "one.plugin", "one-plugin:a", " x , one-plugin "]
)
def test_a_disabled_plugin_is_never_imported(plugin_site: Site, reference: str) -> None:
    plugin_site.add(
        "one-plugin",
        "raise ImportError('imported')",
        entry_points={"a": "fake_one"},
        module="fake_one",
    )
    plugin = only(plugin_site.registry(TEXTGEN_PLUGINS_DISABLE=reference))
    assert (plugin.status, plugin.error) == ("disabled", "")
    assert plugin_site.imported() == []


def test_one_entry_point_of_a_distribution_can_be_disabled(plugin_site: Site) -> None:
    (plugin_site.folder / "fake_second.py").write_text("raise ImportError('imported')")
    plugin_site.add(
        "double", sampler_source("own"), entry_points={"a": "fake_double", "b": "fake_second"}
    )
    registry = plugin_site.registry(TEXTGEN_PLUGINS_DISABLE="double:b")
    assert [each.status for each in registry.plugins] == ["ok", "disabled"]


def test_only_leaves_nothing_but_what_it_names(plugin_site: Site) -> None:
    plugin_site.add("first", sampler_source("one"), entry_points={"a": "fake_first"})
    plugin_site.add("second", "raise ImportError('imported')", entry_points={"b": "fake_second"})
    for reference in ("first", "first:a", "FIRST other"):
        registry = plugin_site.registry(TEXTGEN_PLUGINS_ONLY=reference)
        assert [each.status for each in registry.plugins] == ["ok", "disabled"]
        assert [each.name for each in registry.components] == ["one"]


def test_disable_is_stronger_than_only(plugin_site: Site) -> None:
    plugin_site.add("first", sampler_source("one"))
    registry = plugin_site.registry(
        TEXTGEN_PLUGINS_ONLY="first", TEXTGEN_PLUGINS_DISABLE="first:main"
    )
    assert registry.plugins[0].status == "disabled"


@pytest.mark.parametrize("variable", ["TEXTGEN_PLUGINS_DISABLE", "TEXTGEN_PLUGINS_ONLY"])
def test_a_variable_that_names_no_plugin_is_warned_about(plugin_site: Site, variable: str) -> None:
    plugin_site.add("first", sampler_source("one"))
    (warning,) = plugin_site.registry(**{variable: "frist:main"}).warnings
    assert variable in warning
    assert "'frist:main'" in warning


def test_an_empty_variable_disables_nothing(plugin_site: Site) -> None:
    plugin_site.add("first", sampler_source("one"))
    registry = plugin_site.registry(TEXTGEN_PLUGINS_ONLY="", TEXTGEN_PLUGINS_DISABLE=" ,")
    assert registry.plugins[0].status == "ok"
    assert registry.warnings == ()


# ---- what is installed ------------------------------------------------------------------------


def test_bundled_plugins_come_first_and_the_others_by_distribution_and_name(
    plugin_site: Site,
) -> None:
    plugin_site.add("zebra", "", entry_points={"a": "x"})
    plugin_site.add("aardvark", "", entry_points={"b": "x", "a": "x"})
    found = [each.name for each in read_installed()[0] if each.dist is not None]
    assert found == [
        *("metrics", "models", "samplers", "tokenizers", "trackers"),
        *("a", "b"),
        "a",
    ]


def test_the_bundled_plugins_all_work() -> None:
    registry = discover({})
    assert [each.error for each in registry.plugins if each.bundled] == [""] * 5
    assert {each.kind for each in registry.components} == {
        "tokenizer",
        "model",
        "sampler",
        "metric",
        "tracker",
    }
    assert all(each.summary for each in registry.components)


def test_entry_points_that_cannot_be_read_leave_the_others_alone(plugin_site: Site) -> None:
    plugin_site.add_metadata("torn", "[textgen]\nthis is no entry point\n")
    plugin_site.add("good", sampler_source("good"))
    assert "fake_good" in [each.value for each in read_installed()[0]]


def test_a_plugin_whose_entry_points_cannot_be_read_is_warned_about(plugin_site: Site) -> None:
    plugin_site.add_metadata("torn", "[textgen]\nthis is no entry point\n")
    plugin_site.add_metadata("not-ours", "[elsewhere]\nthis is no entry point\n")
    _, warnings = read_installed()
    assert warnings == ["The entry points of torn cannot be read: install it again."]
    assert warnings[0] in discover().complaints


def test_what_an_uninstall_left_over_is_named_by_its_folder(plugin_site: Site) -> None:
    folder = plugin_site.add_metadata("half-gone", "[textgen]\nmain = fake_half_gone\n")
    (folder / "METADATA").unlink()
    plugin = only(plugin_site.registry())
    assert (plugin.distribution, plugin.version) == ("half_gone", "unknown")
    assert plugin.status == "failed"
    assert "fake_half_gone" in [each.value for each in read_installed()[0]]


def test_nothing_that_a_plugin_says_of_itself_moves_a_terminal(plugin_site: Site) -> None:
    moving = r"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J"
    plugin_site.add(
        "odd", sampler_source("own").replace("Does nothing.", moving), version="1\x1b[2J"
    )
    plugin_site.add("odd-error", f"raise ValueError('{moving}')")
    registry = plugin_site.registry()
    said = [registry.components[0].summary, *registry.complaints]
    said += [each.version for each in registry.plugins]
    assert all(each.isprintable() for each in said)
    assert registry.components[0].summary == "red \ufffd]0;title\ufffd \ufffd2J"


def test_an_egg_without_metadata_leaves_the_others_alone(
    plugin_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    egg = plugin_site.folder / "torn.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO" / "entry_points.txt").write_text("[textgen]\nmain = fake_torn\n")
    monkeypatch.syspath_prepend(str(egg))
    plugin_site.add("good", sampler_source("good"))
    assert "fake_good" in [each.value for each in read_installed()[0]]


def test_the_first_of_two_copies_of_a_distribution_is_taken(plugin_site: Site) -> None:
    plugin_site.add("twice", sampler_source("own"), version="2.0")
    older = plugin_site.folder / "older"
    older.mkdir()
    sys.path.append(str(older))
    try:
        Site(older).add("twice", sampler_source("own"), version="1.0")
        found = [each for each in read_installed()[0] if each.value == "fake_twice"]
    finally:
        sys.path.remove(str(older))
    assert [each.dist.version for each in found if each.dist is not None] == ["2.0"]


def test_an_entry_point_of_no_distribution_is_called_unknown() -> None:
    registry = load_entry_points([EntryPoint("a", "fake_nowhere", "textgen")], {})
    assert only(registry).distribution == "unknown"


# ---- what a plugin asks for ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "requirement", ["textgen-core>=99", "Textgen_Core >=99,<100", "textgen.core==0.0.1"]
)
def test_a_plugin_that_needs_another_textgen_is_failed_and_never_imported(
    plugin_site: Site, requirement: str
) -> None:
    plugin_site.add("far-ahead", sampler_source("own"), requires=["numpy", requirement])
    plugin_site.add("good-plugin", sampler_source("good"))
    found = {each.distribution: each for each in plugin_site.registry().plugins}
    assert found["far-ahead"].status == "failed"
    assert re.fullmatch(
        r"it needs textgen-core\S+, and \d+\.\d+\S* is installed", found["far-ahead"].error
    )
    assert found["good-plugin"].status == "ok"
    assert plugin_site.imported() == ["fake_good_plugin"]


@pytest.mark.parametrize(
    "requirement",
    [
        "textgen-core",
        "textgen-core>=0.0.1",
        "textgen-core>=99; extra == 'later'",
        "textgen-core>=99; python_version < '3'",
        "textgen-core-extras>=99",
        "textgen-core >=nonsense",
        "textgen-core>=99; sys_platform ~= 'nonsense'",
    ],
)
def test_a_requirement_that_is_met_or_does_not_apply_is_none(
    plugin_site: Site, requirement: str
) -> None:
    plugin_site.add("good-plugin", sampler_source("good"), requires=[requirement])
    assert only(plugin_site.registry()).status == "ok"


# ---- the current folder -----------------------------------------------------------------------


def found_in(path: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(sys, "path", path)
    importlib.invalidate_caches()
    return "planted" in {each.dist.name for each in read_installed()[0] if each.dist is not None}


def test_the_folder_that_python_was_started_in_is_no_place_for_plugins(
    plugin_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin_site.add("planted", sampler_source("own"))
    here = str(plugin_site.folder)
    others = [each for each in sys.path if each != here]
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert found_in([here, *others], monkeypatch)
    monkeypatch.chdir(here)
    for path in ([here, *others], ["", *others], ["", here, *others]):
        assert not found_in(path, monkeypatch), path
    for path in ([*others, here], [here, *others, here], ["", *others, here]):  # installed there
        assert found_in(path, monkeypatch), path
    monkeypatch.setenv("PYTHONPATH", here)
    assert found_in([here, *others], monkeypatch)


def test_started_as_a_module_the_command_imports_nothing_from_the_current_folder(
    tmp_path: Path, textgen_command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    site = Site(tmp_path)
    site.add("planted", "open('imported', 'w')")
    (tmp_path / "typer.py").write_text("open('imported', 'w')")
    (tmp_path / "keras.py").write_text("open('imported', 'w')")
    done = textgen_command("plugins", "list", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "planted" not in done.stdout
    assert '"nucleus"' in done.stdout
    assert not (tmp_path / "imported").exists()
