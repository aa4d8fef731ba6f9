"""The paths of one run, and finding a run by its name.

A run directory is data: nothing in it is imported or executed.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import expand_home, format_list, shell_word
from textgen_core.runs.door import is_folder, list_names
from textgen_core.runs.files import file_errors

RUNS = Path("runs")
LOCK = ".lock"
COMPARISON_PAGES = "comparison-*.html"  # a page that `textgen compare` writes
_STEP_DIGITS = 8
_ELSEWHERE = "Name a directory that can: --out DIR."
_MOST_DIGITS = 18


class InRun:
    """A file or folder of a run directory, as an attribute that is its path."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: RunDirectory, owner: type) -> Path:
        return run.path / self.name


@attrs.frozen
class RunDirectory:
    """One run's directory; its attributes are the paths of what is in it."""

    path: Path

    configuration = InRun("run.toml")
    manifest = InRun("manifest.json")
    analysis = InRun("analysis.json")
    tokenizer = InRun("tokenizer.json")
    counts = InRun("counts.safetensors")  # only of a run with training.counts
    mixture = InRun("mixture.json")  # likewise, once it is trained
    earlier = InRun("earlier.safetensors")  # held-out text of the run that this one began with
    checkpoints = InRun("checkpoints")
    best = InRun("best.json")
    metrics = InRun("metrics.jsonl")
    samples = InRun("samples.jsonl")
    evaluation = InRun("evaluation.json")
    texts = InRun("texts.json")  # once it was scored on another text
    ratings = InRun("ratings.json")  # once people rated what it wrote
    report = InRun("report.html")
    pack = InRun("pack.json")  # of a run that was packed and unpacked: what was packed
    builtin = InRun("corpus.txt.gz")  # only of a run on the built-in corpus
    lock = InRun(LOCK)

    @property
    def name(self) -> str:
        """The directory's own name, which is the run's id."""
        return self.path.resolve().name

    @property
    def last_configured(self) -> float:
        """When its configuration was written, in seconds since the epoch."""
        try:
            return self.configuration.stat().st_mtime
        except OSError:  # it is just being removed
            return 0.0

    def checkpoint(self, step: int) -> Path:
        """Return the folder of a step's checkpoint."""
        return self.checkpoints / f"step-{step:0{_STEP_DIGITS}d}"

    def saved_steps(self) -> list[int]:
        """Return the steps that have a whole checkpoint, in rising order.

        Raises RunDirectoryError if the checkpoints cannot be looked at, or lie behind a link.
        """
        names = set(list_names(self.checkpoints))
        digits = [each.removeprefix("step-") for each in names if each.startswith("step-")]
        steps = [int(each) for each in digits if each.isdecimal() and len(each) <= _MOST_DIGITS]
        saved = sorted(step for step in steps if self.checkpoint(step).name in names)
        return [step for step in saved if is_folder(self.checkpoint(step))]


# What textgen leaves in a run's directory, checkpoints included.
NAMES = tuple(each.name for each in vars(RunDirectory).values() if isinstance(each, InRun))


def check_free(path: Path, advice: str = "") -> None:
    """Raise RunDirectoryError unless a new run can be made at this path; nothing is written.

    advice: if it is taken; else how to continue what is there, a run.
    """
    with file_errors(path, "written", _ELSEWHERE):
        if path.exists() and not _is_free(path):
            raise RunDirectoryError(
                f"{path} already exists and is not empty.",
                "Allowed: a new or empty directory, so that no run is overwritten.",
                advice
                or f"Continue it: textgen resume {shell_word(path)}; or name another: --out DIR.",
            )
        nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{nearest} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "permission denied")


def _is_free(path: Path) -> bool:
    """Return whether there is a folder with nothing in it, but perhaps the lock of a dead run."""
    return path.is_dir() and all(each.name == LOCK for each in path.iterdir())


def create_run_directory(path: Path) -> RunDirectory:
    """Make an empty run directory.

    Raises RunDirectoryError if the path is taken or cannot be written.
    """
    check_free(path)
    with file_errors(path, "written", _ELSEWHERE):
        path.mkdir(parents=True, exist_ok=True)
    return RunDirectory(path)


