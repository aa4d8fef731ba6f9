"""The real command, stopped by signals at random moments, goes on as if it had never stopped."""

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
    settings_of,
    tensors_of,
    write_corpus,
)

import textgen_core as textgen
from textgen_core.pipeline.api import resume


@pytest.fixture
def draw():
    """Another moment each time; the seed is shown where a test fails."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"random.Random({seed})")
    return random.Random(seed)


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    return write_corpus(tmp_path / "text.txt")


def uninterrupted(way, corpus, out):
    arguments = {**API, "settings": settings_of(way), "model": MODELS["lstm"]}
    textgen.run(corpus, **arguments, out=out)
    return out


def command(way, corpus, out):
    """The arguments of the same run as a person would give them."""
    given = [f"--set={key}={value}" for key, value in settings_of(way).items()]
    return ["run", corpus, *TINY, "--model", MODELS["lstm"], *given, "--out", out]


def test_the_command_interrupted_at_a_random_moment_goes_on_exactly(draw, corpus, tmp_path):
    whole, parts = uninterrupted("windows", corpus, tmp_path / "whole"), tmp_path / "parts"
    session = Session(parts, *command("windows", corpus, parts))
    moment = draw.randint(1, last_step(whole) // 2)
    assert session.wait_for(lambda: last_step(parts) >= moment)
    status, error = session.send(signal.SIGINT)
    assert status == 130, error
    assert "checkpoint is saved" in error
    assert f"textgen resume {parts}" in error
    assert "Traceback" not in error
    assert tensors_of(parts) != tensors_of(whole)
    resume(parts)
    assert_same_run(whole, parts)


def test_the_command_killed_three_times_once_while_it_saves_goes_on_exactly(draw, corpus, tmp_path):
    whole, parts = uninterrupted("streams", corpus, tmp_path / "whole"), tmp_path / "parts"

    def kill(*arguments, saving=False):
        """Return whether it was hit while it saved."""
        moment = last_step(parts) + draw.randint(1, 10)
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
