"""Kills random workers of a training, and compares its weights with those of one left alone.

By hand: `python tests/training/workers_faults.py --kills 20 --of-the-first 5`, some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.resuming import MODELS, SETTINGS, TINY, differences, last_step, write_corpus

SUPERVISED = ("--workers", "2")
OF_THE_RUN = {**SETTINGS, "data.stride": 12, "training.compile": "eager"}


def command(corpus: Path, out: Path, *options: str) -> list[str]:
    """The command line of a small run."""
    given = [f"--set={key}={value}" for key, value in OF_THE_RUN.items()]
    arguments = ["run", str(corpus), *TINY, "--epochs", "1", "--model", MODELS["lstm"], *given]
    arguments += [*options, "--out", str(out), "--quiet"]
    return [sys.executable, "-m", "textgen_core", *arguments]


def workers_of(supervisor: int) -> dict[int, int]:
    """The process ids of a supervisor's workers, by their ranks."""
    found = {}
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        try:
            environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            told = next(each for each in environment if each.startswith(b"TF_CONFIG="))
        except (OSError, StopIteration):
            continue
        found[json.loads(told.partition(b"=")[2])["task"]["index"]] = int(child)
    return found


def is_child(pid: int, of: int) -> bool:
    """Whether a process is one of another, be it that it has ended and nobody has asked yet."""
    return str(pid) in Path(f"/proc/{of}/task/{of}/children").read_text().split()


def run_alone(corpus: Path, out: Path) -> None:
    """Train with two workers that nobody disturbs."""
    subprocess.run(command(corpus, out, *SUPERVISED), check=True, stdout=subprocess.DEVNULL)


def run_disturbed(
    corpus: Path, out: Path, ranks: Sequence[int], number: int, draw: random.Random
) -> str:
    """Train with two workers, to which a signal is sent at random steps; return what was said.

    ranks: of the workers that get it, in order. number: the signal.
    """
    options = (*SUPERVISED, "--restarts", str(len(ranks) + 2))
    with tempfile.TemporaryFile("w+") as said:
        supervisor = subprocess.Popen(
            command(corpus, out, *options), stdout=subprocess.DEVNULL, stderr=said
        )
        steps = max(1, 36 // len(ranks))
        for rank in ranks:
            at = last_step(out) + draw.randint(0, steps)
            there: dict[int, int] = {}
            while supervisor.poll() is None:
                there = workers_of(supervisor.pid)
                if rank in there and last_step(out) >= at:
                    os.kill(there[rank], number)
                    print(f"worker {rank} at step {last_step(out)}", flush=True)
                    break
                time.sleep(0.02)
            while supervisor.poll() is None and is_child(there[rank], supervisor.pid):
                time.sleep(0.02)
        code = supervisor.wait()
        said.seek(0)
        text = said.read()
        assert code == 0, text
        return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill workers as often as asked for, and say whether the weights are the same to the bit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--of-the-first", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given: Mapping[str, int] = vars(parser.parse_args(arguments))
    draw = random.Random(given["seed"])
    ranks = [0] * given["of_the_first"] + [1] * (given["kills"] - given["of_the_first"])
    draw.shuffle(ranks)
    print(f"seed {given['seed']}, kills {ranks}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_corpus(folder / "text.txt")
        run_alone(corpus, folder / "alone")
        said = run_disturbed(corpus, folder / "killed", ranks, signal.SIGKILL, draw)
        print(said)
        differ = differences(folder / "alone", folder / "killed")
    print(f"different: {', '.join(differ)}" if differ else "the same, to the bit")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
