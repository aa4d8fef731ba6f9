"""Every plugin is imported on its own: whatever one does, the others work."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import attrs
import pytest
from fake_plugins import Site, only, sampler_source

from textgen_core.errors import Interrupted
from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import Plugin, Registry

HEAD = """
import attrs
from pathlib import Path
from typing import Any
from textgen_core import Metric, Sampler, hookimpl, option

@attrs.frozen
class Fine(Sampler):
    '''Does nothing.'''
    def transform(self, logits, history):
        return logits
"""
OFFER = """
@hookimpl
def textgen_samplers():
    return {"own": Own}
"""

FAULTS = {
    "raises on import": ("raise ImportError('no module named\\nwhatever')",
        "ImportError: no module named whatever"),
    "has a syntax error": ("def (", "SyntaxError"),
    "exits on import": ("import sys; sys.exit(3)", "exits on import (status 3)"),
    "raises what is no Exception": ("raise BaseException('a panic')", "BaseException: a panic"),
    "raises in the hook": (HEAD + "@hookimpl\ndef textgen_samplers():\n    raise ValueError('no')",
        "ValueError: no"),
    "exits in the hook": (HEAD + "@hookimpl\ndef textgen_samplers():\n    raise SystemExit",
        "exits on import"),
    "returns a list": (HEAD + "@hookimpl\ndef textgen_samplers():\n    return [Fine]",
        "returns list, not a dict"),
    "returns nothing": (HEAD + "@hookimpl\ndef textgen_samplers():\n    pass",
        "textgen_samplers returns NoneType, not a dict"),
    "has no hook": (HEAD, "implements no hook"),
    "has an unknown hook": (HEAD + "@hookimpl\ndef textgen_layers():\n    return {}",
        "unknown hook 'textgen_layers'"),
    "has a hook with an argument": (HEAD + "@hookimpl\ndef textgen_samplers(x):\n    return {}",
        "'x'"),
    "registers another kind": (HEAD + "@hookimpl\ndef textgen_models():\n    return {'a': Fine}",
        "not a subclass of ModelBuilder"),
    "registers an instance": (
        HEAD + "@hookimpl\ndef textgen_samplers():\n    return {'a': Fine()}",
        "not a subclass of Sampler"),
    "registers the contract itself": (
        HEAD + "@hookimpl\ndef textgen_samplers():\n    return {'a': Sampler}",
        "not decorated by attrs.frozen"),
    "registers a class that is not frozen": (
        HEAD + "@attrs.define\nclass Own(Fine.__mro__[1]):\n"
        "    def transform(self, logits, history): ...\n" + OFFER,
        "not decorated by attrs.frozen"),
    "registers a dataclass": (
        HEAD + "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Own(Sampler):\n"
        "    def transform(self, logits, history): ...\n" + OFFER,
        "not decorated by attrs.frozen"),
    "registers an undecorated subclass": (
        HEAD + "class Own(Fine):\n    p: float = option(0.5, help='lost')\n" + OFFER,
        "(Own) is not decorated by attrs.frozen"),
    "lacks the method": (
        HEAD + "@attrs.frozen\nclass Own(Sampler):\n    pass\n" + OFFER,
        "does not define transform"),
    "has a field that is no option": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n    p: float = 0.5\n" + OFFER,
        "has the field 'p', which no option() declares"),
    "has a private field without default": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n    _p: float\n" + OFFER,
        "has the field '_p', which no option() declares"),
    "raises an error without a text": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E", "E"),
    "has an option of a type that no text can give": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n    p: dict = option(None, help='')\n" + OFFER,
        "an option cannot be of type"),
    "has an option of an unknown type": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n    p: 'Nowhere' = option(0, help='')\n" + OFFER,
        "cannot be read: name 'Nowhere' is not defined"),
    "has a mutable default": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n"
        "    p: tuple[int, ...] = option([1], help='')\n" + OFFER,
        "has a mutable default: [1]"),
    "has a default out of bounds": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n"
        "    p: float = option(2.0, help='', at_most=1)\n" + OFFER,
        "has the default 2.0; allowed: a number, at most 1"),
    "has an option called name": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n    name: str = option('a', help='')\n" + OFFER,
        "cannot have that name"),
    "has an option that begins with an underscore": (
        HEAD + "@attrs.frozen\nclass Own(Fine):\n    _p: str = option('a', help='')\n" + OFFER,
        "cannot have that name"),
}  # fmt: skip


LEFT_BEHIND = {
    "closes stdout": "import sys; sys.stdout.close()",
    "closes stderr": "import sys; sys.stderr.close()",
    "takes stderr away": "import sys; sys.stderr = None",
    "wraps the bytes of stdout": "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer)",
    "detaches stderr": "import io, sys; sys.stderr = io.TextIOWrapper(sys.stderr.detach())",
    "goes to another folder": "import os, tempfile; os.chdir(tempfile.gettempdir())",
}  # what a plugin does to its process, and does not undo


@pytest.mark.parametrize(("source", "cause"), FAULTS.values(), ids=FAULTS)
def test_a_plugin_is_failed_with_its_cause_and_the_others_work_if_it(
    plugin_site: Site, source: str, cause: str
) -> None:
    plugin_site.add(
        "broken-plugin",
        source,
        version="0.3",
        entry_points={"a": "fake_broken"},
        module="fake_broken",
    )
    plugin_site.add(
        "good-plugin", sampler_source("good"), entry_points={"b": "fake_good"}, module="fake_good"
    )
    registry = plugin_site.registry()
    broken, good = registry.plugins
    assert (broken.distribution, broken.version, broken.status) == (
        "broken-plugin",
        "0.3",
        "failed",
    )
    assert cause in broken.error
    assert "\n" not in broken.error
    assert good.status == "ok"
    assert [each.name for each in registry.components] == ["good"]


@pytest.mark.parametrize(
    "name", ["", "Own", "own_one", "1own", "-own", "own-", "own--one", "own/one", "öwn", "own:x"]
)
def test_a_name_that_is_not_lower_case_words_is_refused(plugin_site: Site, name: str) -> None:
    plugin_site.add("bad-name", sampler_source(name))
    assert "is not lower-case letters" in only(plugin_site.registry()).error


@pytest.mark.parametrize("name", ["own", "top-k", "min-p2", "x"])
def test_a_name_of_lower_case_words_is_taken(plugin_site: Site, name: str) -> None:
    plugin_site.add("good-name", sampler_source(name))
    assert [each.name for each in plugin_site.registry().components] == [name]


def test_what_a_plugin_prints_does_not_get_into_stdout(
    plugin_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = "@hookimpl\ndef textgen_samplers():\n    print('asked')\n    return {'own': Fine}"
    plugin_site.add("loud", f"print('imported')\n{HEAD}\n{hook}")
    assert only(plugin_site.registry()).status == "ok"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.split() == ["imported", "asked"]


@pytest.mark.parametrize("source", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_the_streams_and_the_folder_are_as_before_after_a_plugin_that(
    plugin_site: Site, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    plugin_site.add("first-plugin", f"{source}\n{sampler_source('own')}")
    plugin_site.add("second-plugin", "print('noise')\n" + sampler_source("other"))
    before = (sys.stdout, sys.stderr, Path.cwd())
    registry = plugin_site.registry()
    assert [each.status for each in registry.plugins] == ["ok", "ok"]
    assert (sys.stdout, sys.stderr, Path.cwd()) == before
    print("after", file=sys.stderr)
    assert capsys.readouterr() == ("", "noise\nafter\n")


def test_a_plugin_cannot_disable_those_after_it(
    plugin_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_PLUGINS_DISABLE", "")
    setting = "import os; os.environ['TEXTGEN_PLUGINS_DISABLE'] = 'second-plugin'\n"
    plugin_site.add("first-plugin", setting + sampler_source("own"))
    plugin_site.add("second-plugin", sampler_source("other"))
    status = {each.distribution: each.status for each in discover().plugins}
    assert status["second-plugin"] == "ok"


@pytest.mark.parametrize("is_closed", [True, False])
def test_plugins_work_where_there_is_no_stderr(
    plugin_site: Site, monkeypatch: pytest.MonkeyPatch, is_closed: bool
) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream if is_closed else None)
    plugin_site.add("loud-plugin", "print('noise')\n" + sampler_source("own"))
    assert only(plugin_site.registry()).status == "ok"


def test_a_person_can_interrupt_a_plugin_that_hangs_and_is_told_which_it_was(
    plugin_site: Site,
) -> None:
    plugin_site.add("hanging", "raise KeyboardInterrupt", version="0.3")
    with pytest.raises(Interrupted) as caught:
        plugin_site.registry()
    assert "importing the plugin hanging 0.3 (main), after 0." in caught.value.problem
    assert caught.value.advice.endswith("set TEXTGEN_PLUGINS_DISABLE=hanging:main")
    assert caught.value.exit_code == 130


def test_an_entry_point_without_its_module_is_a_failed_plugin(plugin_site: Site) -> None:
    plugin_site.add_metadata("gone", "[textgen]\nmain = fake_that_is_gone\n")
    plugin = only(plugin_site.registry())
    assert plugin.status == "failed"
    assert "No module named 'fake_that_is_gone'" in plugin.error


def test_an_entry_point_may_name_an_object_of_a_module(plugin_site: Site) -> None:
    source = HEAD + (
        "class Provider:\n    @hookimpl\n    def textgen_samplers(self):\n"
        "        return {'own': Fine}\nprovider = Provider()\n"
    )
    plugin_site.add("objects", source, entry_points={"main": "fake_objects:provider"})
    assert [each.name for each in plugin_site.registry().components] == ["own"]


def test_a_component_may_keep_private_state_beside_its_options(plugin_site: Site) -> None:
    own = "@attrs.frozen\nclass Own(Fine):\n    _bound: Any = None\n"
    plugin_site.add("binding", HEAD + own + OFFER)
    assert only(plugin_site.registry()).error == ""


def test_a_component_without_slots_is_taken(plugin_site: Site) -> None:
    own = "@attrs.frozen(slots=False)\nclass Own(Fine):\n    p: int = option(1, help='')\n"
    plugin_site.add("slotless", HEAD + own + OFFER)
    assert only(plugin_site.registry()).error == ""


def test_a_component_names_distribution_version_and_entry_point(plugin_site: Site) -> None:
    source = sampler_source("own")
    plugin_site.add("Some.Name", source, version="1.2.3", entry_points={"x": "fake_Some_Name"})
    (component,) = plugin_site.registry().components
    assert component.qualified_name == "Some.Name/own"
    assert component.plugin.reference == "Some.Name:x"
    assert component.plugin.version == "1.2.3"
    assert component.plugin.status == "ok"
    assert component.plugin.import_seconds > 0
    assert not component.plugin.bundled


def test_two_entry_points_of_one_distribution_load_each_on_its_own(plugin_site: Site) -> None:
    (plugin_site.folder / "fake_second.py").write_text("raise ImportError('no')")
    plugin_site.add(
        "double",
        sampler_source("own"),
        entry_points={"a": "fake_double", "b": "fake_second"},
    )
    assert [each.status for each in plugin_site.registry().plugins] == ["ok", "failed"]


def test_a_distribution_that_registers_a_name_twice_is_failed(plugin_site: Site) -> None:
    (plugin_site.folder / "fake_second.py").write_text(sampler_source("own"))
    plugin_site.add(
        "double", sampler_source("own"), entry_points={"a": "fake_double", "b": "fake_second"}
    )
    registry = plugin_site.registry()
    assert len(registry.components) == 1
    assert "registers the sampler 'own' twice" in registry.plugins[1].error
    sys.modules.pop("fake_second")


def test_a_clash_of_two_third_parties_keeps_both_under_their_qualified_names(
    plugin_site: Site,
) -> None:
    plugin_site.add("first", sampler_source("own"))
    plugin_site.add("second", sampler_source("own"))
    assert set(plugin_site.registry().by_name("sampler")) == {"first/own", "second/own"}


# ---- what is said of plugins --------------------------------------------------------------------


def test_what_a_plugin_prints_below_python_does_not_get_into_stdout(
    plugin_site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    source = "import os; os.write(1, b'low noise')\n" + sampler_source("own")
    plugin_site.add("loud-plugin", source)
    assert only(plugin_site.registry()).status == "ok"
    print("after", flush=True)
    out, error = capfd.readouterr()
    assert (out, error) == ("after\n", "low noise")


def test_a_failed_plugin_is_complained_about_with_cause_and_way_out(plugin_site: Site) -> None:
    plugin_site.add("broken-plugin", "raise ValueError('no')", version="0.3")
    plugin_site.add("good-plugin", sampler_source("good"))
    assert plugin_site.registry().complaints == (
        "The plugin broken-plugin 0.3 (main) failed: ValueError: no "
        "(fake_broken_plugin.py, line 1). "
        "To leave it out, set TEXTGEN_PLUGINS_DISABLE=broken-plugin:main",
    )


def test_a_plugin_that_takes_long_is_complained_about_with_its_time() -> None:
    slow = Plugin(
        distribution="slow-plugin",
        version="1.0",
        entry_point="main",
        module="slow",
        status="ok",
        import_seconds=30.04,
    )
    bundled = attrs.evolve(slow, distribution="textgen-core")  # without it there is little to do
    quick = attrs.evolve(slow, import_seconds=0.1)
    found = Registry(plugins=(slow, quick, bundled), components=())
    assert found.complaints == (
        "The plugin slow-plugin 1.0 (main) took 30.0 s to import. "
        "To leave it out, set TEXTGEN_PLUGINS_DISABLE=slow-plugin:main",
    )


def test_a_plugin_is_told_with_the_folder_that_it_lies_in(plugin_site: Site) -> None:
    plugin_site.add("good-plugin", sampler_source("good"))
    assert only(plugin_site.registry()).path == str(plugin_site.folder)


def test_a_plugin_that_raises_is_told_with_the_line_in_its_own_package(plugin_site: Site) -> None:
    source = "import json\n\n\ndef read():\n    return json.loads('{')\n\n\nread()\n"
    plugin_site.add("reading-plugin", source)
    error = only(plugin_site.registry()).error
    assert error.startswith("JSONDecodeError: ")
    assert error.endswith(" (fake_reading_plugin.py, line 5)")


def test_a_plugin_whose_own_module_is_gone_is_to_be_installed_again(plugin_site: Site) -> None:
    plugin_site.add_metadata("gone", "[textgen]\nmain = fake_that_is_gone.part\n")
    assert only(plugin_site.registry()).error == (
        "ModuleNotFoundError: No module named 'fake_that_is_gone' "
        "(it is no longer where it was installed: install it again)"
    )
