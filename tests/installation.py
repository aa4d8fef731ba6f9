"""A virtual environment of wheels that are built here, beside the dependencies installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

Done = subprocess.CompletedProcess[str]

# The settings of a run that takes seconds, as the command is given them.
BRIEFLY = [
    *("--set", "data.sequence_length=16", "--set", "data.stride=16"),
    *("--set", "training.batch_size=4", "--set", "generation.max_new_tokens=10"),
    *("--set", "generation.samples=2", "--set", "evaluation.prompts=4"),
    *("--set", "evaluation.prompt_tokens=4", "--set", "evaluation.continuation_tokens=6"),
]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@attrs.frozen
class Installation:
    """A virtual environment with packages of its own, which sees this one's dependencies."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def pip(self, *arguments: str | Path) -> str:
        """Run pip on it, without the network, and return what it says."""
        return run_module("pip", "--python", self.python, *arguments, **OFFLINE)

    def textgen(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Done:
        """Run its `textgen`, the script that pip made, from a directory of its own."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        command = [self.python.with_name("textgen"), *arguments]
        return self.run(command, work, environment)

    def run(
        self,
        command: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command in a directory, with none of our own settings and paths."""
        hidden = ("TEXTGEN_", "PYTHONPATH", "PYTEST_")
        inherited = {key: text for key, text in os.environ.items() if not key.startswith(hidden)}
        own = {"TEXTGEN_CACHE": str(self.folder / "cache"), "COLUMNS": "100", "NO_COLOR": "1"}
        return subprocess.run(
            [str(each) for each in command],
            env={**inherited, **own, **(environment or {})},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def install(folder: Path, *wheels: Path) -> Installation:
    """Make a virtual environment of these wheels alone, and open its eyes for our dependencies."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    installation = Installation(folder)
    installation.pip("install", "--no-deps", *wheels)
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run(
        [str(installation.python), "-c", script], capture_output=True, text=True, check=True
    )
    paths = [each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")]
    # A folder that a .pth names is searched last, and its own .pth (of an editable install) never.
    Path(done.stdout.strip(), "dependencies.pth").write_text("\n".join(paths) + "\n")
    return installation


def build(project: Path, out: Path) -> Path:
    """Build a project's wheel, with the tools that are installed here, and return its path."""
    run_module("build", "--wheel", "--no-isolation", "--outdir", out, project)
    (wheel,) = out.glob("*.whl")
    return wheel


def install_projects(site: Path, *projects: Path) -> Path:
    """Install plugin projects into a folder for the path, from wheels of copies of them.

    Nothing is written into a project, and discovery reads the folder as any other on the path.
    """
    unwanted = shutil.ignore_patterns("__pycache__", ".*", "dist")
    copies = [
        shutil.copytree(each, site / "projects" / each.name, ignore=unwanted) for each in projects
    ]
    command = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run_module(*command, "--wheel-dir", site / "wheels", *copies, **OFFLINE)
    wheels = sorted((site / "wheels").iterdir())
    installed = site / "installed"
    run_module("pip", "install", "--no-deps", "--target", installed, *wheels, **OFFLINE)
    return installed


def run_module(*arguments: str | Path, **environment: str) -> str:
    """Run `python -m` with these arguments, with the tools that are installed here."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
