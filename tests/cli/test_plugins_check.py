"""`textgen plugins check`: the kit held against what is installed, sound or not."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from cli.commands import run_lines
from fake_plugins import Site, sampler_source

from textgen_core.testing import checks_for

FLOOR = sampler_source("floor").replace(
    "return logits",
    "import tensorflow as tf; return tf.maximum(logits, -1e9)",
)

METRIC = dedent(
    """
    import attrs
    from textgen_core import Metric, hookimpl

    @attrs.frozen
    class Colourful(Metric):
        '''Says why it cannot measure, in red.'''
        figures = {}

        def measure(self, evidence):
            raise ValueError("\\x1b[31mred\\x07")

    @hookimpl
    def textgen_metrics():
        return {"colourful": Colourful}
    """
)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory):
    """Return what `check` says of a sound sampler, of a broken one, of none, and of a metric."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.add("textgen-floor", FLOOR, version="0.3")
    site.add("textgen-colourful", METRIC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site.folder))
        references = ["sampler/greedy", "sampler/floor", "sampler/flor"]
        lines = [["plugins", "check", each] for each in references]
        lines.append(["plugins", "check", "sampler/floor", "--json"])
        lines.append(["plugins", "check", "metric/colourful"])
        return run_lines(lines, tmp_path_factory.mktemp("work"))


def test_check_tells_each_check_and_how_many_hold(checked) -> None:
    sound, broken, unknown, as_json, _ = checked
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


def test_what_a_component_says_of_its_fault_does_not_colour_the_terminal(checked) -> None:
    *_, colourful = checked
    assert colourful.returncode == 1
    assert "red\N{REPLACEMENT CHARACTER}" in colourful.stdout
    assert "\x1b" not in colourful.stdout
