"""The paths of one run, and finding a run by its name.

A run directory is data: nothing in it is imported or executed. This module knows the names of the
files, and nothing about what they hold.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.files import cannot_write

RUNS = Path("runs")
_STEP_DIGITS = 8


@attrs.frozen
class RunDirectory:
    """One run's directory."""

    path: Path

    @property
    def name(self) -> str:
        """The directory's own name, which is the run's id."""
        return self.path.resolve().name

    @property
    def configuration(self) -> Path:
        """run.toml."""
        return self.path / "run.toml"

    @property
    def manifest(self) -> Path:
        """manifest.json."""
        return self.path / "manifest.json"

    @property
    def analysis(self) -> Path:
        """analysis.json."""
        return self.path / "analysis.json"

    @property
    def tokenizer(self) -> Path:
        """tokenizer.json."""
        return self.path / "tokenizer.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """best.json."""
        return self.path / "best.json"

    @property
    def metrics(self) -> Path:
        """metrics.jsonl."""
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """samples.jsonl."""
        return self.path / "samples.jsonl"

    @property
    def evaluation(self) -> Path:
        """evaluation.json."""
        return self.path / "evaluation.json"

    @property
    def report(self) -> Path:
        """report.html."""
        return self.path / "report.html"

    def checkpoint(self, step: int) -> Path:
        """Return the folder of a step's checkpoint."""
        return self.checkpoints / f"step-{step:0{_STEP_DIGITS}d}"

    def saved_steps(self) -> list[int]:
        """Return the steps that have a whole checkpoint, in rising order."""
        if not self.checkpoints.is_dir():
            return []
        names = {each.name for each in self.checkpoints.iterdir() if each.is_dir()}
        digits = [name.removeprefix("step-") for name in names]
        steps = [int(each) for each in digits if each.isdecimal()]
        return sorted(step for step in steps if self.checkpoint(step).name in names)


def check_free(path: Path) -> None:
    """Raise RunDirectoryError unless a new run can be made at this path; nothing is written."""
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunDirectoryError(
                f"{path} already exists and is not empty.",
                "Allowed: a new or empty directory, so that no run is overwritten.",
                f"Go on with it: textgen resume {path}; or name another: --out DIR.",
            )
        nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{nearest} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "permission denied")
    except OSError as error:
        raise cannot_write(path, error) from error


def create_run_directory(path: Path) -> RunDirectory:
    """Make an empty run directory.

    Raises RunDirectoryError if the path is taken or cannot be written.
    """
    check_free(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    return RunDirectory(path)


def list_runs() -> list[Path]:
    """Return the runs under runs/, in no order; raises RunDirectoryError if it cannot be read."""
    return [each for each in _children(RUNS) if (each / "run.toml").is_file()]


def find_run(reference: Path | str | None) -> RunDirectory:
    """Return the run that a path or a unique prefix under runs/ means; None: the newest there.

    Raises RunDirectoryError if there is none or several.
    """
    runs = list_runs()
    if reference is None:
        if not runs:
            raise RunDirectoryError(
                f"There is no run under {RUNS}/ here.",
                advice="Train one first: textgen run CORPUS; or name its directory.",
            )
        return RunDirectory(max(runs, key=lambda each: (each / "run.toml").stat().st_mtime))
    path = Path(reference)
    if _exists(path / "run.toml"):
        return RunDirectory(path)
    matches = [each for each in runs if each.name.startswith(str(reference))]
    exact = [each for each in matches if each.name == str(reference)]
    if len(exact or matches) == 1:
        return RunDirectory((exact or matches)[0])
    if matches:
        names = ", ".join(sorted(each.name for each in matches)[:4])
        raise RunDirectoryError(f"{reference!s} may mean several runs: {names}.")
    if _exists(path):
        raise RunDirectoryError(
            f"{path} is no run: it holds no run.toml.",
            "Allowed: a directory that `textgen run` made.",
        )
    there = ", ".join(sorted(each.name for each in runs)[-4:])
    raise RunDirectoryError(
        f"There is no run {str(reference)!r}.",
        f"Allowed: a run's directory, or the beginning of a name under {RUNS}/"
        + (f" ({there})." if there else "."),
    )


def _exists(path: Path) -> bool:
    """Return whether there is something; raises RunDirectoryError if that cannot be seen."""
    try:
        return path.exists()
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read: {error.strerror or error}.") from error


def _children(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
