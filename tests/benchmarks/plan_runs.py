"""Trains models of several sizes on several texts, for the law that `textgen plan` forecasts with.

    python tests/benchmarks/plan_runs.py FOLDER [--minutes 60] [--out plan_runs.json]

FOLDER holds the files that `TEXTS` names. Each run of `QUEUE` is the recipe `fast` with a model of
some size, trained for a fixed number of steps, so that a busy machine changes nothing but the time.
A row holds figures alone, and is written when its run has ended: the script goes on where it was
stopped. Held out is what follows the beginning of a text that is trained on, where there is enough.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from plan_training import Text, Trainables, configuration_of, prepare_text, train_and_score

from textgen_core.registry import discover

HELD_OUT = 40_000  # bytes that follow the beginning of a text
ROWS = Path(__file__).parent / "plan_runs.json"


class Source(NamedTuple):
    """Where a text is: the beginning of a file; 0 bytes: all of it, with its own test split."""

    file: str
    size: int
    kind: str


TEXTS = {
    "english 80 kB": Source("shakespeare.txt", 80_000, "play"),
    "english 370 kB": Source("shakespeare.txt", 370_000, "play"),
    "english 1.1 MB": Source("shakespeare.txt", 0, "play"),
    "book 78 kB": Source("course:en", 0, "book"),
    "japanese 1 MB": Source("ja.txt", 0, "manual"),
    "german 200 kB": Source("de.txt", 200_000, "quotations"),
    "chat 100 kB": Source("chat.txt", 0, "chat"),
    # The law is tested with these, and never sees them.
    "spanish 0.9 MB": Source("es.txt", 0, "quotations"),
    "code 1 MB": Source("code.txt", 0, "code"),
    "italian chat 59 kB": Source("chat_italian.txt", 0, "chat"),
    "russian 200 kB": Source("ru.txt", 200_000, "quotations"),
    "spanish book 72 kB": Source("course:es", 0, "book"),
}

SIZES = {
    "small": "transformer:layers=2,heads=2,feed_forward=256",
    "medium": "transformer",
    "large": "transformer:layers=6,heads=6,feed_forward=768",
    "lstm small": "lstm:units=256",
    "lstm": "lstm",
}


class Planned(NamedTuple):
    """A run to make."""

    text: str
    size: str
    steps: int


# Most medium ones and all LSTMs are runs of `textgen run`: `plan_row.py` adds what came of one.
QUEUE = [
    Planned(text, size, steps)
    for text, size, steps in (
        ("english 80 kB", "medium", 60),
        ("english 370 kB", "small", 561),
        ("english 1.1 MB", "small", 318),
        ("english 1.1 MB", "small", 1200),
        # Alike in time: a step of the small one takes a third of it, of the large one three times.
        ("spanish 0.9 MB", "small", 300),
        ("spanish 0.9 MB", "medium", 100),
        ("italian chat 59 kB", "small", 300),
        ("italian chat 59 kB", "medium", 100),
        ("english 1.1 MB", "large", 50),
        ("spanish 0.9 MB", "large", 35),
        ("italian chat 59 kB", "large", 35),
        ("code 1 MB", "small", 300),
        ("code 1 MB", "medium", 100),
        ("code 1 MB", "large", 35),
        ("russian 200 kB", "small", 300),
        ("russian 200 kB", "medium", 100),
        ("russian 200 kB", "large", 35),
        ("japanese 1 MB", "large", 150),
        ("book 78 kB", "small", 900),
        ("chat 100 kB", "small", 557),
        ("german 200 kB", "small", 300),
        ("german 200 kB", "medium", 100),
    )
]


def main() -> None:
    """Make the runs that are not there yet, and write each one's row."""
    arguments = _arguments()
    rows: list[dict[str, Any]] = read_rows(arguments.out)
    ends = time.monotonic() + 60 * arguments.minutes
    registry, texts = discover(), dict[Any, Text]()
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as name:
        folder = Path(name)
        trainables = Trainables(folder)
        for planned in QUEUE:
            key = {"text": planned.text, "size": planned.size, "steps": planned.steps}
            if any(key.items() <= row.items() for row in rows) or time.monotonic() > ends:
                continue
            began, cpu = time.monotonic(), time.process_time()
            source = TEXTS[planned.text]
            given = {**_files(arguments.folder, source, folder), "model": SIZES[planned.size]}
            configuration = configuration_of(registry, given)
            if planned.text not in texts:
                texts[planned.text] = prepare_text(configuration)
            text = texts[planned.text]
            row = train_and_score(text, configuration, planned.steps, trainables)
            about = {"kind": source.kind, "tokenizer": configuration.tokenizer.name}
            facts = {
                "bytes": text.train_bytes,
                "xz": round(text.xz, 4),
                "nats": round(text.nats, 4),
            }
            vocabulary = text.prepared.tokenizer.get_vocab_size(with_added_tokens=True)
            rows.append({**key, **about, **facts, "vocabulary": vocabulary, **row})
            write_rows(arguments.out, rows)
            taken = f"{time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} s of a core"
            print(json.dumps(rows[-1]), taken, flush=True)


def _files(folder: Path, source: Source, place: Path) -> dict[str, Any]:
    """Return the arguments that name a text: its file, or the files of its three splits."""
    if not source.size:
        in_package = source.file.startswith("course:")
        return {"corpus": [source.file if in_package else str(folder / source.file)]}
    content, held_out = (folder / source.file).read_bytes(), source.size // 10
    cuts = [0, source.size - held_out, source.size, source.size + HELD_OUT]
    files = []
    for start, end in pairwise(cuts):
        files.append(place / f"{start}-{end}-{source.file}")
        files[-1].write_bytes(content[start:end].decode("utf-8", "ignore").encode())
    train, validation, test = map(str, files)
    return {"corpus": [train], "validation": validation, "test": test}


def read_rows(path: Path) -> Any:
    """Return the rows of a file, none if there is no such file."""
    return json.loads(path.read_text()) if path.exists() else []


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows, a line each."""
    lines = ",\n".join(f" {json.dumps(row, ensure_ascii=False)}" for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=ROWS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
