"""The process that trains a search's trials: it may die, it is replaced, it outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from textgen_core.errors import DiskTooSmall, Interrupted, TextgenError
from textgen_core.pipeline.search import searching, trainer
from textgen_core.pipeline.search.clock import is_present, present
from textgen_core.pipeline.search.planning import DEATHS
from textgen_core.pipeline.search.trainer import MOST_GROWTH, ProcessEnded, Trainer
from textgen_core.training.callbacks import Callback

# A process that trains, of a few lines: what becomes of a trial stands in its number's place.
PROGRAM = """
import json, os, signal, sys
say = lambda **message: print(json.dumps(message), flush=True)
say(ready=True)
memory = 0
for line in sys.stdin:
    what = {what}[json.loads(line)["trial"]]
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "leave":
        sys.exit(3)
    if what == "interrupt":
        os.kill(os.getppid(), signal.SIGTERM)
        continue
    if isinstance(what, list):
        say(failed=[what[1], "", ""], kind=what[0], resident=memory)
        continue
    memory += what
    say(gauge=0.1 * memory)
    agreed = json.loads(sys.stdin.readline())["gauge"]
    say(warning="W")
    say(steps=7)
    say(progress=0.5)
    say(result={{"score": 2.0, "process": os.getpid(), "gauge": agreed}}, resident=memory)
"""
DISK, OTHER = ["DiskTooSmall", "full"], ["CorpusError", "empty"]


class Follower(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_warning(self, text: str) -> None:
        self.told.append(text)

    def on_training_row(self, row: Any, progress: float) -> None:
        self.told.append(progress)


def make(folder: Path, *what: Any) -> Any:
    """Return a trainer whose trials, numbered from 0, come to this; `told`, `noted` are its own."""
    noted: list[Any] = []
    deaths: list[Any] = []
    gauges: list[float] = []
    study = SimpleNamespace(
        lock=os.open(folder / "lock", os.O_CREAT),
        directory=folder,
        journal=SimpleNamespace(note=lambda trial, **about: noted.append((trial, about))),
        count_death=lambda entry: deaths.append(entry) or len(deaths),
        agree_on_gauge=lambda seconds: gauges.append(seconds) or gauges[0],
    )
    follower = Follower()
    command = [sys.executable, "-S", "-c", PROGRAM.format(what=what)]
    found: Any = Trainer(study, follower, command)  # type: ignore[arg-type]
    found.study, found.told, found.noted = study, follower.told, noted
    return found


def entry(number: int) -> Any:
    """Return what a trainer has to know of a trial."""
    return SimpleNamespace(id=number, number=number + 1, steps=None)


def test_what_is_told_reaches_the_follower_and_the_journal_and_one_process_does_several(
    tmp_path: Path,
) -> None:
    trainer = make(tmp_path, 1, 1)
    trainer.begin()
    first, second = (trainer.train(entry(number)) for number in range(2))
    trainer.close()
    assert first["score"] == 2.0 and first["process"] == second["process"] != os.getpid()
    assert first["gauge"] == second["gauge"] == 0.1
    assert trainer.told == ["W", 0.5] * 2
    assert trainer.noted == [(0, {"steps": 7}), (1, {"steps": 7})]


def test_a_process_that_has_grown_is_replaced_after_its_trial(tmp_path: Path) -> None:
    trainer = make(tmp_path, MOST_GROWTH * 3, MOST_GROWTH, 2, 3)
    processes = [trainer.train(entry(number))["process"] for number in range(4)]
    trainer.close()
    assert processes[0] == processes[1] == processes[2] != processes[3]


def test_an_error_keeps_its_kind_where_it_is_none_of_the_trial(tmp_path: Path) -> None:
    trainer = make(tmp_path, DISK, OTHER, 1)
    with pytest.raises(DiskTooSmall, match="full"):
        trainer.train(entry(0))
    with pytest.raises(TextgenError, match="empty") as told:
        trainer.train(entry(1))
    assert type(told.value) is TextgenError
    assert trainer.train(entry(2))["score"] == 2.0
    trainer.close()


@pytest.mark.parametrize("kind", ["", "OutOfMemory", "PluginFailure"])
def test_a_process_that_may_be_of_no_more_use_is_replaced_after_a_trial_that_failed(
    tmp_path: Path, kind: str
) -> None:
    trainer = make(tmp_path, 1, OTHER, 1, [kind, "the device is in error"], 1)
    processes = []
    for number in range(5):
        if number in (1, 3):
            with pytest.raises(TextgenError):
                trainer.train(entry(number))
        else:
            processes.append(trainer.train(entry(number))["process"])
    trainer.close()
    assert processes[0] == processes[1] != processes[2]


def search_with(trainer: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a search that trains with it."""
    monkeypatch.setattr(searching, "Trainer", lambda *_: trainer)
    told = Follower()
    found: Any = searching._Search(trainer.study, told)
    found.told = told.told
    return found


