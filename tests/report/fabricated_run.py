"""A run directory as `textgen run` leaves it, made up without training anything."""

from __future__ import annotations

import functools
import json
import math
import random
from pathlib import Path
from typing import Any

from textgen_core.corpus import Corpus
from textgen_core.corpus.analysis.analyse import analyse_corpus
from textgen_core.runs.directory import RunDirectory, create_run_directory
from textgen_core.runs.files import append_row, write_json, write_toml

STEPS = 1400
VOCABULARY = 4004
SAMPLERS = ["temperature:0.8", "nucleus:p=0.9"]
PROMPT = "The old harbour"
_LONG_PATH = "/texts/a very long folder name/the island letters.txt"

_PROSE = (
    "the of and a to in that it was he she they sea wind light house road stone river "
    "night day old grey small long slow deep quiet ship sail harbour lamp letter "
    "garden winter summer bread window door rain cloud hand voice bell tower field "
    "horse market island song mirror shadow"
)
_WORDS = _PROSE.split()


def fabricate_run(folder: Path, *, name: str = "2031-05-04-101500-lstm") -> RunDirectory:
    """Write every file that the report reads, and return the run."""
    run = create_run_directory(folder / name)
    write_toml(run.configuration, configuration())
    write_json(run.manifest, manifest())
    write_json(run.analysis, analysis())
    write_json(run.evaluation, evaluation())
    write_json(run.best, {"checkpoint": run.checkpoint(1120).name, "validation_loss": 3.214})
    write_logs(run)
    return run


def configuration() -> dict[str, Any]:
    """Return the table of run.toml."""
    return {
        "recipe": "none",
        "seed": 42,
        "corpus": {
            "files": [
                "/texts/harbour.txt",
                "/texts/a very long folder name/the island letters.txt",
            ],
            "encoding": "utf-8",
            "documents": "file",
            "split": [80.0, 10.0, 10.0],
            "validation": "none",
        },
        "data": {"sequence_length": 100, "stride": 50, "batching": "windows"},
        "training": {
            "batch_size": 32,
            "minutes": 3.0,
            "optimizer": "adam",
            "learning_rate": 0.003,
            "schedule": "linear",
            "compile": "auto",
            "recompute": False,
        },
        "generation": {"prompt": PROMPT, "max_new_tokens": 200, "samples": 3},
        "evaluation": {"stride": "none", "prompts": 50},
        "tokenizer": {"name": "bpe", "vocabulary_size": 4000},
        "model": {"name": "lstm", "units": [256, 256], "dropout": 0.3},
        "samplers": [{"name": "temperature", "value": 0.8}, {"name": "nucleus", "p": 0.9}],
        "metrics": [],
        "trackers": [],
    }


