"""A run of epochs that was interrupted or killed ends as one that never stopped, bit for bit."""

import random
import signal

import pytest
from training.resuming import (
    API,
    MODELS,
    TINY,
    Session,
    assert_same_run,
    last_step,
    tensors_of,
)

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


def command(way, corpus, out):
    """The arguments of the same run as a person would give them."""
    given = [f"--set={key}={value}" for key, value in settings_of(way, "lstm").items()]
    return ["run", corpus, *TINY, "--model", MODELS["lstm"], *given, "--out", out]


def test_the_command_interrupted_at_a_random_moment_goes_on_exactly(
    corpus, uninterrupted, tmp_path
):
    whole, parts = uninterrupted("windows", "lstm"), tmp_path / "parts"
    session = Session(parts, *command("windows", corpus, parts))
    moment = random.Random().randint(1, 40)
    assert session.wait_for(lambda: last_step(parts) >= moment)
    status, error = session.send(signal.SIGINT)
    assert status == 130, error
    assert "checkpoint is saved" in error
    assert f"textgen resume {parts}" in error
    assert "Traceback" not in error
    assert tensors_of(parts) != tensors_of(whole)
    resume(parts)
    assert_same_run(whole, parts)


def test_the_command_killed_three_times_once_while_it_saves_goes_on_exactly(
    corpus, uninterrupted, tmp_path
):
    whole, parts = uninterrupted("streams", "lstm"), tmp_path / "parts"

    def kill(*arguments, saving=False):
        """Return whether it was hit while it saved."""
        moment = last_step(parts) + random.Random().randint(1, 10)
        session = Session(parts, *arguments)
        if saving:
            assert session.wait_for(session.half_written, pause=0.0)
        else:
            assert session.wait_for(lambda: last_step(parts) >= moment)
        assert session.send(signal.SIGKILL)[0] == -signal.SIGKILL
        return bool(session.half_written())

    kill(*command("streams", corpus, parts))
    assert any(kill("resume", parts, saving=True) for _ in range(5))  # a save may end before it
    kill("resume", parts)
    assert tensors_of(parts) != tensors_of(whole)
    resume(parts)
    assert_same_run(whole, parts)
