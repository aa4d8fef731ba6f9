"""`textgen plugins check`: the kit held against what is installed, sound or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.commands import run_lines
from fake_plugins import Site, sampler_source

from textgen_core.testing import ConformanceFault, Result, checks_for

FLOOR = sampler_source("floor").replace(
    "return logits",
    "import tensorflow as tf; return tf.maximum(logits, -1e9)",
)


@pytest.fixture
def checked(plugin_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what `check` says of a bundled sampler, of a broken one, and of one that is none."""
    plugin_site.add("textgen-floor", FLOOR, version="0.3")
    monkeypatch.setenv("PYTHONPATH", str(plugin_site.folder))
    references = ["sampler/greedy", "sampler/floor", "sampler/flor"]
    lines = [["plugins", "check", each] for each in references]
    return run_lines([*lines, ["plugins", "check", "sampler/floor", "--json"]], tmp_path)


def test_check_tells_each_check_and_how_many_hold(checked) -> None:
    sound, broken, unknown, as_json = checked
    count = len(checks_for("sampler"))
    assert sound.returncode == 0, sound.stderr
    lines = sound.stdout.splitlines()
    assert sum(line.startswith("holds  ") for line in lines) == count
    assert lines[-1] == f"sampler/textgen-core/greedy: {count} checks, {count} hold"

    assert broken.returncode == 1
    assert "fails  sampler.never-revives-excluded: What came in as" in broken.stdout
    assert "         The excluded token 0 got the logit -1e+09 in " in broken.stdout
    assert broken.stdout.splitlines()[-1].startswith(f"sampler/textgen-floor/floor: {count} checks")
    assert "fail" in broken.stdout.splitlines()[-1]

    assert unknown.returncode == 2
    assert "Did you mean 'floor'?" in unknown.stderr

    assert as_json.returncode == 1
    value = json.loads(as_json.stdout)
    faults = {each["id"]: each["fault"] for each in value["checks"]}
    assert value["distribution"] == "textgen-floor"
    assert len(faults) == count
    assert faults["component.registers"] is None
    assert "The excluded token 0" in faults["sampler.never-revives-excluded"]


def test_what_a_component_says_of_its_fault_does_not_colour_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from textgen_core.cli.plugins_check import show_result

    fault = ConformanceFault("It raised \x1b[31mred\x07")
    show_result(Result(check=checks_for("sampler")[0], fault=fault))
    assert (
        capsys.readouterr().out.splitlines()[-1].strip() == "It raised red\N{REPLACEMENT CHARACTER}"
    )
