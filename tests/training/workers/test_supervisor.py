"""Processes that stand for workers: started, lost, started again, and none is left behind."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from textgen_core.errors import WorkerLost
from textgen_core.training.workers.supervisor import INTERRUPTED, LOST, Supervisor

# What each worker is: `rank`, and `start`, how often this rank has been started before.
PREAMBLE = """
import json, os, signal, sys, time
rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
folder = {folder!r}
start = len([each for each in os.listdir(folder) if each.startswith(f"{{rank}}.")])
open(f"{{folder}}/{{rank}}.{{os.getpid()}}", "w").close()
"""


@pytest.fixture
def supervise(tmp_path):
    said = []

    def run(body, size=2, restarts=3):
        code = PREAMBLE.format(folder=str(tmp_path)) + body
        supervisor = Supervisor(
            lambda: [sys.executable, "-S", "-c", code], size, restarts=restarts, say=said.append
        )
        return supervisor.run(), said

    run.said, run.folder = said, tmp_path
    return run


def pids(folder):
    return [int(each.name.partition(".")[2]) for each in folder.glob("[0-9].*")]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def test_workers_that_end_well_end_well_and_are_told_who_they_are(supervise):
    body = "open(f'{folder}/config{rank}', 'w').write(os.environ['TF_CONFIG'])"
    assert supervise(body, size=3) == (0, [])
    told = [json.loads((supervise.folder / f"config{rank}").read_text()) for rank in range(3)]
    assert [each["task"]["index"] for each in told] == [0, 1, 2]
    assert told[0]["cluster"] == told[2]["cluster"]
    assert len(set(told[0]["cluster"]["worker"])) == 3


def test_all_start_again_when_one_is_killed_and_the_others_do_not_wait_for_it(supervise):
    body = """
if start == 0:
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)
"""
    code, said = supervise(body)
    assert code == 0
    assert said == ["Worker 1 was ended by SIGKILL. All start again (1 of 3)."]
    assert len(pids(supervise.folder)) == 4


def test_a_worker_that_lost_the_others_lets_all_start_again_but_not_forever(supervise):
    with pytest.raises(WorkerLost, match="were started again 2 times"):
        supervise(f"sys.exit({LOST})", restarts=2)
    assert len(supervise.said) == 2


def test_a_worker_that_is_stopped_is_given_up(supervise, monkeypatch):
    monkeypatch.setattr("textgen_core.training.workers.supervisor._STOPPED", 0.3)
    body = """
if start == 0 and rank == 1:
    os.kill(os.getpid(), signal.SIGSTOP)
if start == 0:
    time.sleep(600)
"""
    code, said = supervise(body)
    assert code == 0
    assert "Worker 1 has been stopped" in said[0]
    assert not any(map(is_alive, pids(supervise.folder)))


def test_a_fault_of_another_worker_is_told_with_its_rank_and_nothing_starts_again(supervise):
    body = """
if rank == 1:
    print("Error: the text is another one.", file=sys.stderr)
    sys.exit(3)
signal.pause() if False else time.sleep(1)
sys.exit(75)
"""
    code, said = supervise(body)
    assert code == 3
    assert said == ["Worker 1 of 2 failed:\nError: the text is another one."]


def test_a_fault_of_all_is_told_by_the_first_alone(supervise):
    assert supervise("time.sleep(0.3 * (rank == 0)); sys.exit(1)") == (1, [])


def test_a_signal_is_passed_on_and_the_first_one_says_how_it_ended(supervise):
    body = f"""
signal.signal(signal.SIGTERM, lambda *_: sys.exit({INTERRUPTED}))
if rank == 0:
    os.kill(os.getppid(), signal.SIGTERM)
time.sleep(600)
"""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert supervise(body) == (INTERRUPTED, [])
    finally:
        signal.signal(signal.SIGTERM, before)


def test_no_worker_outlives_a_supervisor_that_is_killed(tmp_path):
    worker = PREAMBLE.format(folder=str(tmp_path)) + (
        "from textgen_core.training.workers.supervised import end_with_supervisor\n"
        "assert end_with_supervisor(os.environ)\n"
        "open(f'{folder}/ready{rank}', 'w').close()\n"
        "time.sleep(600)"
    )
    program = (
        "import sys\n"
        "from textgen_core.training.workers.supervisor import Supervisor\n"
        f"Supervisor(lambda: [sys.executable, '-c', {worker!r}], 2, restarts=0, say=print).run()"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", program])
    assert wait_until(lambda: len(list(tmp_path.glob("ready*"))) == 2)
    supervisor.kill()
    supervisor.wait()
    assert wait_until(lambda: not any(map(is_alive, pids(tmp_path))))
