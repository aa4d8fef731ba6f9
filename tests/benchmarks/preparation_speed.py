"""How fast, and in how much memory, a corpus becomes token files.

    python tests/benchmarks/preparation_speed.py FILE [--megabytes 1000] [--rounds 1] [--analyse]
    python tests/benchmarks/preparation_speed.py FILE --cores 1 2 [--megabytes 20]

Phase 2 whole (read, clean, split, train the tokenizer, encode, write), against the bare
`encode_batch` of `tokenizers` on the lines of the same text with the same tokenizer, in turns, each
in a process of its own. FILE is repeated until it fills the size. With --analyse phase 1 is timed
too. With --cores phases 1 and 2 are timed part by part on so many cores each, and the token files
compared: the number of cores must not show in them. Nothing is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    if arguments.cores:
        _compare_cores(arguments)
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


def _compare_cores(arguments: argparse.Namespace) -> None:
    """Time the parts of phases 1 and 2 on several numbers of cores, and compare what they make."""
    found = []
    here = sorted(os.sched_getaffinity(0))
    if max(arguments.cores) > len(here):
        raise SystemExit(f"There are {len(here)} cores.")
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        text = Path(folder) / "corpus.txt"
        _write_corpus(arguments.file, text, arguments.megabytes)
        for count in arguments.cores:
            os.environ["TEXTGEN_CACHE"] = f"{folder}/cache{count}"
            os.sched_setaffinity(0, here[:count])  # which the process inherits
            os.environ["RAYON_NUM_THREADS"] = str(count)
            found.append(_measured("parts", text))
            print(count, found[-1], file=sys.stderr, flush=True)
    first = found[0]
    digests = {each.pop("digest") for each in found}
    columns = ["part", *(f"{count} cores, s" for count in arguments.cores), "speed-up"]
    rows = [
        [part, *(f"{each[part]:.2f}" for each in found), f"{first[part] / found[-1][part]:.2f}"]
        for part in first
    ]
    print("\n".join(describe_machine(installed("textgen-core", "tokenizers"))))
    print(f"{arguments.megabytes} MB of text\n\n{render_table(columns, rows)}\n")
    if len(digests) > 1:
        raise SystemExit("The token files differ.")
    print("The token files are the same.")


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


def _measured(name: str, text: Path) -> dict[str, Any]:
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


def _configured(text: Path) -> Any:
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


def parts(text: Path) -> dict[str, float | str]:
    """Phases 1 and 2 part by part, and the hash of the training tokens."""
    from textgen_core.corpus import clean_corpus, read_texts, split_corpus
    from textgen_core.corpus.analysis import analyse_corpus
    from textgen_core.corpus.overlap import measure_overlap
    from textgen_core.counts.counting import count
    from textgen_core.data.token_files import tokenize_documents
    from textgen_core.data.tokenizer import train_tokenizer

    configuration = _configured(text)
    seconds: dict[str, float | str] = {}

    def timed(name: str, function: Callable[..., Any], *given: Any) -> Any:
        began = time.perf_counter()
        result = function(*given)
        seconds[name] = time.perf_counter() - began
        return result

    texts = timed("read", read_texts, configuration.corpus)
    timed("count (phase 1)", analyse_corpus, texts.corpus)
    corpus = timed("clean", clean_corpus, texts.corpus, configuration.corpus)
    splits = timed("split", split_corpus, corpus, configuration.corpus)
    timed("shared text", measure_overlap, splits.train, splits.validation, splits.test)
    trainer = configuration.tokenizer.instance
    tokenizer = timed("train the tokenizer", train_tokenizer, trainer, splits.train)
    file = timed("tokenize", tokenize_documents, splits.train, tokenizer, "train")
    timed("count n-grams", count, file.token_ids, tokenizer.get_vocab_size(), 6)
    seconds["all"] = sum(each for each in seconds.values() if isinstance(each, float))
    return {**seconds, "digest": hashlib.sha256(file.path.read_bytes()).hexdigest()}


WORKERS = {"prepare": prepare, "encode_batch": encode_batch, "analyse": analyse, "parts": parts}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--analyse", action="store_true")
    parser.add_argument("--cores", type=int, nargs="+", help="numbers of cores to compare")
    parser.add_argument("--worker", choices=sorted(WORKERS), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
