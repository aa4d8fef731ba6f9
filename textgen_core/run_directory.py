"""The paths of one run, and its JSON, TOML and log files on disk.

A run directory is data: nothing in it is imported or executed. Every file is written beside its
place and renamed, so that it is whole or absent; logs grow by one line at a time. This module knows
the names and forms of the files, and nothing about what they mean.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from textgen_core.errors import RunDirectoryError

RUNS = Path("runs")
_STEP_DIGITS = 8
_SURROGATE = re.compile("[\ud800-\udfff]")


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
        raise _cannot_write(path, error) from error


def create_run_directory(path: Path) -> RunDirectory:
    """Make an empty run directory.

    Raises RunDirectoryError if the path is taken or cannot be written.
    """
    check_free(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
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


# ---- files ----------------------------------------------------------------------------------


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; raises RunDirectoryError if that fails."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _cannot_write(path, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; numbers that are not finite become null."""
    write_text(path, json_text(value, indent=2) + "\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a plain value as JSON that UTF-8 can hold; numbers that are not finite become null.

    A lone surrogate, as in the name of a file that is not UTF-8, is written as an escape.
    """
    text = json.dumps(finite(value), ensure_ascii=False, indent=indent)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_toml(path: Path, table: Mapping[str, Any]) -> None:
    """Write a table as TOML."""
    write_text(path, tomli_w.dumps(table))


def read_json(path: Path) -> Any:
    """Return a JSON file's value; raises RunDirectoryError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunDirectoryError(f"{path} is missing.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path} cannot be read: {error}.") from error


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a line to a log."""
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json_text(row) + "\n")
    except OSError as error:
        raise _cannot_write(path, error) from error


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a log; an unfinished last line, as a killed process leaves, is passed over.

    Raises RunDirectoryError if the file cannot be read, or a line before the last is damaged.
    """
    if not path.is_file():
        return
    try:
        lines = path.read_bytes().split(b"\n")  # a killed process may cut a character in two
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read: {error.strerror or error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = _row(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise RunDirectoryError(f"{path}, line {number}, is damaged: {error}.") from error
        yield row


def _row(line: bytes) -> dict[str, Any]:
    row = json.loads(line.decode("utf-8"))
    if not isinstance(row, dict):
        raise ValueError("it is no JSON object")
    return row


def drop_rows_after(path: Path, step: int) -> None:
    """Keep the rows of a log up to a step: those after it were written by work that is lost."""
    if path.is_file():
        kept = [row for row in read_rows(path) if row.get("step", 0) <= step]
        lines = [json_text(row) + "\n" for row in kept]
        write_text(path, "".join(lines))


def remove_folder(path: Path) -> None:
    """Remove a folder so that no half of it can be taken for a whole one."""
    going = path.with_name(f".{path.name}.going")
    path.replace(going)
    shutil.rmtree(going, ignore_errors=True)


def finite(value: Any) -> Any:
    """Return a plain value with every number that is not finite as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return value


def _cannot_write(path: Path, error: OSError) -> RunDirectoryError:
    return RunDirectoryError(
        f"{path} cannot be written: {error.strerror or error}.",
        advice="Name a directory that can: --out DIR.",
    )
