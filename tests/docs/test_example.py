"""The example package of the documentation: built, installed, held to its own tests, and used.

Its wheel goes into a folder of its own, as an installer leaves it; discovery reads a folder on the
path as it reads any other. What is built is a copy, so that nothing is written into the source.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from installation import install_projects, run_module

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "textgen-mirostat"

pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("build", "hatchling", "pip")),
        reason="building a wheel needs build, hatchling and pip",
    ),
]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the built and installed package, and nothing else."""
    return install_projects(tmp_path_factory.mktemp("site"), EXAMPLE)


def test_the_example_says_which_textgen_it_is_made_for() -> None:
    from packaging.requirements import Requirement

    table = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (needed,) = (Requirement(each) for each in table["dependencies"] if "textgen-core" in each)
    assert needed.specifier.contains(version("textgen-core"))
    assert not needed.specifier.contains("0.0.1")


def test_the_examples_own_tests_pass_on_what_is_installed(site: Path) -> None:
    said = run_module(
        *("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", EXAMPLE, EXAMPLE / "tests"),
        *("-c", EXAMPLE / "pyproject.toml"),
        PYTHONPATH=os.pathsep.join([str(site), *sys.path]),
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert "failed" not in said
    assert "skipped" not in said


def test_the_example_is_used_by_a_run(
    site: Path, textgen_command: Command, small_corpus: Path, tmp_path: Path
) -> None:
    done = textgen_command(
        *("run", small_corpus, "--out", tmp_path / "run", "--epochs", "1", "--quiet"),
        *("--tokenizer", "character", "--model", "lstm:units=16,layers=1"),
        *("--sampler", "mirostat:2.5", "--metric", "surprise"),
        *("--set", "evaluation.prompts=4", "--set", "generation.samples=1"),
        env={"PYTHONPATH": os.pathsep.join([str(site), *sys.path])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    figures = evaluation["metrics"]["surprise"]
    assert set(figures) == {"bits", "bits_held_out", "deviation"}
    assert figures["bits"] > 0
    samples = (tmp_path / "run" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(samples[-1])["samplers"] == ["mirostat:target=2.5"]
