"""Makes hostile and damaged runs from a good one, and opens them under watch.

Run as a script, it is the process in which the variants are opened one after the other, each with
the commands that it is meant for: what Python opens, starts, imports or connects to beside the run
is noted, and so are time and memory.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from hostile import Variant

SECONDS = 10  # of the processor
MEGABYTES = 300  # over a good run
_WAIT = 40  # seconds of the clock, after which something hangs
_LONGEST = 2_000  # characters of a message
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_OWN_CODES = {0, 1, 2, 3, 4}


@attrs.frozen(kw_only=True)
class Opened:
    """What came of opening a variant with a command."""

    variant: str
    command: str
    code: int | None
    stdout: str
    stderr: str
    seconds: float
    megabytes: float
    acts: tuple[str, ...]


def arguments_for(command: str, run: Path, corpus: Path | None, text: Path) -> list[str]:
    """Return the command line by which a run is opened.

    corpus: where its text is now; None where it has to be found without being told.
    """
    told = [] if corpus is None else ["--corpus", str(corpus)]
    more = {
        "resume": ["--epochs", "1", *told],
        "evaluate": told,
        "score": [str(text)],
        "explore": ["mill"],
    }.get(command, [])
    words = ["explore", str(run), "neighbours"] if command == "explore" else [command, str(run)]
    return [*words, *more]


def faults_of(opened: Opened, names: str) -> Iterator[str]:
    """Yield what is wrong with what a command did with a run.

    names: what its message has to name; empty where the command may do its work.
    """
    printed = opened.stdout + opened.stderr
    if opened.code not in _OWN_CODES:
        yield f"it ended with {opened.code}"
    if names and opened.code == 0:
        yield "it noticed nothing"
    if names and opened.code and not re.search(names, opened.stderr):
        yield f"its message does not name {names}"
    if opened.code and opened.code != 4 and names:
        yield f"its status is {opened.code}, not that of a run directory"
    for word in ("Traceback", "report it", "Report it", "PanicException"):
        if word in printed:
            yield f"it says {word!r}"
    if _CONTROL.search(opened.stderr) or (
        opened.command != "generate" and _CONTROL.search(printed)
    ):
        yield "control characters get out"
    if any(len(line) > _LONGEST for line in opened.stderr.splitlines()):
        yield "its message is endless"
    if opened.seconds > SECONDS:
        yield f"it took {opened.seconds:.0f} s"
    if opened.megabytes > MEGABYTES:
        yield f"it took {opened.megabytes:.0f} MB more than a good run"
    yield from opened.acts


# ---- making and opening --------------------------------------------------------------------


def make(variants: Sequence[Variant], good: Path, folder: Path) -> None:
    """Make each variant of the good run in the folder, and beside them what they are after."""
    outside = folder / "outside"
    outside.mkdir(parents=True)
    (outside / "secret").write_text("the secret of this machine\n" * 40, encoding="utf-8")
    (outside / "checkpoints").mkdir()
    for variant in variants:
        run = folder / variant.folder
        shutil.copytree(good, run)
        variant.change(run, outside)


def open_all(variants: Sequence[Variant], good: Path, folder: Path, text: Path) -> list[Opened]:
    """Open every variant with its commands, all in one process of their own while it lives."""
    lines = [
        [variant.name, command, str(folder / variant.folder), variant.here]
        for variant in variants
        for command in variant.commands
    ]
    done: list[Opened] = []
    while len(done) < len(lines):
        results = folder / f"results-{len(done)}"
        task = {
            "good": str(good),
            "folder": str(folder),
            "text": str(text),
            "lines": lines[len(done) :],
            "results": str(results),
        }
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        ended = _in_a_process(folder)
        found = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
        done += [
            Opened(**{**json.loads(each), "acts": tuple(json.loads(each)["acts"])})
            for each in found
        ]
        if len(done) < len(lines):  # it took the process down
            name, command, *_ = lines[len(done)]
            done.append(
                Opened(
                    variant=name,
                    command=command,
                    code=None,
                    stdout="",
                    stderr=ended[-2000:],
                    seconds=0,
                    megabytes=0,
                    acts=("it ended the process",),
                )
            )
    return done


def _in_a_process(folder: Path) -> str:
    home, temporary = folder / "home", folder / "temporary"
    for each in (home, temporary):
        each.mkdir(exist_ok=True)
    inherited = {key: os.environ[key] for key in os.environ if key != "TF_CPP_MIN_LOG_LEVEL"}
    own = {
        "TEXTGEN_CACHE": str(folder / "cache"),
        "TEXTGEN_STATE": str(folder / "state"),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "RUST_BACKTRACE": "0",
        "WANDB_MODE": "offline",
    }
    done = subprocess.run(
        [sys.executable, __file__, folder / "task.json"],
        env={**inherited, **own},
        cwd=temporary,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.stderr


# ---- the process in which they are opened ---------------------------------------------------


class TookTooLongError(BaseException):
    """Nothing that a command may catch."""


class Watch:
    """Notes what Python does beside a run: files, processes, connections, code.

    Files of this installation, the cache, temporary files and the system's own are left out.
    """

    def __init__(self, folder: Path, text: Path) -> None:
        roots = [sys.prefix, sys.base_prefix, *filter(None, sys.path)]
        roots += [
            Path(__file__).parents[1],
            text,
            folder / "cache",
            folder / "state",
            folder / "temporary",
            "/proc/self",
            "/sys",
            "/usr/share/zoneinfo",
        ]
        exact = ["/dev/null", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/etc/localtime"]
        self._allowed = tuple(os.path.realpath(each) + os.sep for each in (*roots, *exact) if each)
        self.folder = folder
        self.run = ""
        self.acts: list[str] | None = None
        sys.addaudithook(self._notice)

    def _notice(self, event: str, given: tuple[Any, ...]) -> None:
        if self.acts is None:
            return
        if event == "open":
            self._note_path(event, given[0])
        elif event in ("os.rename", "os.link"):
            self._note_path(event, given[0])
            self._note_path(event, given[1])
        elif event in ("os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"):
            self._note_path(event, given[0])
        elif event == "exec" and self._is_below(getattr(given[0], "co_filename", ""), self.run):
            self.acts.append(f"it executes {given[0].co_filename}")
        elif event == "import" and self._is_below(given[1] or "", self.run):
            self.acts.append(f"it imports {given[1]}")
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn"):
            self.acts.append(f"it starts {given[0]!r}")
        elif event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
            self.acts.append(f"it connects: {given[1]!r}")

    def _note_path(self, event: str, given: Any) -> None:
        if isinstance(given, int) or given is None:
            return
        name = os.fsdecode(given)
        if os.sep not in name and event == "open":  # relative to an open folder of the run
            return
        path = Path(name)
        resolved = path if event == "open" else path.parent  # a link itself may be moved away
        whole = os.path.realpath(resolved) + ("" if event == "open" else os.sep + path.name)
        if not (whole + os.sep).startswith((*self._allowed, self.run)):
            assert self.acts is not None
            self.acts.append(f"{event}: {whole}")

    @staticmethod
    def _is_below(path: str, folder: str) -> bool:
        is_path = isinstance(path, str) and Path(path).is_absolute()
        return is_path and os.path.realpath(path).startswith(folder)


def _serve(task: dict[str, Any]) -> None:
    folder, text = Path(task["folder"]), Path(task["text"])
    from textgen_core.cli.startup import import_tensorflow

    import_tensorflow()
    import textgen_core.pipeline  # noqa: F401 - what no command needs to import any more

    watch = Watch(folder, text)
    usual = {}
    for command in dict.fromkeys(line[1] for line in task["lines"]):
        copy = folder / f"usual-{command}-{os.getpid()}"
        shutil.copytree(task["good"], copy)
        usual[command] = _open(watch, "usual", command, copy, text, here=False).megabytes
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (_status("VmData") * 1024 + 6 * 2**30, most))
    with Path(task["results"]).open("w", encoding="utf-8") as results:
        for name, command, run, here in task["lines"]:
            opened = _open(watch, name, command, Path(run), text, here=here)
            more = opened.megabytes - usual[command]
            results.write(json.dumps(attrs.asdict(attrs.evolve(opened, megabytes=more))) + "\n")
            results.flush()


def _open(watch: Watch, name: str, command: str, run: Path, text: Path, *, here: bool) -> Opened:
    """Open a run by a command in this process."""
    kept = os.dup(1), os.dup(2)
    folder = watch.folder
    files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
    for number, file in enumerate(files, start=1):
        os.dup2(file.fileno(), number)
    others = _contents(folder)
    before = _reset_peak()
    began = time.process_time()
    watch.run, watch.acts = os.path.realpath(run) + os.sep, None if here else []
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_WAIT)
    try:
        code = _call(command, run, text, here=here)
    except TookTooLongError:
        code = None
    finally:
        signal.alarm(0)
        acts, watch.acts = tuple(watch.acts or ()), None
        if _contents(folder) != others:  # by whatever Python does not tell of
            acts += ("it changed what lies outside",)
        seconds = time.process_time() - began
        megabytes = (_status("VmHWM") - before) / 1024
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read(3_000_000).decode("utf-8", "replace"))
        file.close()
    return Opened(
        variant=name,
        command=command,
        code=code,
        stdout=texts[0],
        stderr=texts[1],
        seconds=seconds,
        megabytes=megabytes,
        acts=acts,
    )


def _call(command: str, run: Path, text: Path, *, here: bool) -> int | None:
    if command == "open_run":
        return _call_python(run)
    from textgen_core.cli import main

    corpus = None if run.name.startswith("others") else text
    arguments = arguments_for(command, Path() if here else run, corpus, text)
    if here:
        python = [sys.executable, "-m", "textgen_core", *arguments]
        return subprocess.run(python, cwd=run, check=False).returncode
    if command == "harm":
        _harm(run)
    sys.argv = ["textgen", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except TookTooLongError:
        raise
    except BaseException:
        import traceback

        traceback.print_exc()
        return None
    return 0


def _harm(run: Path) -> None:
    """Do what no command may do, for the watch to see it."""
    import socket

    (run.parent / "outside" / "harmed").write_text("harmed")
    name = f"planted_in_{run.name}".replace("-", "_")
    (run / f"{name}.py").write_text("")
    sys.path.insert(0, str(run))
    importlib.import_module(name)
    sys.path.remove(str(run))
    subprocess.run(["true"], check=False)
    with contextlib.suppress(OSError), socket.socket() as tried:
        tried.connect(("127.0.0.1", 1))


def _call_python(run: Path) -> int:
    import textgen_core as textgen

    try:
        opened = textgen.open_run(run)
        print("".join(opened.generate("", max_new_tokens=4)).encode())
    except textgen.TextgenError as error:
        print(str(error).encode("unicode_escape").decode()[:_LONGEST], file=sys.stderr)
        return error.exit_code
    return 0


def _contents(folder: Path) -> dict[str, int]:
    """Return the files that are none of a run's business, with when they were written."""
    below = (each for name in ("outside", "home") for each in (folder / name).rglob("*"))
    return {str(each): each.lstat().st_mtime_ns for each in below}


def _give_up(*_: object) -> None:
    raise TookTooLongError


def _reset_peak() -> int:
    with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123
        file.write("5")
    return _status("VmRSS")


def _status(name: str) -> int:
    """Return a size of this process in kB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


if __name__ == "__main__":
    _serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
