"""A run of epochs that was interrupted or killed ends as one that never stopped, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from training.resuming import API, MODELS, TINY, assert_same_run, tensors_of

import textgen_core as textgen
from textgen_core.errors import Interrupted
from textgen_core.listener import Listener
from textgen_core.pipeline import resume

WAYS = {
    "windows": {"data.stride": 12, "training.accumulate": 2, "training.checkpoint_seconds": 0.05},
    "streams": {"data.batching": "stream", "training.optimizer": "muon"},
}


def settings_of(way, model):
    """One of the four is compiled with XLA, the others as graphs, which is sooner done."""
    compiled = "xla" if (way, model) == ("windows", "lstm") else "graph"
    return {**API["settings"], **WAYS[way], "training.compile": compiled}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    draw = random.Random(3)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "ran", "to", "warm", "red", "barn"]
    text = " ".join(draw.choice(words) for _ in range(700))
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def uninterrupted(corpus, tmp_path_factory):
    """Return a function that trains a way with a model once, and gives the run's directory."""
    done = {}

    def train(way, model):
        if (way, model) not in done:
            out = tmp_path_factory.mktemp("whole") / f"{way}-{model}"
            arguments = {**API, "settings": settings_of(way, model), "model": MODELS[model]}
            textgen.run(corpus, **arguments, out=out)
            done[way, model] = out
        return done[way, model]

    return train


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it is done but what a `finally` does."""


class StopsAt(Listener):
    """Sends itself SIGINT, or dies, at the n-th thing that it is told in training."""

    def __init__(self, at, dies):
        self.at, self.dies, self.told = at, dies, 0

    def _count(self):
        self.told += 1
        if self.told != self.at:
            return
        if self.dies:
            raise Killed
        signal.raise_signal(signal.SIGINT)

    def training_row(self, row, progress):
        self._count()

    def validation_row(self, row):
        self._count()

    def sample(self, row):
        self._count()

    def checkpoint(self, step):
        self._count()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS)
def test_a_run_stopped_again_and_again_ends_as_one_that_never_stopped(
    way, model, corpus, uninterrupted, tmp_path
):
    whole, parts = uninterrupted(way, model), tmp_path / "parts"
    draw = random.Random(len(way + model))
    arguments = {**API, "settings": settings_of(way, model), "model": MODELS[model], "out": parts}
    with pytest.raises(Interrupted, match="checkpoint is saved") as caught:
        textgen.run(corpus, **arguments, listener=StopsAt(draw.randint(1, 12), dies=False))
    assert caught.value.advice == f"Go on: textgen resume {parts}"
    with pytest.raises(Killed):
        resume(parts, listener=StopsAt(draw.randint(2, 20), dies=True))
    (parts / "checkpoints" / ".step-00000009.1").mkdir()
    resume(parts)
    assert_same_run(whole, parts)
    assert not list((parts / "checkpoints").glob(".*"))


@pytest.mark.parametrize(
    ("way", "number"), [("windows", signal.SIGINT), ("streams", signal.SIGKILL)]
)
def test_the_command_stopped_by_a_signal_at_a_random_moment_goes_on_exactly(
    way, number, corpus, uninterrupted, tmp_path
):
    whole, parts = uninterrupted(way, "lstm"), tmp_path / "parts"
    given = [f"--set={key}={value}" for key, value in settings_of(way, "lstm").items()]
    arguments = ["run", corpus, *TINY, "--model", MODELS["lstm"], *given, "--out", parts]
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen_core", *map(str, arguments)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics, rows = parts / "metrics.jsonl", random.Random().randint(1, 10)
    while process.poll() is None:
        if metrics.is_file() and metrics.read_bytes().count(b"\n") >= rows:
            process.send_signal(number)
            break
        time.sleep(0.002)
    error = process.communicate(timeout=300)[1]
    if number == signal.SIGINT:
        assert process.returncode == 130, error
        assert "checkpoint is saved" in error
        assert f"textgen resume {parts}" in error
        assert "Traceback" not in error
    else:
        assert process.returncode == -number, error
    assert tensors_of(parts) != tensors_of(whole)
    resume(parts)
    assert_same_run(whole, parts)
