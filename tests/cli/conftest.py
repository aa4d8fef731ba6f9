"""One tiny run, trained once for a process, that the tests of commands copy and break."""

from __future__ import annotations

import random
import shutil

import pytest
from cli.commands import TINY

import textgen_core as textgen
from textgen_core.runs import RunDirectory
from textgen_core.runs.made_here import Note, write_note


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with a finished run and the text that it was trained on."""
    folder = tmp_path_factory.mktemp("trained")
    settings = [each for each in TINY if "=" in each and "." in each.partition("=")[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(folder / "cache"))
        textgen.run(
            write_text(folder),
            recipe="first",
            tokenizer="character",
            model="lstm:units=8,layers=1,embedding=8",
            sampler="nucleus:0.9",
            epochs=1,
            batch_size=8,
            settings=settings,
            out=folder / "finished",
        )
    return folder


def write_text(folder):
    """Write a text of some 2 KB, the same every time, and return its path."""
    draw = random.Random(11)
    words = ["mill", "wheel", "turns", "water", "slow", "under", "stone", "bridge", "night"]
    lines = [" ".join(draw.choice(words) for _ in range(7)) for _ in range(50)]
    path = folder / "text.txt"
    path.write_text(".\n".join(lines) + ".\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The text in a folder of this module's, beside which the commands are run."""
    return write_text(tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="module")
def finished_run(trained, corpus):
    """A finished run in a directory beside its corpus; copy it before you change it."""
    run = corpus.parent / "finished"
    shutil.copytree(trained / "finished", run)
    for name in ("run.toml", "manifest.json", "analysis.json"):
        text = (run / name).read_text(encoding="utf-8")
        (run / name).write_text(text.replace(str(trained), str(corpus.parent)), encoding="utf-8")
    write_note(RunDirectory(run), Note(files=[str(corpus)]))
    return run


@pytest.fixture(scope="module")
def copied(finished_run):
    """Return a function that copies the finished run under a name and hands it to a change."""

    def copy(name, change=lambda run: None):
        path = finished_run.parent / name
        shutil.copytree(finished_run, path)
        change(path)
        return path

    return copy
