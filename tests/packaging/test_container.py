"""The Dockerfile's image, without Docker: what it is built from, and what it runs."""

from __future__ import annotations

import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from installation import build

ROOT = Path(__file__).parents[2]


def instructions(name: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of the Dockerfile and their arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == name:
            yield word, " ".join(rest.split())


def sent_to_the_image() -> list[str]:
    """Return the entries of the repository that `.dockerignore` lets through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines, "all that is not named is left out"
    return [line[1:] for line in lines if line.startswith("!")]


def test_a_wheel_of_what_the_image_gets_is_the_wheel_of_the_repository(
    wheel: Path, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name in sent_to_the_image():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, context / name)
    built = build(context, tmp_path / "wheel")
    assert sorted(zipfile.ZipFile(built).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


def test_the_image_runs_the_command_with_extras_that_the_project_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [rest for _, rest in instructions("ENTRYPOINT")] == ['["textgen"]']
    assert "textgen" in project["scripts"]
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    named = set(re.findall(r"EXTRAS=([a-z]+(?:,[a-z]+)*)", text))
    assert named and {each for names in named for each in names.split(",")} <= {
        *project["optional-dependencies"]
    }
    python = next(rest for _, rest in instructions("ARG") if rest.startswith("PYTHON="))
    assert f"Python :: {python.removeprefix('PYTHON=')}" in " ".join(project["classifiers"])
