"""One tiny run, trained once, that the tests of commands copy and break."""

from __future__ import annotations

import random
import shutil

import pytest
from cli.commands import TINY

import textgen_core as textgen


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A text of some 2 KB, beside which the commands are run."""
    draw = random.Random(11)
    words = ["mill", "wheel", "turns", "water", "slow", "under", "stone", "bridge", "night"]
    lines = [" ".join(draw.choice(words) for _ in range(7)) for _ in range(50)]
    path = tmp_path_factory.mktemp("commands") / "text.txt"
    path.write_text(".\n".join(lines) + ".\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished_run(corpus):
    """A finished run in a directory beside its corpus; copy it before you change it."""
    settings = [each for each in TINY if "=" in each and "." in each.partition("=")[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(corpus.parent / "cache"))
        run = textgen.run(
            corpus,
            recipe="first",
            tokenizer="character",
            model="lstm:units=8,layers=1,embedding=8",
            sampler="nucleus:0.9",
            epochs=1,
            batch_size=8,
            settings=settings,
            out=corpus.parent / "finished",
        )
    return run.directory


@pytest.fixture(scope="module")
def copied(finished_run):
    """Return a function that copies the finished run under a name and hands it to a change."""

    def copy(name, change=lambda run: None):
        path = finished_run.parent / name
        shutil.copytree(finished_run, path)
        change(path)
        return path

    return copy
