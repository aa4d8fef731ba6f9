"""Twelve plugins, each broken in its own way: what does not use them works, and they are named."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import attrs
import pytest
import typer
from cli.commands import TINY, run_lines
from cli.in_process import run_here
from fake_plugins import Site, sampler_source

from textgen_core import cli
from textgen_core.cli.options import Json
from textgen_core.cli.output import print_json
from textgen_core.registry import registry

Command = Callable[..., CompletedProcess[str]]

DISABLE = "TEXTGEN_PLUGINS_DISABLE"
SOUND = sampler_source("own")
SLOW = 0.5  # seconds that count as a long time, once the slow plugin has said so


@attrs.frozen(kw_only=True)
class Broken:
    """A plugin's module, and what is said of it: `cause` where it failed, else nothing."""

    source: str
    cause: str = ""
    entry_points: Mapping[str, str] | None = None
    requires: tuple[str, ...] = ()


TWELVE = {
    "raises-on-import": Broken(source="raise RuntimeError('half\\nwritten')",
        cause="RuntimeError: half written"),
    "exits-on-import": Broken(source="import sys; sys.exit(7)",
        cause="it exits on import (status 7)"),
    "cannot-be-parsed": Broken(source="def textgen_samplers(:", cause="SyntaxError"),
    "raises-in-its-hook": Broken(source=SOUND.replace("return {", "raise KeyError('own'); {"),
        cause="KeyError: 'own'"),
    "takes-long-to-import": Broken(
        source="import time; from textgen_core.registry import registry\n"
        f"registry.SLOW_SECONDS = {SLOW}; time.sleep({SLOW + 0.1})\n"
        + SOUND.replace("own", "slow")),
    "prints-on-import": Broken(
        source="import os; print('noise'); os.write(1, b'low noise\\n')\n"
        + SOUND.replace("own", "loud")),
    "registers-twice": Broken(source=SOUND.replace("own", "twice"),
        entry_points={"one": "fake_registers_twice", "two": "fake_registers_twice"},
        cause="its distribution registers the sampler 'twice' twice"),
    "registers-a-bundled-name": Broken(source=SOUND.replace("own", "greedy")),
    "returns-the-wrong-type": Broken(source=SOUND.replace("return {", "return [").replace(
        '"own": Own}', "Own]"), cause="textgen_samplers returns list, not a dict"),
    "lacks-a-dependency": Broken(source="import no_such_package\n" + SOUND,
        cause="ModuleNotFoundError: No module named 'no_such_package' "
        "(install that package; if the plugin did not ask for it, tell its author)"),
    "needs-a-newer-core": Broken(source="import pathlib; pathlib.Path('imported').touch()",
        requires=("textgen_core >=99.1",), cause="it needs textgen-core>=99.1, and "),
    "raises-in-use": Broken(source=SOUND.replace("own", "raising").replace(
        "return logits", "raise LookupError('lost')")),
}  # fmt: skip


def install(site: Site, name: str) -> None:
    broken = TWELVE[name]
    site.add(
        name,
        broken.source,
        version="0.3",
        entry_points=broken.entry_points,
        requires=broken.requires,
    )


