"""The Dockerfile's image, without Docker: what it is built from, and who may use it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commands import TINY, Result
from installation import build

ROOT = Path(__file__).parents[2]
USERS = (54_321, 54_322)  # ids without a name
TEXT = "The miller feeds the river, and the river feeds the mill.\n" * 60

# A process that has imported all it needs (Python itself may lie in a folder that is root's alone),
# and then becomes a user that nobody has heard of.
AS_USER = """
import json, os, sys
from pathlib import Path
tests, user, lines, before = sys.argv[1:]  # which every command replaces
sys.path.insert(0, tests)
from cli.commands import _run_one

user, lines, work = int(user), json.loads(lines), Path.cwd()
image = {name: os.environ[name] for name in ("TEXTGEN_CACHE", "TEXTGEN_STATE", "HOME")}
os.chdir(before)
os.environ.update({name: str(Path.cwd() / name) for name in image})
assert all(_run_one(line, Path.cwd())[0] == 0 for line in lines)
os.chdir(work)
os.environ.update(image)
os.setgroups([])
os.setgid(user)
os.setuid(user)
found = [_run_one(line, work) for line in lines]
Path("results.json").write_text(json.dumps(found))
"""


def instructions(name: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of the Dockerfile and their arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == name:
            yield word, " ".join(rest.split())


def image_environment() -> dict[str, str]:
    (_, settings), *more = instructions("ENV")
    assert not more
    return dict(each.split("=", 1) for each in settings.split())


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


@pytest.mark.skipif(
    not hasattr(os, "setgroups") or os.geteuid() != 0,
    reason="only root can become a user without a name",
)
def test_users_without_name_and_home_share_the_cache_of_the_image() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        cache, text = folder / "cache", folder / "book.txt"
        cache.mkdir()
        cache.chmod(0o1777)  # as the image makes /cache
        text.write_text(TEXT, encoding="utf-8")
        run = ["run", str(text), *TINY, "--out", "run"]
        again = [["evaluate", "run"], ["generate", "run", "--prompt", "The ", "--seed", "1"]]
        trained, evaluated, written = as_user(USERS[0], folder, [run, *again])
        (other,) = as_user(USERS[1], folder, [run])
        for each in (trained, evaluated, written, other):
            assert each.returncode == 0, each.stderr
        assert written.stdout.startswith("The ")
        assert "cannot be written" not in trained.stderr + other.stderr  # the cache is used
        notes = [each for each in (cache / "state").rglob("*.json") if each.is_file()]
        assert {each.stat().st_uid for each in notes} == {USERS[0]}
        owners = {each.stat().st_uid for each in cache.rglob("*")}
        assert owners == {*USERS}


def as_user(user: int, folder: Path, lines: list[list[str]]) -> list[Result]:
    """Return what commands give to a user of the image, each in the folder of that user."""
    work = folder / str(user)
    before = folder / f"before-{user}"
    work.mkdir()
    before.mkdir()
    os.chown(work, user, user)
    own = {
        key: value.replace("/cache", str(folder / "cache"))
        for key, value in image_environment().items()
    }
    inherited = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, tests, str(user), json.dumps(lines), before],
        env={**inherited, **own},
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Result(*each) for each in json.loads((work / "results.json").read_text())]
