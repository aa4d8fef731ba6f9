"""Two runs compared bit for bit, and the smallest command lines that train."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.numpy

CLOCK = ("seconds", "tokens_per_second")
SETTINGS = {
    "data.sequence_length": 16,
    "data.stride": 16,
    "generation.max_new_tokens": 4,
    "generation.samples": 1,
    "evaluation.prompts": 2,
    "evaluation.continuation_tokens": 4,
    "training.schedule": "plateau",
}
API = {
    "recipe": "first",
    "tokenizer": "character",
    "sampler": "greedy",
    "epochs": 2,
    "batch_size": 4,
    "learning_rate": 0.01,
    "settings": SETTINGS,
}
TINY = [
    *("--recipe", "first", "--tokenizer", "character", "--sampler", "greedy"),
    *("--epochs", "2", "--batch-size", "4", "--learning-rate", "0.01"),
]
MODELS = {
    "lstm": "lstm:units=8,layers=2,embedding=6,dropout=0.3",
    "transformer": "transformer:layers=1,heads=2,head_size=4,feed_forward=8,dropout=0.2",
}


def tensors_of(run: Path) -> dict[str, bytes]:
    """Every tensor of the newest checkpoint, as bytes with its type."""
    newest = max((run / "checkpoints").glob("step-*"))
    found = {"checkpoint": newest.name.encode()}
    for file in sorted(newest.glob("*.safetensors")):
        for key, array in safetensors.numpy.load_file(file).items():
            found[f"{file.name}/{key}"] = f"{array.dtype}{array.shape}".encode() + array.tobytes()
    return found


def rows_of(path: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: row[key] for key in row if key not in CLOCK} for row in rows]


def assert_same_run(one: Path, other: Path) -> None:
    """Weights, seeds, optimizer, carry, logs, best, evaluation: all but the clock."""
    assert tensors_of(one) == tensors_of(other)
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert rows_of(one / name) == rows_of(other / name)
    for name in ("best.json", "evaluation.json"):
        assert (one / name).read_text() == (other / name).read_text()
