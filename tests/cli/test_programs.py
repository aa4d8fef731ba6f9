"""What `textgen generate` writes with programs is what TensorFlow writes, whatever the cache."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cli.in_process import run_here

import textgen_core as textgen
from textgen_core.generation.drawing import uniform_numbers
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.run_runtime import Computing
from textgen_core.programs import store
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import HASHES
from textgen_core.runs.manifest import load_configuration
from textgen_core.runs.weights import WEIGHTS

TEMPERATURE = 0.9


@pytest.fixture(autouse=True)
def own_cache(finished_run, monkeypatch):
    """A cache for this module, so that a program is made once."""
    folder = finished_run.parent / "cache"
    monkeypatch.setenv("TEXTGEN_CACHE", str(folder))
    return folder


def opened(path, runtime="auto", on_wait=lambda _: None):
    directory = RunDirectory(path)
    configuration, _ = load_configuration(directory, discover())
    computing = Computing(runtime=runtime, on_wait=on_wait)
    return Run(directory, configuration, computing=computing)


def texts(run, count=20, **options):
    """Return the token ids of texts of seeds that follow one another."""
    options = {"max_new_tokens": 40, **options}
    return [run.write("the ", seed=seed, **options).samples[0].token_ids for seed in range(count)]


def near_a_border(run, number, place, options):
    """Whether what is drawn for a token of a sample lies within 1e-6 of where another begins."""
    options = {**options, "max_new_tokens": place + 1}
    trace = run.write("the ", samples=number + 1, alternatives=10_000, **options).trace
    step = trace.samples[number].steps[place]
    alternatives = sorted(step.alternatives, key=lambda each: each.token_id)[3:]
    shares = np.exp(np.array([each.log_probability for each in alternatives]) / TEMPERATURE)
    drawn = uniform_numbers(options["seed"], [number], place + 1)[0, place]
    return np.abs(np.cumsum(shares) / shares.sum() - drawn).min() < 1e-6


def test_texts_are_those_of_tensorflow(finished_run):
    ours, theirs = opened(finished_run, "program"), opened(finished_run, "tensorflow")
    pairs = list(zip(texts(ours), texts(theirs), strict=True))
    assert sum(one != other for one, other in pairs) <= 1
    assert ours.write("the ").compiled_with == "program"
    assert theirs.write("the ").compiled_with != "program"


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_of_a_hundred_texts_ninety_nine_are_those_of_tensorflow(tmp_path, corpus, model):
    run = textgen.run(
        corpus, model=model, epochs=2, out=tmp_path / "run", settings={"data.stride": 64}
    )
    ours, theirs = opened(run.directory, "program"), opened(run.directory, "tensorflow")
    options = {"max_new_tokens": 200, "seed": 1, "sampler": f"temperature:{TEMPERATURE}"}
    samples = [each.write("the ", samples=100, **options).samples for each in (ours, theirs)]
    pairs = [(one.token_ids, other.token_ids) for one, other in zip(*samples, strict=True)]
    differing = [number for number, (one, other) in enumerate(pairs) if one != other]
    assert len(differing) <= 1
    for number in differing:
        place = next(n for n, (one, other) in enumerate(zip(*pairs[number])) if one != other)
        assert near_a_border(theirs, number, place, options)
    same = next(number for number in range(100) if number not in differing)
    np.testing.assert_allclose(
        *(each[same].log_probabilities for each in samples), atol=1e-4, rtol=0
    )


def test_a_text_is_the_same_alone_and_among_others(finished_run):
    run = opened(finished_run, "program")
    options = {"max_new_tokens": 60, "seed": 3, "sampler": ["repetition-penalty", "nucleus:0.9"]}
    among = run.write("the ", samples=20, **options).samples  # two groups of eight, and one of four
    assert len({each.text for each in among}) == 20
    few = run.write("the ", samples=3, **options).samples  # a row each
    assert few == among[:3]
    [alone] = run.write("the ", samples=1, **options).samples
    assert alone == among[0]


def test_the_model_is_converted_once_and_that_is_said(copied):
    said = []
    path = copied("converted")
    change_weights(path)
    first = texts(opened(path, on_wait=said.append), 2)
    assert said == ["Converting the model, once: after that, writing starts at once."]
    assert texts(opened(path, on_wait=said.append), 2) == first
    assert len(said) == 1


def best_weights(path):
    return (
        path / "checkpoints" / json.loads((path / "best.json").read_text())["checkpoint"] / WEIGHTS
    )


def change_weights(path):
    """Make the weights of a run others, as if it had been trained on."""
    weights = best_weights(path)
    state = weights.with_name("state.json")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    told = json.loads(state.read_text())
    told[HASHES][weights.name] = hashlib.sha256(data).hexdigest()
    state.write_text(json.dumps(told))


def test_a_flipped_bit_in_the_weights_is_an_error_though_the_program_is_whole(
    copied, monkeypatch, capsys
):
    path = copied("flipped")
    assert texts(opened(path), 1)
    weights = best_weights(path)
    data = bytearray(weights.read_bytes())
    data[-3] ^= 4
    weights.write_bytes(data)
    found = run_here(monkeypatch, capsys, "generate", str(path))
    assert found.returncode == 4
    assert "is not the file that was saved" in found.stderr


@pytest.fixture
def expected(finished_run):
    return texts(opened(finished_run), 2)


def test_a_damaged_program_is_made_again(finished_run, own_cache, expected):
    for each in own_cache.glob("programs/*.program"):
        each.write_bytes(each.read_bytes()[:-9] + b"\0" * 9)
    assert texts(opened(finished_run), 2) == expected


def test_on_a_full_disk_the_text_is_written(finished_run, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "atomic_write", full)
    assert texts(opened(finished_run), 2) == expected


def test_without_a_folder_for_the_cache_the_text_is_written(
    finished_run, expected, monkeypatch, tmp_path
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "file" / "cache"))
    assert texts(opened(finished_run), 2) == expected


def test_without_the_interpreter_tensorflow_writes(finished_run, monkeypatch):
    theirs = texts(opened(finished_run, "tensorflow"), 2)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    run = opened(finished_run)
    assert texts(run, 2) == theirs
    assert run.write("the ").compiled_with != "program"


def test_without_the_interpreter_nothing_is_made_or_noted(finished_run, monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert opened(finished_run).write("the ").compiled_with != "program"
    assert list(tmp_path.rglob("*.program")) == list(tmp_path.rglob("*.refusal")) == []


def test_programs_that_were_asked_for_and_cannot_be_are_an_error(finished_run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    found = run_here(monkeypatch, capsys, "generate", str(finished_run), "--runtime", "program")
    assert found.returncode == 2
    assert (
        "cannot be written with programs: Programs need the package ai-edge-litert" in found.stderr
    )
    assert "--runtime tensorflow" in found.stderr
    assert len(found.stderr.splitlines()) <= 3


def test_debug_says_why_tensorflow_computes(finished_run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    arguments = (capsys, "generate", str(finished_run), "--max-new-tokens", "2")
    assert "TensorFlow computes" not in run_here(monkeypatch, *arguments).stderr
    found = run_here(monkeypatch, *arguments, "--debug")
    assert found.returncode == 0
    assert "TensorFlow computes, and no program: Programs need the package" in found.stderr


def test_a_short_text_has_the_surprisal_that_tensorflow_gives_it(finished_run, corpus):
    ours = opened(finished_run, "program").score(corpus)
    theirs = opened(finished_run, "tensorflow").score(corpus)
    assert [each.text for each in ours.tokens] == [each.text for each in theirs.tokens]
    np.testing.assert_allclose(
        [each.bits for each in ours.tokens], [each.bits for each in theirs.tokens], atol=1e-4
    )


def test_the_next_token_has_the_probabilities_that_tensorflow_gives_it(finished_run):
    ours, theirs = (
        opened(finished_run, each).explore.temperature("water under ").temperatures
        for each in ("program", "tensorflow")
    )
    for one, other in zip(ours, theirs, strict=True):
        assert one.entropy == pytest.approx(other.entropy, abs=1e-4)
        assert [each.token for each in one.tokens] == [each.token for each in other.tokens]


def test_two_commands_that_make_the_same_program_write_the_same_text(finished_run, tmp_path):
    environment = {**os.environ, "TEXTGEN_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "textgen_core", "generate", finished_run, "--json"]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    found = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert found[0]["samples"] == found[1]["samples"]
    kept = {each.suffix for each in (tmp_path / "cache" / "programs").iterdir()}
    assert kept == {".program"}


OPENED: list[str] | None = None  # paths, while a test asks for them


@pytest.fixture
def files_opened():
    """The paths that are opened during a test, by Python or by a library that tells it."""
    global OPENED
    if OPENED is None:
        OPENED = []
        sys.addaudithook(lambda event, given: event == "open" and OPENED.append(str(given[0])))
    OPENED.clear()
    return OPENED


def test_a_program_in_a_run_directory_is_never_opened(copied, own_cache, expected, files_opened):
    path = copied("stranger")
    for each in own_cache.glob("programs/*.program"):
        shutil.copy(each, path / each.name)
    files_opened.clear()
    assert texts(opened(path), 2) == expected
    programs = [each for each in files_opened if each.endswith(".program")]
    assert programs
    assert all(each.startswith(str(own_cache)) for each in programs)
