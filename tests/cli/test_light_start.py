"""What starts at once: help, lists, mistakes and completion load none of the heavy packages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import textgen_core

HEAVY = {"tensorflow", "keras", "tokenizers", "numpy", "starlette", "uvicorn"}
ROOT = Path(textgen_core.__file__).parent.parent
PLUGINS = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
COMPLETION = {
    "_TEXTGEN_COMPLETE": "complete_bash",
    "COMP_WORDS": "textgen run --mo",
    "COMP_CWORD": "2",
}


def imported_by(
    *arguments: str, code: int = 0, environment: Mapping[str, str] | None = None
) -> set[str]:
    """Return the modules that the command imported, as the interpreter itself reports them."""
    inherited = {key: text for key, text in os.environ.items() if not key.startswith("TEXTGEN_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "textgen_core", *arguments],
        env={**inherited, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr[-2000:]
    modules = re.findall(r"^import time:.*\|\s*(\S+)$", done.stderr, flags=re.MULTILINE)
    assert "textgen_core.cli" in modules
    return {*modules, *(module.partition(".")[0] for module in modules)}


HELPS = [
    ["--help"],
    ["run", "--help"],
    ["plugins", "--help"],
    ["explore", "--help"],
    ["serve", "--help"],
    ["export", "--help"],
    ["compare", "--help"],
    ["plan", "--help"],
    ["tune", "--help"],
    ["--version"],
    ["recipes"],
]
LISTS = [
    ["plugins"],
    ["plugins", "list", "--json"],
    ["plugins", "show", "sampler/nucleus"],
    ["plugins", "show", "model/transformer", "--json"],
    ["export", "--list"],
]
MISTAKES = [
    ["run", "--model", "lstn"],
    ["tune", "--for", "60"],
    ["run", "--sampler", "nucleus:p=1.5"],
    ["run", "--set", "training.epoch=3"],
    ["run", "--epochs", "0"],
    ["run", "--recipe", "clasic"],
    ["run", "--nothing"],
    ["plugins", "show", "sampler/nothing"],
    ["plugins", "new", "nucleus", "--kind", "sampler"],
    ["explore", "neighbors", "king"],
    ["explore", "temperature", "the", "--temperatures", "0"],
    ["explore", "attention", "the", "--out", "picture.png"],
    ["export", "--to", "htlm"],
    ["compare", "fast"],
    ["compare", "fast", "fst"],
    ["rum"],
]
RUN_LINES = """
import json, sys
from textgen_core.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["textgen", *arguments]
    try:
        main()
    except SystemExit as ended:
        modules = sorted({name.partition(".")[0] for name in sys.modules})
        print(json.dumps([ended.code, modules]), file=sys.__stderr__)
"""


def imported_after(lines: list[list[str]]) -> list[tuple[int, set[str]]]:
    """Return for each command line its exit code, and what is imported once it has run.

    All run in one fresh process, so the first that imports something is the one to look at.
    """
    done = subprocess.run(
        [sys.executable, "-c", RUN_LINES, json.dumps(lines)],
        env={key: text for key, text in os.environ.items() if not key.startswith("TEXTGEN_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[")]
    assert len(found) == len(lines), done.stderr
    return [(code, set(modules)) for code, modules in found]


def test_help_imports_no_plugin_and_nothing_heavy() -> None:
    for line, (code, imported) in zip(HELPS, imported_after(HELPS), strict=True):
        assert code == 0, line
        assert not imported & (HEAVY | PLUGINS), line


def test_lists_of_components_import_the_plugins_and_nothing_heavy() -> None:
    for line, (code, imported) in zip(LISTS, imported_after(LISTS), strict=True):
        assert code == 0, line
        assert not imported & HEAVY, line
        assert imported >= PLUGINS, line


def test_a_mistake_is_told_before_anything_heavy_is_imported() -> None:
    for line, (code, imported) in zip(MISTAKES, imported_after(MISTAKES), strict=True):
        assert code == 2, line
        assert not imported & HEAVY, line


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["plugins"], 0), (["run", "--model", "lstn"], 2)]
)
def test_the_interpreter_itself_reports_nothing_heavy(arguments: list[str], code: int) -> None:
    assert not imported_by(*arguments, code=code) & HEAVY


def test_completion_imports_no_plugin_and_nothing_heavy() -> None:
    assert not imported_by(environment=COMPLETION) & (HEAVY | PLUGINS)


def test_completion_completes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "textgen_core"],
        env={**os.environ, **COMPLETION},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "--model" in done.stdout.split()


def test_what_is_heavy_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import numpy\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert "numpy" in imported_by("--help", environment={"PYTHONPATH": path})


def test_help_does_not_look_for_plugins():
    assert not imported_by("--help") & {"textgen_core.registry", "importlib.metadata"}


NOT_TO_WRITE = {"tensorflow", "keras", "h5py", "scipy", "rich", "jinja2", "pydantic", "safetensors"}
OPENING = """
import json, sys
import textgen_core as textgen
from textgen_core.data.tokenizer import tokenizer_of
from textgen_core.runs.directory import RunDirectory
run = textgen.open_run(sys.argv[1])
assert run.samplers() and run.step
assert tokenizer_of(RunDirectory(run.directory)).get_vocab_size()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_run_is_opened_without_tensorflow(trained: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPENING, str(trained / "finished")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = set(json.loads(done.stdout))
    assert "tokenizers" in imported
    assert not imported & NOT_TO_WRITE


def test_a_text_is_written_without_tensorflow(trained: Path) -> None:
    environment = {"TEXTGEN_CACHE": str(trained / "cache")}
    line = ["generate", str(trained / "finished"), "--max-new-tokens", "1"]
    assert not imported_by(*line, environment=environment) & NOT_TO_WRITE


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells")
def test_numpy_starts_no_threads_unless_the_environment_says_how_many() -> None:
    code = """
import os
from textgen_core.cli.startup import import_numpy
before = dict(os.environ)
import_numpy()
assert dict(os.environ) == before
import numpy
print(len(os.listdir("/proc/self/task")))
"""
    for given, expected in ((None, "1"), ("2", str(min(2, os.cpu_count() or 1)))):
        environment = {key: text for key, text in os.environ.items() if "_NUM_THREADS" not in key}
        environment |= {"OPENBLAS_NUM_THREADS": given} if given else {}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == expected
