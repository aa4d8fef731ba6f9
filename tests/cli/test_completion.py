"""What Tab offers: names of components, their options and values, runs, recipes and settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from fake_plugins import Site, sampler_source

from textgen_core.cli.completing import (
    BEFORE,
    complete_kind,
    complete_recipe,
    complete_reference,
    complete_run,
    complete_run_or_recipe,
    complete_setting,
    complete_spec,
    rejoin_words,
)

SAMPLERS = complete_spec("sampler")


def offered(offers: list[tuple[str, str]]) -> list[str]:
    return [text for text, _ in offers]


def test_a_name_is_offered_with_its_summary() -> None:
    assert ("greedy", "Keep only the most probable token.") in SAMPLERS("")
    assert offered(complete_spec("tokenizer")("")) == ["character", "word", "bpe"]


def test_the_names_of_a_stranger_are_offered_too(plugin_site: Site) -> None:
    plugin_site.add("textgen-example", sampler_source("own"))
    assert offered(SAMPLERS("ow")) == ["own", "own:p="]
    assert ("own:p=", "a share; default 0.5") in SAMPLERS("own:")


def test_two_strangers_of_one_name_are_offered_with_their_distributions(plugin_site: Site) -> None:
    for distribution in ("textgen-one", "textgen-two"):
        plugin_site.add(distribution, sampler_source("own"))
    assert offered(SAMPLERS("textgen-")) == ["textgen-one/own", "textgen-two/own"]


def test_a_name_alone_is_offered_beside_its_options_so_that_no_space_follows() -> None:
    assert offered(SAMPLERS("nucl")) == ["nucleus", "nucleus:p="]
    assert offered(SAMPLERS("gree")) == ["greedy"]


def test_options_that_were_given_are_not_offered_again() -> None:
    found = offered(complete_spec("model")("lstm:layers=2,"))
    assert "lstm:layers=2,units=" in found
    assert not any(each.endswith(",layers=") for each in found)


def test_values_are_offered_where_an_option_lists_them_and_else_its_default() -> None:
    assert offered(complete_setting("training.optimizer=")) == [
        f"training.optimizer={each}" for each in ("adam", "adamw", "sgd", "muon")
    ]
    assert offered(SAMPLERS("nucleus:p=")) == ["nucleus:p=0.9"]
    assert "lstm:tie=true" in offered(complete_spec("model")("lstm:tie="))


def test_an_option_that_is_clear_comes_with_its_values_so_that_no_space_follows() -> None:
    assert offered(complete_setting("data.batch")) == [
        "data.batching=",
        "data.batching=windows",
        "data.batching=stream",
    ]


def test_what_nothing_begins_with_offers_nothing() -> None:
    for complete in (SAMPLERS, complete_reference, complete_setting, complete_kind):
        assert complete("zzz") == []
    assert SAMPLERS("zzz:") == []


def test_references_kinds_recipes_and_runs_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complete_run("") == []
    for name in ("2026-01-01-lstm", "2026-01-02-lstm"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.toml").touch()
    (tmp_path / "runs" / "no-run").mkdir()
    assert sorted(offered(complete_run("2026"))) == ["2026-01-01-lstm", "2026-01-02-lstm"]
    assert "sampler/nucleus" in offered(complete_reference("sampler/n"))
    assert offered(complete_kind("m")) == ["model", "metric"]
    assert "classic" in offered(complete_recipe(""))
    assert sorted(offered(complete_run_or_recipe(""))) == sorted(
        ["2026-01-01-lstm", "2026-01-02-lstm", *offered(complete_recipe(""))]
    )


def test_a_run_is_offered_wherever_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textgen_core.cli import build_app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "run.toml").touch()
    commands = typer.main.get_command(build_app(("run", "runs"))).commands  # type: ignore[attr-defined]
    (begins_with,) = [each for each in commands["run"].params if each.name == "from_run"]
    named = [commands["runs"].commands[each].params[0] for each in ("show", "remove", "pack")]
    for parameter in (begins_with, *named):
        assert [each.value for each in parameter.shell_complete(None, "m")] == ["mine"]


def test_where_a_run_may_be_left_out_the_commands_are_offered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textgen_core.cli.explore import app

    monkeypatch.chdir(tmp_path)  # where there are no runs
    commands = [each.name for each in app.registered_commands]
    (run,) = typer.main.get_command(app).params[:1]
    offers = run.shell_complete(None, "")  # type: ignore[arg-type]
    assert [each.value for each in offers] == commands


def test_a_plugin_that_fails_or_prints_disturbs_no_completion(
    plugin_site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin_site.add("textgen-broken", "raise ImportError('no')")
    loud = "import os; print('noise'); os.write(2, b'low noise')\n" + sampler_source("own")
    plugin_site.add("textgen-loud", loud)
    assert offered(SAMPLERS("ow")) == ["own", "own:p="]
    assert capfd.readouterr() == ("", "")


def test_a_completion_that_cannot_be_made_is_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("no registry")

    monkeypatch.setattr("textgen_core.registry.discover", fail)
    assert SAMPLERS("") == []


# ---- bash ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words", "before"),
    [
        (["textgen", "run", "--model", "ls"], "textgen run --model ls", ""),
        (["textgen", "run", "--model", "lstm", ":"], "textgen run --model ''", "lstm:"),
        (["textgen", "run", "--model", "lstm", ":", "u"], "textgen run --model u", "lstm:"),
        (
            ["textgen", "run", "--model", "lstm", ":", "units", "=", "5"],
            "textgen run --model 5",
            "lstm:units=",
        ),
        (["textgen", "run", "--model", "=", "ls"], "textgen run --model ls", ""),
        (
            ["textgen", "run", "--sampler", "top-k", ":", "3", "--model", "ls"],
            "textgen run --sampler top-k:3 --model ls",
            "",
        ),
    ],
)
def test_the_words_that_bash_cuts_are_put_together_again(
    line: list[str], words: str, before: str
) -> None:
    environment = {
        "_TEXTGEN_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    rejoin_words(environment)
    assert environment["COMP_WORDS"] == words
    assert environment["COMP_CWORD"] == str(len(words.split()) - 1)
    assert environment[BEFORE] == before


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"_TEXTGEN_COMPLETE": "complete_zsh", "COMP_WORDS": "a : b", "COMP_CWORD": "2"},
        {"_TEXTGEN_COMPLETE": "complete_bash"},
        {"_TEXTGEN_COMPLETE": "complete_bash", "COMP_WORDS": "it's", "COMP_CWORD": "0"},
        {"_TEXTGEN_COMPLETE": "complete_bash", "COMP_WORDS": "a", "COMP_CWORD": "none"},
        {"_TEXTGEN_COMPLETE": "complete_bash", "COMP_WORDS": "a", "COMP_CWORD": "-1"},
    ],
)
def test_what_is_not_asked_by_bash_is_left_as_it_is(environment: dict[str, str]) -> None:
    before = dict(environment)
    rejoin_words(environment)
    assert environment == before


BASH = """
eval "$(textgen --show-completion bash)"
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _textgen_completion textgen
    (IFS=,; echo "${COMPREPLY[*]}")
}
ask textgen run --sampler nucl
ask textgen run --sampler nucleus : p =
ask textgen plugins show sampler/nuc
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_itself_is_offered_specs(tmp_path: Path) -> None:
    command = tmp_path / "textgen"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m textgen_core "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["nucleus,nucleus:p=", "0.9", "sampler/nucleus"]
