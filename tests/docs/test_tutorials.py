"""The tutorials: each plugin is written, installed, tested and chosen just as its page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from cli.in_process import run_here
from pages import DOCS, captioned

from textgen_core.testing import checks_for

Command = Callable[..., subprocess.CompletedProcess[str]]


@attrs.frozen
class Tutorial:
    """A page, the component that it makes, how it is chosen, and how it is refused."""

    page: str
    kind: str
    name: str
    own_tests: int
    chosen: str
    shown: str
    refused: str

    @property
    def path(self) -> Path:
        return DOCS / "guides" / self.page


TUTORIALS = (
    Tutorial(
        *("write-a-plugin.md", "sampler", "epsilon", 4),
        *("epsilon:0.05", "least = 0.05", "epsilon:2"),
    ),
    Tutorial(
        *("write-a-tokenizer.md", "tokenizer", "wordpiece", 4),
        *("wordpiece:800", "vocabulary_size = 800", "wordpiece:0"),
    ),
    Tutorial(
        *("write-a-model.md", "model", "gru", 2),
        *("gru:units=128", "units = 128", "gru:dropout=1"),
    ),
    Tutorial(
        *("write-a-metric.md", "metric", "spelling", 4),
        *("spelling:least_letters=3", "least_letters = 3", "spelling:0"),
    ),
)


@pytest.fixture(params=TUTORIALS, ids=lambda tutorial: tutorial.name)
def tutorial(request: pytest.FixtureRequest) -> Tutorial:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the plugins of all pages as an installer would leave them."""
    folder = tmp_path_factory.mktemp("site-packages")
    for tutorial in TUTORIALS:
        blocks = captioned(tutorial.path)
        table = tomllib.loads(blocks.pop("pyproject.toml"))
        write_metadata(folder, table["project"])
        modules = table["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]
        assert {*modules, f"test_{tutorial.name}.py"} == set(blocks), "every file is in the wheel"
        for name, text in blocks.items():
            assert not (folder / name).exists()
            (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def textgen(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs `textgen` where the plugins are installed."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: run_here(monkeypatch, capsys, *map(str, arguments))


def write_metadata(folder: Path, project: dict[str, Any]) -> None:
    """Write the `.dist-info` of a project."""
    name, version = project["name"], project["version"]
    written = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    written.mkdir(parents=True)
    needed = "".join(f"Requires-Dist: {each}\n" for each in project["dependencies"])
    (written / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}"
    )
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (written / "entry_points.txt").write_text("".join(points))


def test_the_plugin_is_listed_with_its_distribution_and_shown(
    tutorial: Tutorial, textgen: Command
) -> None:
    listed = textgen("plugins", "list", "--kind", tutorial.kind)
    line = rf"{tutorial.name} +textgen-{tutorial.name} +0\.1\.0"
    assert re.search(line, listed.stdout), listed.stdout + listed.stderr
    reference = f"{tutorial.kind}/textgen-{tutorial.name}/{tutorial.name}"
    shown = textgen("plugins", "show", reference)
    assert shown.returncode == 0, shown.stderr
    if "prints:" in tutorial.path.read_text(encoding="utf-8"):
        assert shown.stdout.strip() in tutorial.path.read_text(encoding="utf-8")


def test_a_run_takes_the_plugin_and_its_options_and_refuses_what_is_out_of_bounds(
    tutorial: Tutorial, textgen: Command, small_corpus: Path
) -> None:
    def plan(spec: str) -> subprocess.CompletedProcess[str]:
        wanted = f"textgen-{tutorial.name}/{spec}"
        return textgen("run", small_corpus, f"--{tutorial.kind}", wanted, "--dry-run", "--quiet")

    chosen = plan(tutorial.chosen)
    assert tutorial.shown in chosen.stdout, chosen.stderr
    refused = plan(tutorial.refused)
    assert refused.returncode == 2
    assert "Allowed" in refused.stderr


def test_the_tests_of_every_page_pass(site: Path) -> None:
    files = {f"test_{tutorial.name}.py": tutorial for tutorial in TUTORIALS}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *files],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site)},  # as a plugin that is installed
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = Counter(re.findall(r"^(\S+)::\S+ PASSED", done.stdout, re.MULTILINE))
    assert passed == {
        file: tutorial.own_tests + len(checks_for(tutorial.kind))
        for file, tutorial in files.items()
    }


def test_the_page_names_every_step_from_an_empty_folder_on(tutorial: Tutorial) -> None:
    text = tutorial.path.read_text(encoding="utf-8")
    steps = ("pip install textgen-core pytest", "pip install -e .\n", "\npytest\n", "textgen run")
    positions = [text.index(step) for step in steps]
    assert positions == sorted(positions)
