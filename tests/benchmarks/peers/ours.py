"""This project's own training, by the way that a run takes: its loop, batches, step and loss.

The tokens are random, in a memory-mapped file. Nothing is left out but validations and samples,
since no epoch ends while it is measured; the checkpoint that the loop leaves behind is not counted.
With `loop` = "bare" the same step is called on batches that are there beforehand, and nothing else.
"""

from __future__ import annotations

import functools
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tokenizers
from worker import Answer, Peer, serve, train_by_steps

from textgen_core.config.resolve import Configuration, configure
from textgen_core.corpus import Splits
from textgen_core.data.batches import Batch, WindowBatches
from textgen_core.data.tokenizer import SPECIAL_TOKENS
from textgen_core.models.devices import prepare_memory
from textgen_core.pipeline.preparing import Prepared
from textgen_core.pipeline.preparing import build as build_model
from textgen_core.pipeline.training import make_job, restore
from textgen_core.registry.discovery import discover
from textgen_core.runs.directory import create_run_directory
from textgen_core.training.callbacks import Callback
from textgen_core.training.interruption import Interruption
from textgen_core.training.loop import _Trainer, train
from textgen_core.training.prefetch import Prefetch
from textgen_core.training.step import TrainingStep

_TOKENS = 8_000_000  # so many that no epoch ends while it is measured


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    prepare_memory()
    tf.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(setting["threads"])
    folder = Path(tempfile.mkdtemp(dir=setting["folder"]))
    configuration = _configuration(setting)
    batches = _TimedBatches(configuration, _random_tokens(setting, folder / "random.tokens"))
    prepared = Prepared(
        splits=Splits(train=("",), validation=(), test=()),
        tokenizer=_tokenizer(setting["vocabulary_size"]),
        token_files={},
        batches=batches,
        notes=(),
    )
    language_model, description = build_model(configuration, prepared.tokenizer)
    run = create_run_directory(folder / "run")
    job = make_job(configuration, run, language_model, prepared, Callback())
    state = restore(job, fresh_plan=False)
    about = {
        "parameters": description.parameters,
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }

    if setting.get("loop") == "bare":
        ready = itertools.cycle([[batches.batch(index)] for index in range(16)])
        rate = configuration.training.learning_rate
        tokens = setting["batch_size"] * setting["sequence_length"]
        steps = train_by_steps(lambda: float(job.step(next(ready), rate).loss_sum), tokens)

        def train_bare(seconds: float) -> Answer:
            about["compiled_with"] = job.step.compiled_with
            return steps(seconds)

        return Peer(train=train_bare, about=about)

    spent = _timed(
        {
            "waiting for batches": (Prefetch, "take"),
            "writing rows": (_Trainer, "_log"),
            "steps": (TrainingStep, "__call__"),
        }
    )

    def train_for(seconds: float) -> Answer:
        nonlocal state
        before, batches.seconds = state, 0.0
        spent.update(dict.fromkeys(spent, 0.0))
        clock = _Clock(seconds)
        state = train(job, state, clock)
        about["compiled_with"] = job.step.compiled_with  # the first step may have changed it
        return {
            "tokens": state.tokens - before.tokens,
            "steps": state.step - before.step,
            "seconds": clock.passed,
            "batch_seconds": batches.seconds,
            "added": {
                **{name: spent[name] for name in spent if name != "steps"},
                "the rest": clock.passed - sum(spent.values()),
            },
        }

    return Peer(train=train_for, about=about)


def _timed(functions: dict[str, tuple[type, str]]) -> dict[str, float]:
    """Have methods add up their seconds, by name, in what is returned."""
    spent = dict.fromkeys(functions, 0.0)

    def timed(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                spent[name] += time.perf_counter() - began

        return run

    for name, (owner, method) in functions.items():
        setattr(owner, method, timed(name, getattr(owner, method)))
    return spent


class _Clock(Interruption):
    """Asks the loop to stop after so many seconds, and says how many had passed."""

    def __init__(self, seconds: float) -> None:
        # The base class notes signals in `requested`; here the clock answers in its place.
        self._seconds = seconds
        self._began = time.perf_counter()
        self.passed = 0.0

    @property
    def requested(self) -> bool:
        self.passed = time.perf_counter() - self._began
        return self.passed >= self._seconds


class _TimedBatches(WindowBatches):
    """The batches of a run, and the seconds that it takes to make them."""

    def __init__(self, configuration: Configuration, token_ids: np.ndarray) -> None:
        data, training = configuration.data, configuration.training
        super().__init__(
            token_ids, data.sequence_length, data.stride, training.batch_size, configuration.seed
        )
        self.seconds = 0.0

    def batch(self, index: int) -> Batch:
        began = time.perf_counter()
        batch = super().batch(index)
        self.seconds += time.perf_counter() - began
        return batch


def _configuration(setting: dict[str, Any]) -> Configuration:
    settings = {
        "data.sequence_length": setting["sequence_length"],
        "data.stride": setting["sequence_length"],
        "training.batch_size": setting["batch_size"],
        "training.label_smoothing": 0.0,
        "training.schedule": "constant",
        "training.patience": "none",
        "training.checkpoint_seconds": 1e9,
        "training.precision": setting["precision"],
        "training.compile": setting["compile"],
    }
    model = {"name": setting["model"], **setting["options"]}
    return configure({"model": model}, discover(), recipe="classic", settings=settings)


def _random_tokens(setting: dict[str, Any], path: Path) -> np.ndarray:
    """Return uint16 `(tokens,)`, memory-mapped, special tokens left out."""
    draw = np.random.default_rng(1)
    first = len(SPECIAL_TOKENS)
    draw.integers(first, setting["vocabulary_size"], _TOKENS, dtype=np.uint16).tofile(path)
    return np.memmap(path, dtype=np.uint16, mode="r")


def _tokenizer(vocabulary_size: int) -> tokenizers.Tokenizer:
    """Return a tokenizer of so many tokens, the special ones included."""
    first = len(SPECIAL_TOKENS)
    words = [*SPECIAL_TOKENS, *(f"word{number}" for number in range(first, vocabulary_size))]
    vocabulary = {word: position for position, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(vocabulary, unk_token=SPECIAL_TOKENS[1])
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


if __name__ == "__main__":
    serve(build)
