"""`textgen plugins`: who provides what, with the plugins of strangers installed beside ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.in_process import run_here
from fake_plugins import Site, sampler_source

Done = subprocess.CompletedProcess[str]
Plugins = Callable[..., Done]

MARKER = "import pathlib; pathlib.Path('imported').touch()\n"


@pytest.fixture
def plugins(
    plugin_site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Plugins:
    """Return a function that runs `textgen plugins` with the site's distributions installed.

    It runs in this process, which is quick; `test_light_start` and the wheel's tests start others.
    """
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environment: str) -> Done:
        plugin_site.forget()
        with monkeypatch.context() as patch:
            for variable in ("TEXTGEN_PLUGINS_DISABLE", "TEXTGEN_PLUGINS_ONLY"):
                patch.setenv(variable, environment.get(variable, ""))
            return run_here(monkeypatch, capsys, "plugins", *arguments)

    return run


def read(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_list_names_every_component_with_its_provider(
    plugins: Plugins, plugin_site: Site
) -> None:
    plugin_site.add("textgen-example", sampler_source("own"), version="1.2.3")
    for arguments in ([], ["list"]):
        done = plugins(*arguments)
        assert done.returncode == 0
        assert done.stderr == ""
        lines = [line.split() for line in done.stdout.splitlines()]
        assert ["own", "textgen-example", "1.2.3", "ok", "Does", "nothing."] in lines
        assert ["samplers"] in lines
        for name in ("bpe", "lstm", "nucleus", "bleu", "tensorboard"):
            assert any(line[:2] == [name, "textgen-core"] for line in lines), name


def test_the_list_as_json_is_one_value_with_components_and_plugins(
    plugins: Plugins, plugin_site: Site
) -> None:
    module = plugin_site.add("textgen-example", sampler_source("own"), version="1.2.3")
    value = read(plugins("list", "--json"))
    assert value["version"] == 1
    (own,) = [each for each in value["components"] if each["name"] == "own"]
    assert own == {
        "kind": "sampler",
        "name": "own",
        "distribution": "textgen-example",
        "version": "1.2.3",
        "status": "ok",
        "summary": "Does nothing.",
        "location": f"{module}:Own",
    }
    assert {each["distribution"] for each in value["plugins"]} == {
        "textgen-core",
        "textgen-example",
    }
    assert all(each["error"] is None for each in value["plugins"])


def test_a_kind_shows_nothing_else(plugins: Plugins) -> None:
    value = read(plugins("list", "--kind", "model", "--json"))
    assert {each["kind"] for each in value["components"]} == {"model"}
    text = plugins("--kind", "sampler").stdout
    assert "nucleus" in text
    assert "lstm" not in text


@pytest.mark.parametrize("option", [["--json"], ["--timings"], ["--kind", "sampler"]])
def test_an_option_before_the_inner_command_is_refused_and_not_dropped(
    plugins: Plugins, option: list[str]
) -> None:
    done = plugins(*option, "list")
    assert done.returncode == 2
    assert "before 'list'" in done.stderr
    assert done.stdout == ""


def test_an_unknown_kind_is_a_usage_error(plugins: Plugins) -> None:
    done = plugins("--kind", "samplers")
    assert done.returncode == 2
    assert "--kind cannot be 'samplers'" in done.stderr
    assert "tokenizer, model, sampler, metric, tracker" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("reference", ["sampler/own", "sampler/textgen-example/own"])
def test_show_tells_every_option_with_type_bounds_and_default(
    plugins: Plugins, plugin_site: Site, reference: str
) -> None:
    plugin_site.add("textgen-example", sampler_source("own"), version="1.2.3")
    text = plugins("show", reference).stdout
    assert "sampler/own: Does nothing." in text
    assert "from textgen-example 1.2.3" in text
    assert "p: a number (above 0, below 1), default 0.5" in text
    assert "a share" in text
    value = read(plugins("show", reference, "--json"))
    assert value["options"] == [
        {
            "name": "p",
            "type": "a number",
            "default": 0.5,
            "bounds": "above 0, below 1",
            "help": "a share",
        }
    ]


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("sampler/nuclues", "Did you mean 'nucleus'?"),
        ("sampler/textgen-core/nuclues", "Did you mean 'textgen-core/nucleus'?"),
        ("sampler/", "Unknown sampler: ''"),
        ("nucleus", "'nucleus' is no reference to a component"),
        ("samplers/nucleus", "is no reference to a component"),
        ("model/nucleus", "Unknown model: 'nucleus'"),
    ],
)
def test_a_wrong_reference_is_a_usage_error_of_three_lines(
    plugins: Plugins, reference: str, problem: str
) -> None:
    done = plugins("show", reference)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("raise ImportError('no such thing')", "ImportError: no such thing"),
        ("import sys; sys.exit('enough')", "it exits on import (status enough)"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
    ],
)
def test_a_failed_plugin_is_shown_with_its_cause_and_the_others_work(
    plugins: Plugins, plugin_site: Site, source: str, cause: str
) -> None:
    plugin_site.add("textgen-broken", source, version="0.3")
    plugin_site.add("textgen-example", sampler_source("own"))
    done = plugins()
    assert done.returncode == 0
    assert f"failed: textgen-broken 0.3 (main): {cause}" in done.stdout
    assert "textgen-example" in done.stdout
    value = read(plugins("--json"))
    (broken,) = [each for each in value["plugins"] if each["status"] == "failed"]
    assert broken["distribution"] == "textgen-broken"
    assert cause in broken["error"]


def test_a_missing_component_points_at_the_plugin_that_failed(
    plugins: Plugins, plugin_site: Site
) -> None:
    plugin_site.add("textgen-broken", "raise ImportError('no')")
    done = plugins("show", "sampler/own")
    assert done.returncode == 2
    assert "textgen-broken (failed)" in done.stderr


def test_json_stays_one_value_though_a_plugin_prints(plugins: Plugins, plugin_site: Site) -> None:
    source = "print('noise on import')\n" + sampler_source("own")
    plugin_site.add("textgen-loud", source.replace("return {", "print('noise'); return {"))
    done = plugins("--json")
    assert read(done)["version"] == 1
    assert "noise on import" in done.stderr


@pytest.mark.parametrize("reference", ["textgen-example", "textgen_example:main"])
def test_a_disabled_plugin_is_listed_and_never_imported(
    plugins: Plugins, plugin_site: Site, tmp_path: Path, reference: str
) -> None:
    plugin_site.add("textgen-example", MARKER + sampler_source("own"))
    done = plugins(TEXTGEN_PLUGINS_DISABLE=reference)
    assert "disabled: textgen-example 1.0 (main)" in done.stdout
    assert not list(tmp_path.rglob("imported"))
    plugins()
    assert list(tmp_path.rglob("imported"))


def test_only_the_plugins_that_are_named_are_imported(
    plugins: Plugins, plugin_site: Site, tmp_path: Path
) -> None:
    plugin_site.add("textgen-example", MARKER + sampler_source("own"))
    value = read(plugins("--json", TEXTGEN_PLUGINS_ONLY="textgen-core:samplers"))
    assert {each["kind"] for each in value["components"]} == {"sampler"}
    assert not list(tmp_path.rglob("imported"))


def test_a_variable_that_names_no_plugin_is_warned_about_on_stderr(plugins: Plugins) -> None:
    done = plugins("--json", TEXTGEN_PLUGINS_DISABLE="textgen-exmaple")
    assert read(done)
    assert "Warning: TEXTGEN_PLUGINS_DISABLE names 'textgen-exmaple'" in done.stderr


def test_two_third_parties_of_one_name_are_listed_and_shown_by_their_qualified_names(
    plugins: Plugins, plugin_site: Site
) -> None:
    plugin_site.add("textgen-one", sampler_source("own"))
    plugin_site.add("textgen-two", sampler_source("own"))
    text = plugins().stdout
    assert "textgen-one/own" in text
    assert "textgen-two/own" in text
    done = plugins("show", "sampler/own")
    assert done.returncode == 2
    assert "2 plugins offer the sampler 'own'" in done.stderr
    assert "from textgen-two" in plugins("show", "sampler/textgen-two/own").stdout


def test_a_third_party_does_not_take_a_bundled_name_away(
    plugins: Plugins, plugin_site: Site
) -> None:
    plugin_site.add("aaa-first", sampler_source("nucleus"))
    assert "from textgen-core" in plugins("show", "sampler/nucleus").stdout
    assert "from aaa-first" in plugins("show", "sampler/aaa-first/nucleus").stdout


def test_the_order_is_the_same_every_time(plugins: Plugins, plugin_site: Site) -> None:
    for name in ("zebra", "aardvark", "middle"):
        plugin_site.add(name, sampler_source(name))
    first, second = (read(plugins("--json")) for _ in range(2))
    assert first["components"] == second["components"]
    distributions = [each["distribution"] for each in first["plugins"]]
    assert distributions == ["textgen-core"] * 5 + ["aardvark", "middle", "zebra"]


def test_metadata_that_is_torn_does_not_take_the_program_down(
    plugins: Plugins, plugin_site: Site
) -> None:
    plugin_site.add_metadata("torn", "[textgen]\nthis is no entry point\n")
    half = plugin_site.add_metadata("half-gone", "[textgen]\nmain = fake_half_gone\n")
    (half / "METADATA").unlink()
    done = plugins()
    assert done.returncode == 0
    assert "nucleus" in done.stdout
    assert "failed: half_gone unknown (main)" in done.stdout


# ---- why ----------------------------------------------------------------------------------------


def test_why_names_every_candidate_the_winner_and_the_rule(
    plugins: Plugins, plugin_site: Site
) -> None:
    module = plugin_site.add("aaa-first", sampler_source("nucleus"))
    told = plugins("why", "sampler/nucleus").stdout
    assert told.startswith(
        "sampler/nucleus means sampler/textgen-core/nucleus: "
        "a bundled component keeps its short name.\n"
    )
    assert "  * sampler/textgen-core/nucleus\n" in told
    assert f"    sampler/aaa-first/nucleus\n      aaa-first 1.0 (main), {module}:Own\n" in told
    value = read(plugins("why", "sampler/nucleus", "--json"))
    assert value["winner"]["distribution"] == "textgen-core"
    assert value["rule"] == "a bundled component keeps its short name"
    assert [each["distribution"] for each in value["candidates"]] == ["textgen-core", "aaa-first"]


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        ("sampler/greedy", "no other plugin provides that name"),
        ("sampler/aaa-first/nucleus", "it is named with its distribution"),
    ],
)
def test_why_gives_the_rule_where_one_candidate_is_left(
    plugins: Plugins, plugin_site: Site, reference: str, rule: str
) -> None:
    plugin_site.add("aaa-first", sampler_source("nucleus"))
    assert f": {rule}.\n" in plugins("why", reference).stdout


def test_why_says_that_a_name_of_two_strangers_means_nothing(
    plugins: Plugins, plugin_site: Site
) -> None:
    for distribution in ("textgen-one", "textgen-two"):
        plugin_site.add(distribution, sampler_source("own"))
    plugin_site.add("textgen-broken", "raise ImportError('no')")
    done = plugins("why", "sampler/own")
    assert done.returncode == 0
    assert "sampler/own means nothing: none of them is bundled" in done.stdout
    assert "sampler/textgen-one/own" in done.stdout
    assert "Not loaded: textgen-broken 1.0 (main), failed" in done.stdout
    value = read(plugins("why", "sampler/own", "--json"))
    assert value["winner"] is None
    assert [each["distribution"] for each in value["not_loaded"]] == ["textgen-broken"]


def test_why_of_a_name_that_nobody_offers_is_a_usage_error(plugins: Plugins) -> None:
    done = plugins("why", "sampler/nuclues")
    assert done.returncode == 2
    assert "Did you mean 'nucleus'?" in done.stderr


# ---- timings ------------------------------------------------------------------------------------


def test_timings_show_each_plugin_the_slowest_first(plugins: Plugins, plugin_site: Site) -> None:
    plugin_site.add("textgen-slow", "import time; time.sleep(0.2)\n" + sampler_source("own"))
    plugin_site.add("textgen-example", sampler_source("other"))
    text = plugins("--timings").stdout.partition("imports\n")[2]
    lines = [line.split() for line in text.splitlines()]
    assert lines[0][2:] == ["textgen-slow", "1.0", "(main)"]
    seconds = [float(line[0]) for line in lines[:-1]]
    assert seconds == sorted(seconds, reverse=True)
    assert len(lines) == 8  # five bundled, two strangers, and the sum
    assert lines[-1][2:] == ["in", "all"]
    assert "imports" not in plugins().stdout
