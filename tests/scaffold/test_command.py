"""`textgen plugins new`: what it writes and says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.in_process import run_here

Done = subprocess.CompletedProcess[str]
New = Callable[..., Done]


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> New:
    """Return a function that runs `textgen plugins new` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        return run_here(monkeypatch, capsys, "plugins", "new", *arguments)

    return run


def test_it_names_the_files_and_the_commands_that_come_next(new: New, tmp_path: Path) -> None:
    done = new("epsilon", "--kind", "sampler")
    assert (done.returncode, done.stderr) == (0, "")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 8
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert {str(path.relative_to(tmp_path)) for path in files} <= set(lines)
    assert lines[-5:] == [
        "cd textgen-epsilon",
        'pip install -e ".[tests]"',
        "pytest",
        "Then use it:",
        "textgen run --recipe first --minutes 0.5 --sampler epsilon",
    ]


def test_a_folder_with_a_space_is_quoted_and_this_one_needs_no_step(
    new: New, tmp_path: Path
) -> None:
    assert "  cd 'my plugin'\n" in new("one", "--kind", "model", "--out", "my plugin").stdout
    (tmp_path / "my plugin").rename(tmp_path.parent / "elsewhere")
    done = new("two", "--kind", "model", "--out", ".")
    assert "  cd " not in done.stdout
    assert (tmp_path / "pyproject.toml").is_file()


def test_json_names_what_was_written(new: New) -> None:
    done = new("textgen-epsilon", "--kind", "sampler", "--out", "mine", "--json")
    value = json.loads(done.stdout)
    files = value.pop("files")
    assert "mine/src/textgen_epsilon/epsilon.py" in files
    assert all(Path(path).is_file() for path in files)
    assert value == {
        "version": 1,
        "kind": "sampler",
        "component": "epsilon",
        "distribution": "textgen-epsilon",
        "folder": "mine",
    }


def test_nothing_is_overwritten(new: New, tmp_path: Path) -> None:
    new("epsilon", "--kind", "sampler")
    component = tmp_path / "textgen-epsilon" / "src" / "textgen_epsilon" / "epsilon.py"
    component.write_text("mine", encoding="utf-8")
    done = new("epsilon", "--kind", "sampler")
    assert done.returncode == 2
    assert "textgen-epsilon: it is not empty" in done.stderr
    assert component.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nucleus", "--kind", "sampler"], "'nucleus' is a sampler that comes with textgen"),
        (["Epsilon", "--kind", "sampler"], "A plugin cannot be called 'Epsilon'"),
        (["epsilon", "--kind", "samplers"], "--kind cannot be 'samplers'"),
        (["epsilon", "--kind", "sampler", "--out", "no/where"], "there is no folder no"),
        (["epsilon"], "Missing option '--kind'"),
        (["--kind", "sampler"], "Missing argument 'NAME'"),
    ],
)
def test_a_mistake_is_told_in_three_lines_and_writes_nothing(
    new: New, tmp_path: Path, arguments: list[str], problem: str
) -> None:
    done = new(*arguments)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