def manifest() -> dict[str, Any]:
    """Return the value of manifest.json."""
    layers = [
        ("embedding", "Embedding", "(1, 100, 128)", "(32, 100, 128)", VOCABULARY * 128),
        ("recurrent_1", "LSTM", "(1, 100, 256)", "(32, 100, 256)", 394_240),
        ("dropout_1", "Dropout", "(1, 100, 256)", "(32, 100, 256)", 0),
        ("recurrent_2", "LSTM", "(1, 100, 256)", "(32, 100, 256)", 525_312),
        ("output", "Dense", "(1, 100, 4004)", "(32, 100, 4004)", 257 * VOCABULARY),
    ]
    columns = ("name", "kind", "output_for_one", "output_for_batch", "parameters")
    kinds = [("tokenizer", "bpe"), ("model", "lstm"), ("sampler", "temperature")]
    return {
        "created": "2031-05-04T10:15:00+00:00",
        "seed": 42,
        "versions": {"textgen-core": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1"},
        "components": [
            {"kind": kind, "name": name, "distribution": "textgen-core", "version": "0.1.0"}
            for kind, name in kinds
        ],
        "corpus": [
            {"path": "/texts/harbour.txt", "bytes": 812_334, "sha256": "3f" * 32},
            {
                "path": _LONG_PATH,
                "bytes": 301_208,
                "sha256": "a7" * 32,
            },
        ],
        "machine": {
            "system": "Linux 6.9.3",
            "processor": "x86_64",
            "cores": 8,
            "gpus": [],
            "python": "3.12.4",
        },
        "model": {
            "layers": [dict(zip(columns, row, strict=True)) for row in layers],
            "parameters": sum(row[-1] for row in layers),
            "memory_bytes": 264_000_000,
            "vocabulary_size": VOCABULARY,
            "context_length": 100,
            "batch_size": 32,
            "precision": "float32",
        },
    }


def prose(words: int, seed: int = 7) -> str:
    """Return sentences of words that occur as often as Zipf's law has it."""
    draw = random.Random(seed)
    weights = [1 / rank for rank in range(1, len(_WORDS) + 1)]
    pieces: list[str] = []
    while words > 0:
        length = min(words, draw.randint(3, 18))
        sentence = " ".join(draw.choices(_WORDS, weights, k=length))
        pieces.append(sentence.capitalize() + draw.choice([". ", ".\n", "? ", ".\n\n"]))
        words -= length
    return "".join(pieces).strip()


@functools.cache
def analysis() -> dict[str, Any]:
    """Return the value of analysis.json, of a real analysis of made-up prose."""
    return analyse_corpus(Corpus(documents=(prose(6000), prose(2000, seed=8)))).as_json()


def evaluation() -> dict[str, Any]:
    """Return the value of evaluation.json."""
    loss = 3.241
    return {
        "split": "test",
        "tokens": 27_412,
        "bytes": 111_354,
        "unknown_tokens": 0,
        "loss": loss,
        "perplexity": math.exp(loss),
        "bits_per_byte": 1.151,
        "metrics": {
            "bleu": {"bleu": 1.92},
            "diversity": {"distinct_1": 0.31, "distinct_2": 0.78, "self_bleu": 12.4},
            "repetition": {"rep_1": 0.52, "rep_4": 0.021, "longest_loop": 4.0},
            "novelty": {
                "longest_copied": 14.0,
                "longest_copied_held_out": 9.0,
                "copied_4": 0.31,
                "copied_4_held_out": 0.05,
            },
            "stranger": {"warmth": 0.00042, "depth": None},
        },
        "signatures": {"bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1"},
        "readings": {"stranger": {"warmth": {"help": "heat of the words", "direction": "lower"}}},
        "baselines": {
            "uniform": {"loss": math.log(VOCABULARY), "bits_per_byte": 2.946},
            "unigram": {"loss": 6.402, "bits_per_byte": 2.274},
            "ngram": {"loss": 4.105, "bits_per_byte": 1.458, "order": 5},
            "xz": {"bits_per_byte": 1.733},
        },
        "errors": errors(),
        "written": written(),
        "diagnosis": [
            {
                "trouble": "undertraining",
                "evidence": "The validation loss was still falling at the end: from 3.340 at step "
                "980 to 3.214 at step 1400.",
                "advice": "Train longer (training.epochs or training.minutes).",
                "setting": "training.minutes",
            }
        ],
    }


def errors() -> dict[str, Any]:
    """Return the error analysis of evaluation.json."""
    classes = [(0, 0, 12, 9.1), (1, 9, 842, 7.7), (10, 999, 9_120, 5.2), (1000, None, 17_438, 2.1)]
    columns = ("from", "to", "tokens", "loss")
    return {
        "by_frequency": [dict(zip(columns, row, strict=True)) for row in classes],
        "by_position": [[place, 3 + 2 * math.exp(-place / 8), 274] for place in range(100)],
        "position_of": "window",
        "worst_lines": [
            {"text": "Quoth the samovar.", "tokens": 7, "bits_per_byte": 6.25},
            {"text": "Nine zlotys.", "tokens": 6, "bits_per_byte": 5.5},
        ],
        "over_length": [[64 * part, 3.4 - part / 20, part / 40] for part in range(1, 17)],
        "over_length_held_out": [[64 * part, 3.3, 0.01] for part in range(1, 17)],
        "loops": [{"text": "the sea and", "times": 7, "sample": 3}],
        "gap": [[step, 3.4 - step / 2000, 3.45 - step / 3000] for step in range(140, 1401, 140)],
    }


def written() -> list[dict[str, Any]]:
    """Return the scored texts of evaluation.json."""
    own = [[" lay", 2.5, False], [" in", 0.4, False], [" fog", 7.75, False], [".\n", None, False]]
    copied = [[word, 0.25, True] for word in ("Where", " lanterns", " never", " burn")]
    return [
        {"prompt": PROMPT, "pieces": [*own, *copied, [".", 12.5, False]]},
        {"prompt": "The pilot knew", "pieces": [[" nothing", 3.0, False]]},
    ]


def write_logs(run: RunDirectory, *, steps: int = STEPS, every: int = 10) -> None:
    """Write metrics.jsonl and samples.jsonl as training and the last phase do."""
    draw = random.Random(3)
    for step in range(every, steps + 1, every):
        progress = step / steps
        loss = 3.0 + 5.2 * math.exp(-7 * progress) + draw.gauss(0, 0.05)
        append_row(
            run.metrics,
            {
                "step": step,
                "epoch": 1 + int(4 * progress),
                "tokens": step * 3200,
                "seconds": round(0.128 * step, 3),
                "loss": loss,
                "learning_rate": 0.003 * min(1, progress / 0.05) * (1 - max(0, progress - 0.4)),
                "tokens_per_second": 24_000 + draw.gauss(0, 300),
            },
        )
        if step % (steps // 10) == 0:
            _write_event(run, step, 3.2 + 4.6 * math.exp(-6 * progress))
    for seed in range(3):
        append_row(run.samples, _sample(1120, prose(90, seed=100 + seed)))


def _write_event(run: RunDirectory, step: int, loss: float) -> None:
    append_row(
        run.metrics,
        {
            "step": step,
            "validation_loss": loss,
            "validation_perplexity": math.exp(loss),
            "validation_bits_per_byte": loss / 2.816,
        },
    )
    append_row(run.samples, _sample(step, prose(80, seed=step)))


def _sample(step: int, text: str) -> dict[str, Any]:
    row = {"step": step, "prompt": PROMPT, "seed": 42, "samplers": SAMPLERS}
    return {**row, "text": " " + text[0].lower() + text[1:]}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
