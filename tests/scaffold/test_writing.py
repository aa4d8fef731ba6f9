"""The files of a new plugin: what they hold, and that all of them are written or none."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import textgen_core
from textgen_core.errors import UsageError
from textgen_core.registry.registry import KINDS
from textgen_core.scaffold import name_plugin, write_plugin
from textgen_core.scaffold.names import LONGEST
from textgen_core.scaffold.writing import core_requirement, render_files

FILES = {
    "pyproject.toml",
    "README.md",
    "ci.sh",
    ".gitignore",
    "src/textgen_my_own/__init__.py",
    "src/textgen_my_own/my_own.py",
    "src/textgen_my_own/py.typed",
    "tests/test_my_own.py",
}


def files_in(folder: Path) -> set[str]:
    """Return every file under a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# ---- what is written ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_same_files(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "textgen-my-own"
    written = write_plugin("my-own", kind, folder)
    assert files_in(folder) == FILES
    assert set(written) == {folder / name for name in FILES}
    assert [path.name for path in tmp_path.iterdir()] == ["textgen-my-own"]


def test_without_a_folder_it_is_the_distributions_name_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_plugin("my-own", "metric")
    assert files_in(tmp_path / "textgen-my-own") == FILES


@pytest.mark.parametrize("kind", KINDS)
def test_the_project_names_the_entry_point_and_what_it_needs(kind: str) -> None:
    files = render_files(name_plugin("my-own", kind), "0.7.2")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "textgen-my-own"
    assert project["dependencies"] == ["textgen-core>=0.7"]
    assert project["entry-points"]["textgen"] == {"my-own": "textgen_my_own"}
    hook = ast.parse(files["src/textgen_my_own/__init__.py"]).body[-1]
    assert isinstance(hook, ast.FunctionDef)
    assert hook.name == f"textgen_{kind}s"
    assert f'conformance("textgen-my-own:{kind}/my-own")' in files["tests/test_my_own.py"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_has_one_option_with_a_help(kind: str) -> None:
    files = render_files(name_plugin("my-own", kind), "0.1.0")
    tree = ast.parse(files["src/textgen_my_own/my_own.py"])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    options = [call for call in calls if ast.unparse(call.func) == "option"]
    assert len(options) == 1
    assert "help" in {keyword.arg for keyword in options[0].keywords}


@pytest.mark.parametrize("kind", KINDS)
def test_no_file_holds_what_only_a_template_means(kind: str) -> None:
    for path, text in render_files(name_plugin("my-own", kind), "0.1.0").items():
        assert "jinja" not in text, path
        assert "{{" not in text, path
        assert "{%" not in text, path
        assert not text or text.endswith("\n"), path
        assert not text.endswith("\n\n"), path


def test_every_template_is_used() -> None:
    folder = Path(textgen_core.__file__).parent / "scaffold" / "templates"
    every = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    shared = {"pyproject.toml", "README.md", "ci.sh", "gitignore", "package.py"}
    own = {f"{place}/{kind}.py" for kind in KINDS for place in ("components", "tests")}
    assert every == {f"{name}.jinja" for name in shared | own}


@pytest.mark.parametrize("name", ["x", "x" * LONGEST, "-".join("x" * ((LONGEST + 1) // 2))])
@pytest.mark.parametrize("kind", KINDS)
def test_the_shortest_and_the_longest_names_leave_nothing_to_format(
    tmp_path: Path, kind: str, name: str
) -> None:
    pytest.importorskip("ruff")
    write_plugin(name, kind, tmp_path / "plugin")
    for arguments in (["check", "."], ["format", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--no-cache"],
            cwd=tmp_path / "plugin",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("running", "requirement"),
    [
        ("0.1.0", "textgen-core>=0.1"),
        ("0.9.12", "textgen-core>=0.9"),
        ("1.4", "textgen-core>=1.4"),
        ("0.2.1.post1", "textgen-core>=0.2"),
        ("0.2.0+local.7", "textgen-core>=0.2"),
        ("0.2.0.dev3", "textgen-core>=0.2.0.dev3"),
        ("0.2.0rc1", "textgen-core>=0.2.0rc1"),
        ("0.2.0rc1+local", "textgen-core>=0.2.0rc1"),
    ],
)
def test_a_plugin_asks_for_the_running_minor_version_or_a_later_one(
    running: str, requirement: str
) -> None:
    assert core_requirement(running) == requirement


# ---- where --------------------------------------------------------------------------------------


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    before = folder.stat().st_ino
    write_plugin("my-own", "metric", folder)
    assert folder.stat().st_ino == before
    assert files_in(folder) == FILES
    assert {path.name for path in folder.iterdir()} == {name.partition("/")[0] for name in FILES}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("full", "it is not empty (it holds mine.txt)"),
        ("full/mine.txt", "it is there, and is no folder"),
        ("dangling", "it is there, and is no folder"),
        ("missing/plugin", "there is no folder"),
        ("full/mine.txt/plugin", "there is no folder"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_will_not_do_is_refused_and_left_as_it_was(
    tmp_path: Path, place: str, problem: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError) as refused:
        write_plugin("my-own", "metric", tmp_path / place)
    assert problem in refused.value.problem
    assert len(str(refused.value).splitlines()) <= 3
    assert files_in(tmp_path) == {"full/mine.txt"}


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("call", ["write_text", "rename"])
def test_a_disk_that_fails_midway_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, is_there: bool
) -> None:
    folder = tmp_path / "plugin"
    if is_there:
        folder.mkdir()
    original, left = getattr(Path, call), [2 if is_there or call == "write_text" else 0]

    def failing(path: Path, *arguments: object, **options: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return original(path, *arguments, **options)

    monkeypatch.setattr(Path, call, failing)
    with pytest.raises(UsageError, match="No space left on device"):
        write_plugin("my-own", "metric", folder)
    assert left[0] == -1
    assert list(tmp_path.rglob("*")) == ([folder] if is_there else [])


# ---- the script ---------------------------------------------------------------------------------

RECORDER = """#!/usr/bin/env bash
echo "$*" >> calls
[[ "$*" != *"$FAILING"* ]]
"""

CHECKS = [
    "-m pytest",
    "-m ruff check .",
    "-m ruff format --check .",
    "-m mypy",
    "-m pip wheel --quiet --no-deps --wheel-dir dist .",
]
INSTALLS = "-m pip install --quiet --editable .[tests,lint]"


def calls_of_ci(
    folder: Path, failing: str = "nothing at all", **environment: str
) -> tuple[int, list[str]]:
    """Run a plugin's CI script from elsewhere; return its exit code and how it called Python."""
    inherited = {key: text for key, text in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        [folder / "ci.sh"],
        env={**inherited, "FAILING": failing, **environment},
        cwd=folder.parent,
        capture_output=True,
        check=False,
    )
    return done.returncode, (folder / "calls").read_text().splitlines()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Return a plugin beside a Python, in `here/bin`, that only notes how it is called."""
    folder = tmp_path / "plugin"
    write_plugin("my-own", "metric", folder)
    python = tmp_path / "here" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(RECORDER, encoding="utf-8")
    python.chmod(0o755)
    return folder


def test_the_script_can_be_run(plugin: Path) -> None:
    assert (plugin / "ci.sh").stat().st_mode & stat.S_IXUSR
    assert not (plugin / "README.md").stat().st_mode & stat.S_IXUSR


def test_the_script_installs_into_the_environment_that_is_active(plugin: Path) -> None:
    active = str(plugin.parent / "here")
    assert calls_of_ci(plugin, VIRTUAL_ENV=active) == (0, [INSTALLS, *CHECKS])


def test_the_script_installs_nothing_into_a_python_that_it_is_given(plugin: Path) -> None:
    python = str(plugin.parent / "here" / "bin" / "python")
    assert calls_of_ci(plugin, PYTHON=python) == (0, CHECKS)


def test_the_script_makes_an_environment_of_its_own_where_none_is_active(plugin: Path) -> None:
    (plugin / ".venv").symlink_to(plugin.parent / "here")
    assert calls_of_ci(plugin) == (0, [INSTALLS, *CHECKS])


@pytest.mark.parametrize("number", range(len(CHECKS)))
def test_the_script_stops_at_what_fails(plugin: Path, number: int) -> None:
    python = str(plugin.parent / "here" / "bin" / "python")
    code, calls = calls_of_ci(plugin, failing=CHECKS[number], PYTHON=python)
    assert code == 1
    assert calls == CHECKS[: number + 1]