def free_path(model: str) -> Path:
    """Return the default path of a new run: runs/<time>-<model>."""
    return _unused(f"{timestamp()}-{model}")


def timestamp() -> str:
    """Return the time now, as names of folders under runs/ have it."""
    return f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}"


def _unused(name: str) -> Path:
    path = RUNS / name
    number = 2
    while os.path.lexists(path):
        path, number = RUNS / f"{name}-{number}", number + 1
    return path


def create_default_directory(model: str) -> RunDirectory:
    """Make the directory of a new run under runs/, as `make_folder` does."""
    return RunDirectory(make_folder(f"{timestamp()}-{model}"))


def make_folder(name: str) -> Path:
    """Make a new folder under runs/, with a number where others of that name begin meanwhile.

    Raises RunDirectoryError if it cannot be written.
    """
    while True:
        path = _unused(name)
        with file_errors(path, "written", _ELSEWHERE):
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another one has begun in the same second
                path.mkdir()
                return path


def list_runs() -> list[Path]:
    """Return the runs under runs/, in no particular order."""
    return list_folders()[0]


def list_folders() -> tuple[list[Path], list[str]]:
    """Return the runs under runs/, and what else lies there, with the reason in brackets.

    What cannot be looked at is named too. Hidden files and pages of comparisons are left out.
    """
    runs, others = [], []
    try:
        children = sorted(RUNS.iterdir())
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"{RUNS} ({error.strerror or error})"]
    for each in children:
        try:
            if (each / "run.toml").is_file():
                runs.append(each)
            elif not (each.name.startswith(".") or each.match(COMPARISON_PAGES)):
                others.append(f"{each.name} ({_why_no_run(each)})")
        except OSError as error:
            others.append(f"{each.name} ({error.strerror or error})")
    return runs, others


def _why_no_run(path: Path) -> str:
    if path.is_dir():
        return "a study of tune" if (path / "study.toml").is_file() else "no run.toml"
    return "a link to nowhere" if path.is_symlink() and not path.exists() else "a file"


def newest_run(*, trained: bool = False) -> RunDirectory:
    """Return the newest run under runs/.

    trained: pass over those without a checkpoint for one that has one. Raises RunDirectoryError if
    there is no run at all.
    """
    runs = sorted(map(RunDirectory, list_runs()), key=lambda each: each.last_configured)
    if not runs:
        raise RunDirectoryError(
            f"There is no run under {RUNS}/ here.",
            advice="Train one first: textgen run CORPUS; or name its directory.",
        )
    whole = (each for each in reversed(runs) if not trained or each.saved_steps())
    return next(whole, runs[-1])


def find_run(reference: str | os.PathLike[str] | None, *, trained: bool = False) -> RunDirectory:
    """Return the run at a path, or with a unique prefix under runs/; None: see `newest_run`.

    Raises RunDirectoryError if there is none or several.
    """
    if reference is None:
        return newest_run(trained=trained)
    reference = os.fspath(reference)
    if not reference:  # as an unset variable in a script is
        raise RunDirectoryError(
            "The name of a run is empty.",
            f"Allowed: a run's directory, or the beginning of a name under {RUNS}/.",
        )
    runs = list_runs()
    path = expand_home(reference)
    with file_errors(path, "read"):
        is_run, exists = (path / "run.toml").exists(), path.exists()
    if is_run:
        return RunDirectory(path)
    matches = [each for each in runs if each.name.startswith(reference)]
    exact = [each for each in matches if each.name == reference]
    if len(exact or matches) == 1:
        return RunDirectory((exact or matches)[0])
    if matches:
        names = format_list(sorted(each.name for each in matches))
        raise RunDirectoryError(
            f"{reference} may mean several runs: {names}.",
            "Allowed: a run's directory, or as much of its name as no other begins with.",
        )
    if exists:
        raise RunDirectoryError(
            f"{path} is no run: it holds no run.toml.",
            "Allowed: a directory that `textgen run` made.",
        )
    known = sorted(each.name for each in runs)
    there = f" ({format_list([*known[-4:], *known[:-4]])})" if runs else ""  # the newest, by name
    raise RunDirectoryError(
        f"There is no run {reference!r}.",
        f"Allowed: a run's directory, or the beginning of a name under {RUNS}/{there}.",
    )
