"""What workers agree on before they train: whoever differs, or fails, is named by all."""

import json
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from training.thread_workers import work

import textgen_core as textgen
from textgen_core.config.resolve import configure
from textgen_core.errors import CorpusError, RunDirectoryError, UsageError, WorkersError
from textgen_core.pipeline.resuming import _say_other_number
from textgen_core.pipeline.starting_workers import _configuration_before
from textgen_core.pipeline.workers import Worker
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_toml
from textgen_core.training.callbacks import Callback

BOOK = SimpleNamespace(files=({"path": "book.txt", "sha256": "0" * 64},))
OTHER = SimpleNamespace(files=({"path": "book.txt", "sha256": "f" * 64},))


@pytest.fixture(scope="module")
def configuration():
    return configure({"seed": 1}, discover(), recipe="first")


def said_by_each(task):
    """What each of two workers raises: the same, whoever's fault it is."""

    def run(collective):
        with pytest.raises((WorkersError, CorpusError)) as caught:
            task(Worker(collective))
        return f"{type(caught.value).__name__}: {caught.value.problem}"

    return work(2, run)


def test_workers_that_are_alike_agree(configuration):
    def agree(collective):
        worker = Worker(collective)
        worker.agree(configuration)
        with worker.preparing():
            worker.check_texts(BOOK)

    work(2, agree)


def test_a_setting_that_differs_is_named_with_its_worker(configuration):
    def agree(worker):
        worker.agree(configuration if worker.is_first else attrs.evolve(configuration, seed=2))

    message = "WorkersError: Worker 1 of 2 differs from the first: seed: 2, not 1."
    assert said_by_each(agree) == [message, message]


def test_a_version_that_differs_is_named(configuration, monkeypatch):
    def agree(worker):
        told = {"keras": "3.1" if worker.is_first else "3.2"}
        worker._compare(told)

    assert "Worker 1 of 2 differs from the first: keras: 3.2, not 3.1." in said_by_each(agree)[0]


def test_another_text_is_named(configuration):
    def read(worker):
        with worker.preparing():
            worker.check_texts(BOOK if worker.is_first else OTHER)

    for said in said_by_each(read):
        assert f"Worker 1 of 2 differs from the first: text 0: {'f' * 64}" in said


@pytest.mark.parametrize("failing", [0, 1])
def test_who_fails_says_it_and_nobody_waits(failing):
    def prepare(worker):
        with worker.preparing():
            if worker.collective.rank == failing:
                raise CorpusError("book.txt is empty.")
            worker.check_texts(BOOK)

    said = said_by_each(prepare)
    assert said[failing] == "CorpusError: book.txt is empty."
    assert said[1 - failing] == f"WorkersError: Worker {failing} of 2 failed: book.txt is empty."


def test_the_same_command_goes_on_with_its_run_and_another_is_refused(configuration, tmp_path):
    run = RunDirectory(tmp_path / "run")
    assert _configuration_before(run, configuration) is None
    write_toml(run.configuration, configuration.as_table())
    longer = attrs.evolve(configuration, training=attrs.evolve(configuration.training, epochs=9))
    assert _configuration_before(run, longer).seed == 1  # how long is no other run
    with pytest.raises(RunDirectoryError, match="seed was 1, not 2"):
        _configuration_before(run, attrs.evolve(configuration, seed=2))
    (tmp_path / "other").mkdir()
    Path(tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(RunDirectoryError, match="is not empty"):
        _configuration_before(RunDirectory(tmp_path / "other"), configuration)


@pytest.mark.parametrize(
    ("began", "goes_on", "is_said"), [(2, 3, True), (1, 2, True), (2, 2, False)]
)
def test_another_number_of_workers_is_said(tmp_path, began, goes_on, is_said):
    machine = {"workers": began} if began > 1 else {}
    (tmp_path / "manifest.json").write_text(json.dumps({"machine": machine}))
    said = []
    _say_other_number(RunDirectory(tmp_path), goes_on, said.append)
    assert bool(said) is is_said
    assert all(f"and goes on with {goes_on}" in each for each in said)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"workers": 0}, "workers=0"),
        ({"workers": 2, "restarts": -1}, "restarts=-1"),
        ({"workers": 2, "callback": Callback()}, "A callback cannot follow workers"),
    ],
)
def test_what_python_cannot_ask_of_workers_is_refused_before_any_starts(given, problem, tmp_path):
    (tmp_path / "book.txt").write_text("A line.\n" * 500)
    with pytest.raises(UsageError, match=problem):
        textgen.run(tmp_path / "book.txt", out=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.toml").touch()
    with pytest.raises(UsageError, match=problem):
        textgen.resume(tmp_path / "run", **given)
