"""Adds a finished `textgen run` to the runs that the law of `textgen plan` is fitted to.

    python tests/benchmarks/plan_row.py RUN --text "news 5 MB" --kind news --size medium
        [--out plan_runs.json]

The runs of `plan_runs.py` leave out what changes no figure; this takes one that was made as users
make theirs, with the recipe `fast` and of any length. Its corpus has to be where it was. All runs
on a text have the same name for it: a law is tested on texts that it never saw.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import tokenizers
from finished_run import read_figures
from plan_runs import ROWS, SIZES, read_rows, write_rows

import textgen_core as textgen
from textgen_core.corpus import read_texts
from textgen_core.data.token_files import tokenize_documents
from textgen_core.pipeline.splitting import split_texts


def main() -> None:
    """Add the row, in place of one of the same run."""
    arguments = _arguments()
    about = {"text": arguments.text, "kind": arguments.kind, "size": arguments.size}
    row = {**about, **row_of(arguments.run)}
    key = {name: row[name] for name in ("text", "size", "tokenizer", "steps", "vocabulary")}
    others = [each for each in read_rows(arguments.out) if not key.items() <= each.items()]
    write_rows(arguments.out, [*others, row])
    print(json.dumps(row, ensure_ascii=False))


def row_of(directory: Path) -> dict[str, Any]:
    """Return what the law is told of a run; losses in bits per byte of its test text."""
    figures = read_figures(directory, seconds=0.0)
    evaluation = json.loads((directory / "evaluation.json").read_text(encoding="utf-8"))
    parts = evaluation.get("parts")
    if evaluation["split"] != "test" or parts is None:
        sys.exit(f"{directory} was not scored on test text, or counts did not join in.")
    configuration = textgen.open_run(directory, used=()).configuration
    splits, _ = split_texts(read_texts(configuration.corpus), configuration)
    tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    train = tokenize_documents(splits.train, tokenizer, "train")
    tokens = len(train.token_ids)
    return {
        "tokenizer": configuration.tokenizer.name,
        "steps": figures.steps,
        "bytes": train.text_bytes,
        "tokens": tokens,
        "vocabulary": tokenizer.get_vocab_size(with_added_tokens=True),
        "nats": round(evaluation["loss"] / evaluation["bits_per_byte"], 4),
        "parameters": figures.parameters,
        "dropout": configuration.model.options["dropout"],
        "seen": figures.training_tokens,
        "passes": round(figures.training_tokens / tokens, 3),
        "xz": round(evaluation["baselines"]["xz"]["bits_per_byte"], 4),
        **{name: round(parts[name]["bits_per_byte"], 4) for name in ("counts", "network")},
        "mixture": round(evaluation["bits_per_byte"], 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--text", required=True, help="what its text is called")
    parser.add_argument("--kind", required=True, help="what it is: play, news, code ...")
    parser.add_argument("--size", required=True, choices=SIZES)
    parser.add_argument("--out", type=Path, default=ROWS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
