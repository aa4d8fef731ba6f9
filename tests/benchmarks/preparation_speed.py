"""How fast, and in how much memory, a corpus becomes token files.

    python tests/benchmarks/preparation_speed.py FILE [--megabytes 1000] [--rounds 1] [--analyse]

Phase 2 whole (read, clean, split, train the tokenizer, encode, write), against the bare
`encode_batch` of `tokenizers` on the lines of the same text with the same tokenizer, in turns, each
in a process of its own. FILE is repeated until it fills the size. With --analyse phase 1 is timed
too. Nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, installed
from text_table import render_table

COLUMNS = ("what", "MB/s, median", "seconds", "peak memory", "of encode_batch's speed")
LINES = 20_000  # given to encode_batch at once


def main() -> None:
    """Measure, and print the table; or be one of the measured processes."""
    arguments = _arguments()
    if arguments.worker:
        print(json.dumps(WORKERS[arguments.worker](arguments.file)))
        return
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        os.environ["TEXTGEN_CACHE"] = f"{folder}/cache"
        text = Path(folder) / "corpus.txt"
        _write_corpus(arguments.file, text, arguments.megabytes)
        names = ["prepare", "encode_batch", *(["analyse"] if arguments.analyse else [])]
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(arguments.rounds):
            for name in names:
                taken[name].append(_measured(name, text))
                print(name, taken[name][-1], file=sys.stderr, flush=True)
        megabytes = text.stat().st_size / 1e6
    rows = [_row(name, taken[name], taken["encode_batch"], megabytes) for name in names]
    machine = describe_machine(installed("textgen-core", "tokenizers"))
    print("\n".join([*machine, f"{megabytes:,.0f} MB of text", "", render_table(COLUMNS, rows)]))


def _row(
    name: str,
    rounds: list[dict[str, float]],
    peer: list[dict[str, float]],
    megabytes: float,
) -> list[str]:
    seconds = statistics.median(each["seconds"] for each in rounds)
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(rounds, peer, strict=True)]
    return [
        name,
        f"{megabytes / seconds:.2f}",
        f"{seconds:.1f}",
        f"{max(each['peak'] for each in rounds) / 1e6:,.0f} MB",
        f"{statistics.median(ratios):.2f}",
    ]


def _measured(name: str, text: Path) -> dict[str, float]:
    command = [sys.executable, __file__, str(text), "--worker", name]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _write_corpus(source: Path, target: Path, megabytes: int) -> None:
    left = megabytes * 1_000_000
    data = source.read_bytes()
    with target.open("wb") as file:
        while left > 0:
            block = data[:left]
            while block and block[-1] & 0xC0 == 0x80:  # whole characters
                block = block[:-1]
            block = block if len(block) == len(data) or block[-1] < 0x80 else block[:-1]
            file.write(block)
            left -= len(data)


def _result(began: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": time.perf_counter() - began, "peak": peak}


def _configured(text: Path) -> object:
    from textgen_core.config.resolve import configure
    from textgen_core.registry.discovery import discover

    return configure({"corpus": [str(text)], "tokenizer": "bpe"}, discover())


def prepare(text: Path) -> dict[str, float]:
    """Phase 2 of a run, from the file to its token files."""
    from textgen_core.corpus import read_texts
    from textgen_core.pipeline import preparing as phases

    configuration = _configured(text)
    began = time.perf_counter()
    prepared = phases.prepare(read_texts(configuration.corpus), configuration)
    result = _result(began)
    prepared.tokenizer.save(str(text.with_suffix(".json")))
    for file in prepared.token_files.values():  # so that the next round finds none
        file.path.unlink()
    return result


def encode_batch(text: Path) -> dict[str, float]:
    """The library alone: every line encoded once, nothing kept."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(text.with_suffix(".json")))
    tokenizer.encode_special_tokens = True
    began = time.perf_counter()
    lines = []
    with text.open(encoding="utf-8", newline="") as file:
        for line in file:
            lines.append(line)
            if len(lines) == LINES:
                tokenizer.encode_batch(lines, add_special_tokens=False)
                lines = []
    tokenizer.encode_batch(lines, add_special_tokens=False)
    return _result(began)


def analyse(text: Path) -> dict[str, float]:
    """Phase 1 of a run, reading included."""
    from textgen_core.corpus import read_texts
    from textgen_core.corpus.analysis import analyse_corpus

    configuration = _configured(text)
    began = time.perf_counter()
    analyse_corpus(read_texts(configuration.corpus).corpus)
    return _result(began)


WORKERS = {"prepare": prepare, "encode_batch": encode_batch, "analyse": analyse}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--analyse", action="store_true")
    parser.add_argument("--worker", choices=sorted(WORKERS), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
