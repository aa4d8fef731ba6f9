"""What `textgen plugins new` writes, as its author and its users have it: five kinds in one place.

The command, the core and the five plugins are installed from wheels into one environment; each is
held to its own CI script, and one run uses them all.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from installation import BRIEFLY, OFFLINE, Installation, install

from textgen_core.registry.registry import KINDS
from textgen_core.testing import checks_for

pytestmark = [
    pytest.mark.skipif(
        any(
            importlib.util.find_spec(name) is None
            for name in ("build", "hatchling", "pip", "ruff", "mypy")
        ),
        reason="building and checking a plugin needs build, hatchling, pip, ruff and mypy",
    ),
]

# Names with a hyphen and a digit among them.
NAMES = {
    "tokenizer": "digrams",
    "model": "gru-1",
    "sampler": "epsilon",
    "metric": "readability",
    "tracker": "figure-table",
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installation:
    """Return an installation of the core's wheel, and then of the plugins that it wrote."""
    return install(tmp_path_factory.mktemp("plugins") / "venv", wheel)


@pytest.fixture(scope="module")
def plugins(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return the folder of each kind's plugin: written, built, and installed on its own."""
    home = tmp_path_factory.mktemp("home")
    folders = {kind: home / f"textgen-{name}" for kind, name in NAMES.items()}
    for kind, folder in folders.items():
        done = installation.textgen("plugins", "new", NAMES[kind], "--kind", kind, "--out", folder)
        assert done.returncode == 0, done.stderr
    wheels = home / "wheels"
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = installation.run(
        [*command, "--wheel-dir", wheels, *folders.values()], home, environment=OFFLINE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(wheels.iterdir())) == len(KINDS)
    installation.pip("install", "--no-deps", *sorted(wheels.iterdir()))
    return folders


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which mypy keeps what it found out about the core."""
    return tmp_path_factory.mktemp("types")


def run_ci(
    installation: Installation, folder: Path, types: Path
) -> subprocess.CompletedProcess[str]:
    """Run a plugin's CI script in the environment that there is, without the network."""
    environment = {
        **OFFLINE,
        "PYTHON": str(installation.python),
        "PYTEST_ADDOPTS": "-v",
        "MYPY_CACHE_DIR": str(types),
        "PIP_NO_BUILD_ISOLATION": "0",  # in pip's spelling: build with the hatchling that is here
    }
    return installation.run(["bash", "ci.sh"], folder, environment)


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_lint_and_types_pass_as_written(
    installation: Installation, plugins: dict[str, Path], types: Path, kind: str
) -> None:
    done = run_ci(installation, plugins[kind], types)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.findall(r"::(\S+) PASSED", done.stdout)
    checks = {f"test_contract[{check.id}]" for check in checks_for(kind)}
    assert checks < set(passed), "the kit's checks, and tests of its own"
    assert f"{len(passed)} passed in" in done.stdout  # and none was skipped, or failed as expected
    assert "All checks passed!" in done.stdout
    assert "files already formatted" in done.stdout
    assert "Success: no issues found in 3 source files" in done.stdout
    assert [path.suffix for path in (plugins[kind] / "dist").iterdir()] == [".whl"]


def test_a_component_that_breaks_its_contract_fails_its_own_script(
    installation: Installation, plugins: dict[str, Path], types: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    done = installation.textgen("plugins", "new", "bad", "--kind", "metric", "--out", folder)
    assert done.returncode == 0, done.stderr
    source = folder / "src" / "textgen_bad" / "bad.py"
    text = source.read_text(encoding="utf-8")
    assert "return math.nan" in text
    source.write_text(text.replace("return math.nan", "return -1.0"), encoding="utf-8")
    test = folder / "tests" / "test_bad.py"
    given = test.read_text(encoding="utf-8").replace(
        'conformance("textgen-bad:metric/bad")', "conformance(BadMetric)"
    )
    given = given.replace("import measure_lix", "import BadMetric, measure_lix")
    test.write_text(given, encoding="utf-8")
    environment = {"PYTHON": str(installation.python), "PYTHONPATH": str(folder / "src")}
    done = installation.run(["bash", "ci.sh"], folder, environment)
    assert done.returncode == 1
    assert "test_contract[metric.empty-input]" in done.stdout
    assert "ruff" not in done.stderr  # it stops where something fails


@pytest.fixture(scope="module")
def run(
    installation: Installation,
    plugins: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a run with all five, each with the option that its README shows."""
    folder = tmp_path_factory.mktemp("run")
    corpus = folder / "corpus.txt"
    nouns = ("miller", "river", "ferry", "garden", "lantern", "winter", "keeper", "orchard")
    lines = [f"The {a} goes to the {b}, and the {b} waits.\n" for a in nouns for b in nouns]
    corpus.write_text("".join(lines), encoding="utf-8")
    shown = []
    for kind, plugin in plugins.items():
        readme = (plugin / "README.md").read_text(encoding="utf-8")
        shown += re.findall(rf"textgen run (--{kind}) ({NAMES[kind]}:\S+)", readme)
    assert len(shown) == len(KINDS)
    done = installation.textgen(
        *("run", corpus, "--out", folder / "out", "--epochs", "1", "--quiet"),
        *(word for flag_and_spec in shown for word in flag_and_spec),
        *BRIEFLY,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "goes on without it" not in done.stderr  # as it would without a tracker that raised
    return folder / "out"


def test_a_run_with_all_five_names_each_with_its_version(run: Path) -> None:
    components = json.loads((run / "manifest.json").read_text())["components"]
    provided = {
        (each["kind"], each["name"]): (each["distribution"], each["version"]) for each in components
    }
    for kind, name in NAMES.items():
        assert provided[kind, name] == (f"textgen-{name}", "0.1.0")
    assert provided["metric", "bleu"] == ("textgen-core", version("textgen-core"))


def test_a_run_with_all_five_was_measured_and_tracked(run: Path) -> None:
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["metrics"]["readability"]["lix_held_out"] > 0
    with (run / "figures.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter="\t")
    assert head == ["step", "figure", "value"]
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    logged = [json.loads(line) for line in lines]
    told = {(str(row["step"]), name) for row in logged for name in row if name != "step"}
    assert {(step, figure) for step, figure, _ in rows} == told
