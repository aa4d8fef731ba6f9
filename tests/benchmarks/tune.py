"""`textgen tune` against random search at equal time, and a study that is killed again and again.

    python tests/benchmarks/tune.py book.txt --time 20m --pairs 5
    python tests/benchmarks/tune.py --kills 20

The first form searches a text with either method for the same time, under as many seeds of the
study as asked for, and counts how often the one that learns from its trials ends with the better
winner, on validation text (the mean over seeds) and on test text. Methods take turns.

The second carries out two studies of tiny trials: one is left alone, the other's process is killed
with SIGKILL at random moments and started again. In the end both must have the same trials:
configurations, rungs, seeds, values and scores. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METHODS = ("tpe", "random")
LONGEST = 25.0  # seconds until a process is killed, at most
RECIPE = """
tokenizer = "character"
[model]
name = "lstm"
units = 16
layers = 1
embedding = 8
[[samplers]]
name = "greedy"
[data]
sequence_length = 32
stride = 32
[training]
epochs = 6
batch_size = 16
compile = "graph"
[generation]
max_new_tokens = 4
[evaluation]
prompts = 2
continuation_tokens = 4
"""
SPACE = ("--model", "lstm:units=8..32,layers=1..2", "--set", "training.learning_rate=0.001..0.02")


def main() -> int:
    """Do what was asked for, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("text", nargs="?", help="what is searched on")
    parser.add_argument("--time", default="20m", help="of each search")
    parser.add_argument("--pairs", type=int, default=5, help="seeds of the study, for each method")
    parser.add_argument("--kills", type=int, help="how often a process is killed")
    parser.add_argument("--trials", type=int, default=60, help="configurations that are killed")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--out", type=Path, help="the folder of the studies; default: a new one")
    parser.add_argument("rest", nargs="*", help="after --, options of textgen tune")
    asked = parser.parse_args()
    folder = asked.out or Path(tempfile.mkdtemp(prefix="textgen-tune-"))
    folder.mkdir(parents=True, exist_ok=True)
    if asked.kills is not None:
        return kill(folder, asked.kills, asked.trials, random.Random(asked.seed))
    if asked.text is None:
        parser.error("a text, or --kills")
    return compare(folder, asked.text, asked.time, asked.pairs, asked.rest)


def compare(folder: Path, text: str, searched: str, pairs: int, rest: list[str]) -> int:
    """Search with both methods in turns, and print who is better how often."""
    better = {"validation": 0, "test": 0}
    print("seed  method  trials  winner  recipe  on test  recipe on test", flush=True)
    for seed in range(1, pairs + 1):
        found = {}
        for method in METHODS:
            options = ["--for", searched, "--seed", str(seed), "--method", method, *rest]
            done = start([text, *options, "--out", str(folder / f"{method}-{seed}"), "--json"])
            output, _ = done.communicate()
            found[method] = values = json.loads(output)
            verdict = values["verdict"]
            recipe, test = verdict["recipe"]["mean"], verdict["test_bits_per_byte"]
            recipe_test = verdict["recipe_test_bits_per_byte"]
            figures = (
                f"{verdict['winner']['mean']:.4f}  {recipe:.4f}  {test:7.4f}  {recipe_test:.4f}"
            )
            print(f"{seed:4}  {method:6}  {len(values['trials']):6}  {figures}", flush=True)
        tpe, drawn = (found[method]["verdict"] for method in METHODS)
        better["validation"] += tpe["winner"]["mean"] < drawn["winner"]["mean"]
        better["test"] += tpe["test_bits_per_byte"] < drawn["test_bits_per_byte"]
    told = ", ".join(f"{count} of {pairs} on {split} text" for split, count in better.items())
    print(f"tpe is better: {told}")
    return 0


def kill(folder: Path, kills: int, trials: int, moments: random.Random) -> int:
    """Kill a study so often; return whether it ended with other trials than one left alone.

    trials: how many configurations it tries.
    """
    text, recipe = folder / "text.txt", folder / "tiny.toml"
    text.write_text("".join(sentences(moments)), encoding="utf-8")
    recipe.write_text(RECIPE, encoding="utf-8")
    begin = [str(text), "--recipe", str(recipe), *SPACE, "--trials", str(trials), "--quiet"]
    left_alone, killed = folder / "left-alone", folder / "killed"
    assert start([*begin, "--out", str(left_alone)]).wait() == 0
    options, count = [*begin, "--out", str(killed)], 0
    while count < kills:
        process = start(options)
        options = ["--out", str(killed), "--quiet"]
        try:
            code = process.wait(moments.uniform(0, LONGEST))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            count += (killed / "study.toml").exists()
            options = options if (killed / "study.toml").exists() else [*begin, *options]
        else:
            print(f"it ended with code {code} after {count} kills")
            break
    assert start(["--out", str(killed), "--quiet"]).wait() == 0
    whole, other = (trials_of(each) for each in (left_alone, killed))
    print(f"{count} kills: {len(whole)} trials left alone, {len(other)} of the killed study")
    for number, (one, two) in enumerate(zip(whole, other, strict=False), start=1):
        if one != two:
            print(f"trial {number}: {one}\n   killed: {two}")
    return int(whole != other)


def trials_of(study: Path) -> list[dict[str, Any]]:
    """Return what is to be the same of each trial."""
    output, _ = start(["--out", str(study), "--json"]).communicate()
    kept = ("number", "configuration", "rung", "seed", "values", "state", "score", "steps")
    return [{key: each[key] for key in kept} for each in json.loads(output)["trials"]]


def start(options: list[str]) -> subprocess.Popen[str]:
    """Start `textgen tune`; what it shows of its progress is left out."""
    command = [sys.executable, "-m", "textgen_core", "tune", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def sentences(drawn: random.Random) -> Iterator[str]:
    """Yield some thousand sentences of few words."""
    words = [
        "harbour",
        "lantern",
        "keeper",
        "river",
        "orchard",
        "miller",
        "winter",
        "letter",
        "kettle",
        "garden",
    ]
    for _ in range(600):
        yield f"The {drawn.choice(words)} and the {drawn.choice(words)} meet.\n"


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:,.0f} s")
    sys.exit(code)
