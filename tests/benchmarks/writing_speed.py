"""How fast `textgen generate` writes beside transformers' `generate`, as the command reports it.

    python tests/benchmarks/writing_speed.py [--rounds 5] [--only transformer-65-1,lstm-10000-64]
        [--runtime auto] [--peer-python PATH]

A setting is a model of the recipe `fast`, a vocabulary and a number of samples, 200 new tokens
each, nucleus 0.9. The runs are trained for a moment on made-up text. Each round starts the command
anew and reads `tokens_per_second` of its `--json`; the peer, a GPT-2 of four layers and width 128
without training, is compiled once and writes in turns with it. The last column says how many of the
tokens were written before the texts ended: what is shorter keeps its row waiting for the others.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import describe_machine, installed
from peer_environment import peer_python
from speed_settings import THREADS
from text_table import render_table
from workers import Worker

COLUMNS = (
    "setting",
    "textgen, tokens/s",
    "transformers, tokens/s",
    "faster by",
    "lowest",
    "highest",
    "written",
)
NEW_TOKENS = 200
SETTINGS = tuple(
    f"{model}-{vocabulary}-{samples}"
    for model in ("transformer", "lstm")
    for vocabulary in (65, 10_000)
    for samples in (1, 64)
)
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.;:!? \n-"  # 61: with four, 65


def main() -> None:
    """Measure the settings asked for, and print the table."""
    arguments = _arguments()
    python = peer_python(arguments.peer_python)
    rows = []
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        environment = {**os.environ, "TEXTGEN_CACHE": str(Path(folder) / "cache")}
        runs: dict[str, Path] = {}
        for name in arguments.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            model, vocabulary, samples = name.split("-")
            key = f"{model}-{vocabulary}"
            if key not in runs:
                runs[key] = _train(Path(folder), model, int(vocabulary), environment)
            command = [sys.executable, "-m", "textgen_core", "generate", str(runs[key]), "--json"]
            command += ["--samples", samples, "--max-new-tokens", str(NEW_TOKENS)]
            command += ["--prompt", "", "--sampler", "nucleus:0.9", "--runtime", arguments.runtime]
            rows.append(_measure(name, command, environment, python, arguments.rounds, folder))
    machine = describe_machine(installed("textgen-core", "tensorflow", "ai-edge-litert"))
    print("\n".join([*machine, "", render_table(COLUMNS, rows)]))


def _measure(
    name: str,
    command: list[str],
    environment: dict[str, str],
    python: Path,
    rounds: int,
    folder: str,
) -> list[str]:
    _, vocabulary, samples = name.split("-")
    setting = {
        "vocabulary_size": int(vocabulary),
        "samples": int(samples),
        "new_tokens": NEW_TOKENS,
        "context_length": 256,
        "layers": 4,
        "heads": 4,
        "width": 128,
        "threads": THREADS,
        "sampling": {"top_p": 0.9},
    }
    worker = Worker(python, "transformers_gpt2.py", setting, Path(folder) / f"{name}.log")
    ours, theirs, shares, whole = [], [], [], int(samples) * NEW_TOKENS
    try:
        if worker.failed:
            raise SystemExit(str(worker.about))
        for number in range(rounds + 1):  # the first round warms both up
            written = subprocess.run(
                command, check=True, env=environment, stdout=subprocess.PIPE, text=True
            )
            found = json.loads(written.stdout)
            shares.append(sum(len(each["token_ids"]) for each in found["samples"]) / whole)
            speed = float(found["tokens_per_second"])
            turn = worker.train(2.0)
            if number:
                ours.append(speed)
                theirs.append(turn["tokens"] / turn["seconds"])
    finally:
        worker.close()
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return [
        name,
        f"{statistics.median(ours):,.0f}",
        f"{statistics.median(theirs):,.0f}",
        *(f"{each:.1f}x" for each in (statistics.median(ratios), min(ratios), max(ratios))),
        f"{min(shares):.0%}",
    ]


def _train(folder: Path, model: str, vocabulary: int, environment: dict[str, str]) -> Path:
    """Return a run whose vocabulary has exactly so many tokens, trained for a moment."""
    run, text = folder / f"{model}-{vocabulary}", folder / f"{vocabulary}.txt"
    draw = random.Random(1)
    if vocabulary == len(_LETTERS) + 4:
        text.write_text(_LETTERS + "".join(draw.choices(_LETTERS, k=60_000)), encoding="utf-8")
        tokenizer = "character"
    else:
        words = ["".join(draw.choices(_LETTERS[:26], k=7)) for _ in range(vocabulary)]
        text.write_text(" ".join([*words, *draw.choices(words, k=50_000)]), encoding="utf-8")
        tokenizer = f"word:vocabulary_size={vocabulary - 4}"
    command = [sys.executable, "-m", "textgen_core", "run", str(text), "--model", model, "--quiet"]
    command += ["--tokenizer", tokenizer, "--minutes", "0.5", "--out", str(run)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(SETTINGS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--peer-python", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
