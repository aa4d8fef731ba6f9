"""How fast this project writes beside its peers: models of one size, on this machine, in turns.

    python tests/benchmarks/generation_speed.py [--only transformer-65-1,lstm-10000-1] [--rounds 5]
        [--seconds 4] [--peer-python PATH]

A setting is a model, a vocabulary and a number of samples; 200 new tokens each, nucleus 0.9. The
settings `step-...` time our own chains beside no sampler at all. Every contestant has a process of
its own and is compiled once; then they write in turns for some seconds each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import ChainMap
from pathlib import Path
from typing import Any

from machine import describe_machine
from peer_environment import peer_python
from speed_settings import THREADS, Contestant
from speed_table import Result, best_of, ratio
from text_table import render_table
from workers import Turns, Worker, take_turns

COLUMNS = (
    "setting",
    "contestant",
    "compile s",
    "tokens/s, median",
    "lowest to highest",
    "ours is faster by",
)
_QUIET = 0.1  # of a core, that other programs may use
_COMMON = {"new_tokens": 200, "context_length": 256, "sampling": {"top_p": 0.9}}
_TRANSFORMER = {
    **_COMMON,
    "model": "transformer",
    "layers": 4,
    "heads": 4,
    "width": 128,
    "options": {"layers": 4, "heads": 4, "head_size": 32, "positions": "learned"},
}
_LSTM = {
    **_COMMON,
    "model": "lstm",
    "embedding": 128,
    "units": 256,
    "layers": 2,
    "options": {"embedding": 128, "units": [256], "layers": 2},
}
_MODELS = {"transformer": _TRANSFORMER, "lstm": _LSTM}
NUCLEUS = ["nucleus:0.9"]
CHAINS = {"no sampler": [], "nucleus": NUCLEUS, "top-k": ["top-k:40"]}
SETTINGS = (
    *("transformer-65-1", "transformer-65-64", "transformer-10000-1", "transformer-10000-64"),
    *("lstm-10000-1", "step-10000-1", "step-10000-64"),
)


def main() -> None:
    """Measure the settings asked for, and print the table."""
    arguments = _arguments()
    python = peer_python(arguments.peer_python)
    measured: dict[str, tuple[list[Result], Turns]] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        for name in arguments.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            results, turns = _measure(name, arguments, python, Path(folder))
            measured[name] = (results, turns)
            versions |= ChainMap(*(dict(each.about.get("versions", {})) for each in results))
    machine = describe_machine(f"{name} {versions[name]}" for name in sorted(versions))
    rows = [
        _row(name, each, results) for name, (results, _) in measured.items() for each in results
    ]
    print("\n".join([*machine, "", render_table(COLUMNS, rows), "", *_notes(arguments, measured)]))


def contestants_of(name: str) -> list[Contestant]:
    """Return who takes part in a setting; the first is the one that the others are held against."""
    model, vocabulary, samples = name.split("-")
    setting = {
        **_MODELS.get(model, _TRANSFORMER),
        "vocabulary_size": int(vocabulary),
        "samples": int(samples),
        "threads": THREADS,
    }

    def contestant(side: str, who: str, script: str, **options: Any) -> Contestant:
        return Contestant(side=side, name=who, script=script, options={**setting, **options})

    if model == "step":
        return [
            contestant("ours", who, "ours_writing.py", samplers=chain)
            for who, chain in CHAINS.items()
        ]
    ours = contestant("ours", "ours", "ours_writing.py", samplers=NUCLEUS)
    if model == "lstm":
        peer = contestant("torch", "PyTorch, Python loop", "torch_lstm_writing.py")
    else:
        peer = contestant("torch", "transformers' generate", "transformers_gpt2.py")
    if samples != "1":
        return [ours, peer]
    return [ours, peer, contestant("keras", "Keras, whole window", "keras_writing.py")]


def _measure(
    name: str, arguments: argparse.Namespace, python: Path, folder: Path
) -> tuple[list[Result], Turns]:
    contestants = contestants_of(name)
    workers: list[Worker] = []
    try:
        for each in contestants:
            print(f"  {each.name} compiles", file=sys.stderr, flush=True)
            interpreter = python if each.side == "torch" else Path(sys.executable)
            log = folder / f"{name}-{len(workers)}.log"
            workers.append(Worker(interpreter, each.script, each.options, log))
        able = [worker for worker in workers if not worker.failed]
        turns = take_turns(able, rounds=arguments.rounds, seconds=arguments.seconds)
    finally:
        for worker in workers:
            worker.close()
    answers = {id(worker): found for worker, found in zip(able, turns.answers, strict=True)}
    results = [
        Result(
            side=each.side,
            name=each.name,
            precision="float32",
            about=worker.about,
            speeds=[turn["tokens"] / turn["seconds"] for turn in answers.get(id(worker), [])],
        )
        for each, worker in zip(contestants, workers, strict=True)
    ]
    return results, turns


def _row(setting: str, result: Result, results: list[Result]) -> list[str]:
    if not result.speeds:
        reason = str(result.about.get("failed", "nothing was measured"))
        return [setting, result.name, f"failed: {reason[:60]}", "", "", ""]
    first = results[0]
    return [
        setting,
        result.name,
        f"{result.about['compile_seconds']:.1f}",
        f"{result.median:,.0f}",
        f"{min(result.speeds):,.0f} to {max(result.speeds):,.0f}",
        f"{ratio(first, result):.2f}x" if first.speeds else "",
    ]


def _notes(
    arguments: argparse.Namespace, measured: dict[str, tuple[list[Result], Turns]]
) -> list[str]:
    waiting = max(turns.waiting for _, turns in measured.values())
    others = max((turns.others or 0.0) for _, turns in measured.values())
    quiet = "" if others < _QUIET else " The machine was NOT quiet: measure again."
    lines = [
        f"{arguments.rounds} rounds of {arguments.seconds:g} s each, in turns, {THREADS} threads "
        "each, float32; ratios are medians of the ratios within a round. Weights are random; "
        "tokens per second count whole texts, prompt and decoding to text included.",
        f"While one contestant wrote, all those that waited used {waiting:.1%} of a core, and "
        f"other programs {others:.1%}.{quiet}",
    ]
    for name, (results, _) in measured.items():
        best = best_of(results[1:], "torch")
        if best is not None and results[0].speeds:
            lines.append(f"{name}: ours is {ratio(results[0], best):.1f} times {best.name}")
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=_names, default=list(SETTINGS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--peer-python", type=Path, default=None)
    return parser.parse_args()


def _names(text: str) -> list[str]:
    asked = text.split(",")
    if unknown := [each for each in asked if each not in SETTINGS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(SETTINGS)}")
    return asked


if __name__ == "__main__":
    main()
