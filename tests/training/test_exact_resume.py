"""A run that was interrupted or killed in any of its phases ends as one that never stopped."""

import random
import signal

import pytest
from training.resuming import API, MODELS, assert_same_run, settings_of, write_corpus

import textgen_core as textgen
from textgen_core.errors import Interrupted
from textgen_core.pipeline.api import resume
from textgen_core.training.callbacks import Callback


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "text.txt")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it is done but what a `finally` does."""


class StopsAt(Callback):
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

    def on_training_row(self, row, progress):
        self._count()

    def on_validation_row(self, row):
        self._count()

    def on_sample(self, row):
        self._count()

    def on_checkpoint(self, step):
        self._count()


@pytest.mark.parametrize(
    ("way", "model", "compile"),
    [
        ("windows", "lstm", "xla"),
        ("windows", "transformer", "xla"),
        ("streams", "lstm", "graph"),
        ("streams", "transformer", "graph"),
    ],
)
def test_a_run_stopped_again_and_again_ends_as_one_that_never_stopped(
    way, model, compile, corpus, tmp_path
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    draw = random.Random(len(way + model))
    arguments = {**API, "settings": settings_of(way, compile), "model": MODELS[model]}
    textgen.run(corpus, **arguments, out=whole)
    with pytest.raises(Interrupted, match="checkpoint is saved") as caught:
        callback = StopsAt(draw.randint(1, 12), dies=False)
        textgen.run(corpus, **arguments, out=parts, callback=callback)
    assert caught.value.advice == f"Go on: textgen resume {parts}"
    with pytest.raises(Killed):
        resume(parts, callback=StopsAt(draw.randint(2, 20), dies=True))
    (parts / "checkpoints" / ".step-00000009.1").mkdir()
    resume(parts)
    assert_same_run(whole, parts)
    assert not list((parts / "checkpoints").glob(".*"))
