"""Whether our samplers keep what transformers' logits processors keep, and as probable.

    python tests/benchmarks/samplers_beside_transformers.py [--rows 1000] [--peer-python PATH]

Random distributions: flat, peaked, with ties, one-hot, and with excluded tokens. A row is equal
where both keep the same tokens and no probability differs by more than 1e-6. Where tokens tie at a
threshold, ours keeps all of them, and transformers some; where a sum lies on the threshold itself,
float32 may decide either way; where no token would be left, ours leaves the row as it was. These
are counted apart. Exits with 1 if a row differs otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from machine import describe_machine, installed
from peer_environment import peer_python
from text_table import render_table
from workers import PEERS

from textgen_core.components import History
from textgen_core.generation import transforming
from textgen_core.generation.chain import Chain
from textgen_core.registry.discovery import discover
from textgen_core.registry.selection import choose
from textgen_core.testing.material import letter_tokenizer

CASES = [
    ("temperature", 0.7),
    ("top-k", 7),
    ("top-k", 1),
    ("nucleus", 0.9),
    ("nucleus", 0.5),
    ("min-p", 0.05),
    ("min-p", 0.5),
    ("typical", 0.9),
    ("typical", 0.3),
    ("repetition-penalty", 1.3),
    ("no-repeat-ngram", 2),
    ("no-repeat-ngram", 3),
]
VERDICTS = ("equal", "tie at the threshold", "sum on the threshold", "theirs empty", "different")
VOCABULARY, LENGTH = 60, 24
CLOSE = 3e-6  # to a threshold, of a sum in float32


def main() -> None:
    """Compare, and print the table."""
    arguments = _arguments()
    logits, texts = _distributions(arguments.rows), _texts(arguments.rows)
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        theirs = _transformers(Path(folder), logits, texts, peer_python(arguments.peer_python))
    rows, different = [], 0
    for (name, value), other in zip(CASES, theirs, strict=True):
        verdicts = _verdicts(logits, _ours(name, value, logits, texts), other, value)
        counts = [verdicts.count(each) for each in VERDICTS]
        rows.append([f"{name}:{value}", *map(str, counts)])
        different += counts[-1]
    machine = describe_machine(installed("textgen-core", "tensorflow"))
    print("\n".join([*machine, "", render_table(("sampler", *VERDICTS), rows)]))
    sys.exit(1 if different else 0)


def _verdicts(logits: np.ndarray, ours: np.ndarray, theirs: np.ndarray, value: float) -> list[str]:
    verdicts = []
    for before, mine, other in zip(logits, ours, theirs, strict=True):
        kept, wanted = mine > -np.inf, other > -np.inf
        if (kept == wanted).all():
            is_equal = np.abs(_probabilities(mine) - _probabilities(other)).max() <= 1e-6
            verdicts.append("equal" if is_equal else "different")
            continue
        if not wanted.any():
            verdicts.append("theirs empty")
            continue
        weights = _probabilities(before)
        extra = kept & ~wanted
        ties = extra.any() and not (wanted & ~kept).any()
        if ties and _all_tie(before, weights, extra, wanted):
            verdicts.append("tie at the threshold")
            continue
        sums = [weights[each].sum() for each in (kept, wanted, kept & wanted)]
        is_close = min(abs(each - value) for each in sums) < CLOSE
        verdicts.append("sum on the threshold" if is_close else "different")
    return verdicts


def _all_tie(
    before: np.ndarray, weights: np.ndarray, extra: np.ndarray, wanted: np.ndarray
) -> bool:
    """Whether each token that only ours keeps ranks with one that both keep.

    It is as probable, or as far from the entropy.
    """
    surprise = -np.log(np.maximum(weights, 1e-300))
    distance = np.abs(surprise - (weights * surprise).sum())
    return all(
        (np.abs(before[wanted] - before[token]) < 1e-6).any()
        or (np.abs(distance[wanted] - distance[token]) < 1e-5).any()
        for token in np.flatnonzero(extra)
    )


def _probabilities(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())


def _ours(name: str, value: float, logits: np.ndarray, texts: np.ndarray) -> np.ndarray:
    sampler = choose(discover(), "sampler", f"{name}:{value}", place="a case").instance
    lengths = tf.fill((len(texts),), texts.shape[1])
    history = History(token_ids=tf.constant(texts), length=lengths, prompt_length=lengths)
    [link] = Chain([sampler], [name], letter_tokenizer()).links
    values = transforming.option_tensors(link, link.values_of(sampler))
    state = transforming.initial_state(link, len(texts), VOCABULARY, values)

    def step(rows: tf.Tensor, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return transforming.transform(link, rows, history, state, values)[0]

    program = tf.function(step, jit_compile=True, autograph=False)
    return np.asarray(program(tf.constant(logits), values))


def _transformers(
    folder: Path, logits: np.ndarray, texts: np.ndarray, python: Path
) -> list[np.ndarray]:
    np.save(folder / "logits.npy", logits)
    cases = [{"name": name, "value": value} for name, value in CASES]
    (folder / "cases.json").write_text(json.dumps({"cases": cases, "texts": texts.tolist()}))
    subprocess.run([python, PEERS / "transformers_processors.py", folder], check=True)
    return [np.load(folder / f"{number}.npy") for number in range(len(CASES))]


def _distributions(count: int) -> np.ndarray:
    draws = np.random.default_rng(1)
    spread = draws.choice([0.01, 0.5, 2.0, 6.0, 25.0], (count, 1))
    logits = (draws.normal(size=(count, VOCABULARY)) * spread).astype(np.float32)
    logits[::5] = np.round(logits[::5])  # ties
    logits[1::4][draws.random((len(logits[1::4]), VOCABULARY)) < 0.4] = -np.inf
    logits[2::50] = -np.inf  # one-hot
    logits[np.arange(count), draws.integers(0, VOCABULARY, count)] = 1.0
    return logits


def _texts(count: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 6, (count, LENGTH)).astype(np.int32)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--peer-python", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