@pytest.fixture
def beside(
    plugin_site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Command:
    """Return a function that runs the command with the site's distributions installed.

    It runs in this process, and what is printed is captured at the descriptors.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "SLOW_SECONDS", registry.SLOW_SECONDS)  # put back at the end

    def run(*arguments: str, **environment: str) -> CompletedProcess[str]:
        plugin_site.forget()
        with monkeypatch.context() as patch:
            patch.setenv(DISABLE, environment.get(DISABLE, ""))
            done = run_here(monkeypatch, capfd, *arguments)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.parametrize("name", TWELVE)
def test_beside_a_broken_plugin_the_list_works_and_names_it(
    plugin_site: Site, beside: Command, name: str, tmp_path: Path
) -> None:
    install(plugin_site, name)
    listed = beside("plugins")
    assert listed.returncode == 0
    assert "nucleus" in listed.stdout
    value: Any = json.loads(beside("plugins", "--json").stdout)
    found = [each for each in value["plugins"] if each["distribution"] == name][-1]
    cause = TWELVE[name].cause
    if cause:
        assert found["status"] == "failed"
        assert cause in found["error"]
        reference = f"{name}:{found['entry_point']}"
        assert f"failed: {name} 0.3 ({found['entry_point']}): {cause}" in listed.stdout
        assert f"To leave it out, set {DISABLE}={reference}" in listed.stdout
    else:
        assert found["status"] == "ok"
    assert not list(tmp_path.rglob("imported"))


def test_beside_a_broken_plugin_a_process_of_its_own_works_too(
    plugin_site: Site, textgen_command: Command
) -> None:
    install(plugin_site, "prints-on-import")
    install(plugin_site, "exits-on-import")
    done = textgen_command("plugins", "--json", env={"PYTHONPATH": str(plugin_site.folder)})
    assert done.returncode == 0
    status = {each["distribution"]: each["status"] for each in json.loads(done.stdout)["plugins"]}
    assert status["prints-on-import"] == "ok"
    assert status["exits-on-import"] == "failed"
    assert "noise" in done.stderr
    assert "low noise" in done.stderr


@pytest.mark.parametrize("name", [name for name, broken in TWELVE.items() if broken.cause])
def test_a_broken_plugin_that_is_disabled_is_named_no_more(
    plugin_site: Site, beside: Command, small_corpus: Path, name: str
) -> None:
    install(plugin_site, name)
    planned = beside("run", str(small_corpus), "--dry-run", "--quiet")
    assert planned.returncode == 0
    assert f"Warning: The plugin {name} 0.3 (" in planned.stderr
    assert TWELVE[name].cause in planned.stderr
    quiet = beside("run", str(small_corpus), "--dry-run", "--quiet", **{DISABLE: name})
    assert quiet.returncode == 0
    assert "Warning" not in quiet.stderr


def test_a_plugin_that_takes_long_is_waited_for_and_named_with_its_time(
    plugin_site: Site, beside: Command
) -> None:
    install(plugin_site, "takes-long-to-import")
    started = time.monotonic()
    listed = beside("plugins", "--timings")
    assert time.monotonic() - started >= SLOW
    assert listed.returncode == 0
    assert "slow" in listed.stdout
    assert "The plugin takes-long-to-import 0.3 (main) took 0." in listed.stderr
    assert f"set {DISABLE}=takes-long-to-import:main" in listed.stderr
    timings = listed.stdout.partition("imports\n")[2].splitlines()
    (line,) = [each for each in timings if "takes-long-to-import 0.3" in each]
    assert float(line.split()[0]) >= SLOW


def test_a_component_that_exits_in_use_is_a_failure_with_its_name(
    plugin_site: Site, beside: Command, small_corpus: Path
) -> None:
    exiting = SOUND.replace(
        "    def transform",
        "    def __attrs_post_init__(self): raise SystemExit(0)\n    def transform",
    )
    plugin_site.add("exits-in-use", exiting, version="0.3")
    done = beside("run", str(small_corpus), "--sampler", "own:0.3", "--dry-run", "--quiet")
    assert done.returncode == 1
    assert "The sampler 'own' (exits-in-use 0.3) raised SystemExit: 0" in done.stderr


def test_what_a_component_prints_in_use_does_not_get_into_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def show(reference: str, as_json: Json = False) -> None:
        print("noise")
        print_json({"of": reference})

    app = typer.Typer()
    app.command("show")(show)
    app.command("other")(show)
    for _ in range(2):
        app(["show", "x", "--json"], standalone_mode=False)
        out, error = capsys.readouterr()
        assert (json.loads(out), error) == ({"of": "x"}, "noise\n")
    app(["show", "x"], standalone_mode=False)
    assert capsys.readouterr().out.startswith("noise\n")


@pytest.mark.parametrize("status", [None, 0, 7])
def test_whatever_ends_the_command_behind_its_back_is_an_error(
    status: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(*arguments: object, **options: object) -> None:
        sys.exit(status)

    monkeypatch.setattr(cli, "build_app", leave)
    monkeypatch.setattr(sys, "argv", ["textgen", "plugins"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    assert f"ended the command (status {status})" in capsys.readouterr().err


def test_beside_all_twelve_help_and_a_run_that_uses_none_work(
    plugin_site: Site, tmp_path: Path, small_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TWELVE:
        install(plugin_site, name)
    monkeypatch.setenv("PYTHONPATH", str(plugin_site.folder))
    run = ["run", str(small_corpus), *TINY]
    lines = [
        ["--help"],
        [*run, "--sampler", "greedy", "--out", "sound", "--json"],
        [*run, "--sampler", "raising", "--out", "raised"],
        ["generate", "raised", "--sampler", "greedy"],
        ["plugins", "why", "sampler/greedy"],
    ]
    helped, sound, raised, written, why = run_lines(lines, tmp_path)
    assert helped.returncode == 0
    assert sound.returncode == 0, sound.stderr
    assert json.loads(sound.stdout)["evaluation"]["loss"] > 0
    for name, broken in TWELVE.items():
        assert (f"The plugin {name} 0.3" in sound.stderr) == bool(
            broken.cause or name == "takes-long-to-import"
        )

    assert raised.returncode == 1
    assert "The sampler raising (raises-in-use 0.3) raised LookupError: lost" in raised.stderr
    assert "Traceback" not in raised.stderr
    assert written.returncode == 0, "its checkpoint is whole: " + written.stderr

    assert "means sampler/textgen-core/greedy: a bundled component keeps" in why.stdout
    assert "registers-a-bundled-name/greedy" in why.stdout
