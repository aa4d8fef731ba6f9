"""Plugin packages written against earlier versions work without a change: see `older_plugins/`."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
from cli.commands import TINY, run_lines
from installation import install_projects, run_module

FOLDER = Path(__file__).with_name("older_plugins")
PROJECTS = sorted(each.parent for each in FOLDER.glob("*/pyproject.toml"))

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("hatchling", "pip")),
    reason="building a wheel needs hatchling and pip",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a PYTHONPATH on which every older plugin is installed."""
    site = install_projects(tmp_path_factory.mktemp("site"), *PROJECTS)
    return os.pathsep.join([str(site), *sys.path])


def test_there_are_older_plugins_of_both_ways_to_take_options() -> None:
    assert {each.name for each in PROJECTS} >= {"textgen-mirostat", "textgen-epsilon"}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_the_tests_of_an_older_plugin_pass(path: str, project: Path) -> None:
    said = run_module(
        *("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", project, project / "tests"),
        *("-c", project / "pyproject.toml"),
        PYTHONPATH=path,
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert "failed" not in said
    assert "skipped" not in said


def test_older_plugins_are_listed_trained_with_measured_and_written_with(
    path: str, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", path)
    out = tmp_path / "run"
    parts = ("--sampler", "epsilon:0.02", "--sampler", "mirostat:2.5", "--metric", "surprise")
    parts += ("--tracker", "figure-table:separator=tab")
    listed, run, written = run_lines(
        [
            ("plugins",),
            ("run", small_corpus, "--out", out, "--quiet", *TINY, *parts),
            ("generate", out, "--json", "--sampler", "epsilon:0.1", "--max-new-tokens", "5"),
        ],
        tmp_path,
    )
    assert "textgen-epsilon" in listed.stdout
    assert "textgen-mirostat" in listed.stdout
    assert "failed" not in listed.stdout

    assert run.returncode == 0, run.stderr
    evaluation = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert set(evaluation["metrics"]["surprise"]) == {"bits", "bits_held_out", "deviation"}
    assert (out / "figures.csv").read_text(encoding="utf-8").startswith("step\tfigure\tvalue\n")
    samples = (out / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(samples[-1])["samplers"] == ["epsilon:least=0.02", "mirostat:target=2.5"]

    assert written.returncode == 0, written.stderr
    value = json.loads(written.stdout)
    assert value["samplers"] == ["epsilon:least=0.1"]
    assert len(value["samples"][0]["token_ids"]) == 5