def test_a_trial_with_which_processes_die_is_trained_again_and_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make(tmp_path, "die", 1, "leave")
    search = search_with(trainer, monkeypatch)
    with pytest.raises(TextgenError, match=rf"ended by SIGKILL, {DEATHS} times.*memory"):
        search._train_anew(entry(0))
    told = "The process that trained trial 1 was ended by SIGKILL: it begins again."
    assert search.told == [told]
    assert search._train_anew(entry(1))["score"] == 2.0
    with pytest.raises(ProcessEnded, match="ended with exit code 3"):
        trainer.train(entry(2))


def test_the_user_stops_it_and_the_process_is_gone(tmp_path: Path) -> None:
    trainer = make(tmp_path, "interrupt")
    trainer.begin()
    process = trainer._process._popen
    with pytest.raises(Interrupted):
        trainer.train(entry(0))
    assert process.poll() is not None


def test_without_a_process_nothing_can_be_trained(tmp_path: Path) -> None:
    trainer = make(tmp_path)
    trainer._command = [sys.executable, "-S", "-c", "raise SystemExit(1)"]
    with pytest.raises(TextgenError, match="ended with exit code 1 as it began"):
        trainer.begin()


# ---- whoever dies -------------------------------------------------------------------------------

# A parent that has a process train for ever, of the real one's own making.
PARENT = """
import subprocess, sys
child = '''
import sys, time
from textgen_core.pipeline.search.training_process import Requests, ignore_signals
ignore_signals()
for trial in Requests(sys.stdin.buffer):
    print("trains", flush=True)
    time.sleep(600)
'''
given = dict(stdin=subprocess.PIPE, pass_fds=(int(sys.argv[1]),))
process = subprocess.Popen([sys.executable, "-c", child], **given)
process.stdin.write(b'{"trial": 1}\\n')
process.stdin.flush()
process.wait()
"""


@pytest.mark.skipif(os.name != "posix", reason="a lock is inherited by processes of POSIX alone")
def test_killed_it_takes_its_process_along_and_until_then_the_trial_is_nobody_elses(
    tmp_path: Path,
) -> None:
    with present(tmp_path) as presence:
        command = [sys.executable, "-c", PARENT, str(presence.lock)]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=(presence.lock,))
        name = presence.id
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"trains\n"
    assert is_present(tmp_path, name)  # this process works on it no more, and they do
    parent.send_signal(signal.SIGKILL)
    assert parent.stdout.read() == b""  # which ends when both are gone
    parent.wait()
    parent.stdout.close()
    assert not is_present(tmp_path, name)


def test_the_command_is_one_that_needs_no_guard_in_a_script(tmp_path: Path) -> None:
    study: Any = SimpleNamespace(directory=tmp_path)
    program, *_, code, given = trainer._command(study)
    assert program == sys.executable and "tune_worker" in code and str(tmp_path) in given
