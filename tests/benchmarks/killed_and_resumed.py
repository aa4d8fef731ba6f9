"""Runs killed with SIGKILL again and again, resumed each time, beside runs that never stopped.

    python tests/benchmarks/killed_and_resumed.py [--kills 50] [--saving 15]

Small models with dropout, LSTM and Transformer, on windows and on streams, each in a chain of
kills: at random moments of training, now and then while the command still starts, and some while
a checkpoint is being saved (its folder was begun, and is left behind). At the end weights, seeds,
optimizer, carried state, logs (clock fields aside), best.json and evaluation.json are compared.
Exit code 1 unless all are equal to the bit, and as many kills as asked for were done.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))  # what it shares with the tests

from training.resuming import MODELS, SETTINGS, TINY, Session, differences, last_step, write_corpus

WAYS: dict[str, dict[str, object]] = {
    "windows": {"data.stride": 8, "training.accumulate": 2},
    "streams": {"data.batching": "stream", "training.optimizer": "muon"},
}
# Half of them as users get them by default, half as the sooner compiled graph.
COMPILED = {("windows", "lstm"): "xla", ("streams", "transformer"): "xla"}
KINDS = ("training", "saving", "starting")
STEPS_BETWEEN_KILLS = 120
STARTING_SECONDS = 6.0  # within which a command starts, more or less
MOST_TRIES = 3  # times the kills of a chain: a save may end before the kill that is meant for it
TOKENS_OF_A_STEP = 4 * 16
EPOCHS = 2
STARTING = 6  # of so many kills one comes while the command starts


@attrs.define
class Chain:
    """One run, the kinds of kills that it is to get, and those that it got."""

    way: str
    model: str
    plan: list[str]
    done: list[str] = attrs.field(factory=list)
    different: list[str] = attrs.field(factory=list)
    seconds: float = 0.0

    @property
    def settings(self) -> list[str]:
        """The options of the command."""
        compiled = COMPILED.get((self.way, self.model), "graph")
        given = {**SETTINGS, **WAYS[self.way], "training.compile": compiled}
        given["training.checkpoint_seconds"] = 0.1
        return [
            *TINY,
            *("--model", MODELS[self.model]),
            *(f"--set={key}={value}" for key, value in given.items()),
            *("--epochs", str(EPOCHS)),
        ]


def main() -> int:
    """Kill and resume, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="in all (at least 4)")
    parser.add_argument("--saving", type=int, default=15, help="of these while saving")
    parser.add_argument("--jobs", type=int, default=2, help="chains at the same time")
    parser.add_argument("--seed", type=int, default=None, help="of the moments; default: the clock")
    asked = parser.parse_args()
    seed = time.time_ns() % 10**6 if asked.seed is None else asked.seed
    print(f"{asked.kills} kills, {asked.saving} of them while saving, moments of seed {seed}")
    chains = _chains(asked.kills, asked.saving)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TEXTGEN_CACHE"] = str(Path(folder) / "cache")
        corpus = _corpus(Path(folder), max(len(chain.plan) for chain in chains))
        print(f"{'':<22}{'kills':>6}" + "".join(f"{kind:>10}" for kind in KINDS))
        work = partial(_kill_and_compare, Path(folder), corpus, seed)
        with ThreadPoolExecutor(asked.jobs) as pool:
            for chain in pool.map(work, chains):
                print(_row(chain), flush=True)
    done = [kill for chain in chains for kill in chain.done]
    equal = [chain for chain in chains if not chain.different]
    print(
        f"{len(done)} kills, {done.count('saving')} while saving: "
        f"{sum(len(chain.done) for chain in equal)} in runs that ended equal to the bit"
    )
    enough = len(done) >= asked.kills and done.count("saving") >= asked.saving
    return 0 if enough and len(equal) == len(chains) else 1


def _chains(kills: int, saving: int) -> list[Chain]:
    """Return a chain for each way and model, the kinds of kills dealt out in turn."""
    chains = [Chain(way, model, []) for way in WAYS for model in MODELS]
    others = kills - saving
    kinds = ["saving"] * saving + [
        "starting" if number % STARTING == STARTING - 1 else "training" for number in range(others)
    ]
    for number, kind in enumerate(kinds):
        chains[number % len(chains)].plan.append(kind)
    return chains


def _corpus(folder: Path, kills: int) -> Path:
    """Write a text that is long enough for a step count that leaves room between the kills."""
    steps = STEPS_BETWEEN_KILLS * (kills + 2)
    characters = int(steps / EPOCHS * TOKENS_OF_A_STEP / 0.8)  # 80 % are trained on
    return write_corpus(folder / "corpus.txt", characters)


def _kill_and_compare(folder: Path, corpus: Path, seed: int, chain: Chain) -> Chain:
    began = time.perf_counter()
    draw = random.Random(f"{seed}-{chain.way}-{chain.model}")
    draw.shuffle(chain.plan)
    whole, parts = (folder / f"{name}-{chain.way}-{chain.model}" for name in ("whole", "parts"))
    _finish("run", corpus, *chain.settings, "--out", whole)
    first = ["run", corpus, *chain.settings, "--out", parts]
    left = list(chain.plan)
    while left and len(chain.done) < MOST_TRIES * len(chain.plan):
        is_made = (parts / "run.toml").is_file()
        # Before its first checkpoint a run has nothing that a kill at its start could spoil.
        wanted = left[0] if is_made or left[0] != "starting" else "training"
        killed = _kill(parts, ["resume", parts] if is_made else first, draw, wanted)
        if killed is None:
            break
        chain.done.append(killed)
        if killed in left:
            left.remove(killed)
    _finish("resume", parts)
    chain.different = differences(whole, parts)
    chain.seconds = time.perf_counter() - began
    return chain


def _kill(run: Path, arguments: list[object], draw: random.Random, wanted: str) -> str | None:
    """Start the command and kill it; return when it was hit, None if it ended before."""
    from_step = last_step(run)
    session = Session(run, *arguments)
    moment = from_step + draw.randint(1, STEPS_BETWEEN_KILLS // 2)
    if wanted == "starting":
        time.sleep(draw.uniform(0, STARTING_SECONDS))
    elif session.wait_for(lambda: last_step(run) >= moment):
        if wanted == "saving":
            session.wait_for(session.half_written, pause=0.0)
        else:
            time.sleep(draw.uniform(0, 0.05))  # rows come every tenth step
    status, error = session.send(signal.SIGKILL)
    if status == 0:
        return None
    if status != -signal.SIGKILL:
        raise RuntimeError(f"The command ended with {status}: {error}")
    if session.half_written():  # a save may also have ended before the kill came
        return "saving"
    return "starting" if last_step(run) == from_step else "training"


def _finish(*arguments: object) -> None:
    """Run the command to its end; raises RuntimeError, with its last words, if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "textgen_core", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The command ended with {done.returncode}: {done.stderr[-2000:]}")


def _row(chain: Chain) -> str:
    counts = "".join(f"{chain.done.count(kind):>10}" for kind in KINDS)
    verdict = ", ".join(chain.different) + " differ" if chain.different else "equal"
    return (
        f"{chain.way:<9}{chain.model:<13}{len(chain.done):>6}{counts}  {verdict}"
        f"  ({chain.seconds:.0f} s)"
    )


if __name__ == "__main__":
    sys.exit(main())
