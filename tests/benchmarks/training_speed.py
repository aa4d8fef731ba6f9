"""How fast this project trains beside its peers: the same models, on this machine, in turns.

    python tests/benchmarks/training_speed.py [--only lstm-100,transformer-65] [--rounds 5]
        [--seconds 6] [--contestants ours,bare,torch,tuned,keras] [--compile auto]
        [--peer-python PATH]

Every contestant has a process of its own and is compiled once; then they train in turns for some
seconds each, so that a change of the machine's speed meets all of them alike. One table comes out:
paste it where it is wanted, with the lines above it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arithmetic import FORMULA, operations_per_token
from machine import describe_machine
from peer_environment import peer_python
from speed_settings import PEER_SIDES, SETTINGS, THREADS, Contestant, contestants_of
from speed_table import Result, SettingResult, added, batch_share, render, summary
from workers import Turns, Worker, take_turns

_QUIET = 0.1  # of a core, that other programs may use
_PRODUCTS = Contestant(side="peak", name="matrix products", script="matrix_products.py")


def main() -> None:
    """Measure the settings asked for, and print the table."""
    arguments = _arguments()
    wants_peers = any(side in name for side in PEER_SIDES for name in arguments.contestants)
    python = peer_python(arguments.peer_python) if wants_peers else None
    measured = []
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        for name in arguments.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            measured.append(_measure(name, arguments, python, Path(folder)))
    results = [each.result for each in measured]
    versions = ChainMap(*(each.versions for each in measured))
    machine = describe_machine(f"{name} {versions[name]}" for name in sorted(versions))
    print("\n".join([*machine, "", render(results), "", *summary(results), ""]))
    print("\n".join(_notes(arguments, measured)))


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """The result of a setting, how the turns went, and the versions of what took part."""

    result: SettingResult
    turns: Turns
    versions: dict[str, str]


def _measure(
    name: str, arguments: argparse.Namespace, python: Path | None, folder: Path
) -> _Measured:
    contestants = _contestants(name, arguments)
    workers: list[Worker] = []
    try:
        for each in [*contestants, _PRODUCTS]:
            print(f"  {each.name} compiles", file=sys.stderr, flush=True)
            workers.append(_start(each, name, python, folder))
        able = [worker for worker in workers if not worker.failed]
        turns = take_turns(able, rounds=arguments.rounds, seconds=arguments.seconds)
    finally:
        for worker in workers:
            worker.close()
    answers = {id(worker): answers for worker, answers in zip(able, turns.answers, strict=True)}
    result = SettingResult(
        setting=name,
        operations_per_token=operations_per_token(SETTINGS[name]),
        results=[
            _result(each, worker, answers.get(id(worker), []))
            for each, worker in zip(contestants, workers[:-1], strict=True)
        ],
        peaks=_peaks(answers.get(id(workers[-1]), [])),
    )
    versions = [worker.about.get("versions", {}) for worker in workers]
    return _Measured(result=result, turns=turns, versions=dict(ChainMap(*versions)))


def _contestants(name: str, arguments: argparse.Namespace) -> list[Contestant]:
    return [
        each
        for each in contestants_of(name, arguments.compile)
        if each.name.startswith(tuple(arguments.contestants))
    ]


def _start(contestant: Contestant, name: str, python: Path | None, folder: Path) -> Worker:
    setting = {**SETTINGS[name], **contestant.options, "threads": THREADS, "folder": str(folder)}
    is_peer = contestant.side in PEER_SIDES and python is not None
    interpreter = python if is_peer else Path(sys.executable)
    log = folder / f"{name}-{contestant.name}.log"
    worker = Worker(interpreter, contestant.script, setting, log, contestant.environment)
    if worker.failed:
        print(f"  {contestant.name} failed: {worker.failed}", file=sys.stderr)
    return worker


def _result(contestant: Contestant, worker: Worker, answers: list[dict[str, Any]]) -> Result:
    return Result(
        side=contestant.side,
        name=contestant.name,
        precision=contestant.options.get("precision", "float32"),
        about=worker.about,
        speeds=[each["tokens"] / each["seconds"] for each in answers],
        batch_share=batch_share(answers),
        added=added(answers),
    )


def _peaks(answers: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the peak of each precision: of graph and XLA the one with the higher median."""
    peaks: dict[str, float] = {}
    for way in answers[0]["speeds"] if answers else ():
        precision = way.split()[0]
        median = statistics.median(each["speeds"][way] for each in answers)
        peaks[precision] = max(median, peaks.get(precision, 0.0))
    return peaks


def _notes(arguments: argparse.Namespace, measured: Sequence[_Measured]) -> list[str]:
    waiting = max(each.turns.waiting for each in measured)
    others = max((each.turns.others or 0.0) for each in measured)
    quiet = "" if others < _QUIET else " The machine was NOT quiet: measure again."
    return [
        f"{arguments.rounds} rounds of {arguments.seconds:g} s each, in turns, {THREADS} threads "
        "each; ratios are medians of the ratios within a round.",
        "tuned-torch: the same with glibc told to keep freed memory; torch: as it is installed.",
        "ours: the loop of `textgen run`, validations and samples left out; bare: its steps alone.",
        "Dropout is 0.3 in the LSTMs and 0 in the Transformers; nothing is tied.",
        f"Operations a token: {FORMULA}.",
        "Peak: products of 2048 x 2048 in the same precision, in TensorFlow as a graph or under "
        "XLA, the better one.",
        f"While one contestant trained, all those that waited used {waiting:.1%} of a core, and "
        f"other programs {others:.1%}.{quiet}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=_names(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--contestants", type=lambda text: text.split(","), default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--compile", default="auto", help="training.compile of ours")
    parser.add_argument("--peer-python", type=Path, default=None)
    arguments = parser.parse_args()
    arguments.contestants = arguments.contestants or ["ours", "bare", "torch", "tuned", "keras"]
    return arguments


def _names(known: Any) -> Any:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [each for each in asked if each not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return asked

    return names


if __name__ == "__main__":
    main()
