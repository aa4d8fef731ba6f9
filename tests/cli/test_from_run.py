"""A run that begins with another: what it takes, what it refuses, what it forgets, and resuming."""

from __future__ import annotations

import json
import shutil
import signal

import pytest
from cli.in_process import refuse_tensorflow, run_here

import textgen_core as textgen
from textgen_core.errors import ConfigurationError, Interrupted, RunDirectoryError
from textgen_core.runs import RunDirectory
from textgen_core.runs.tensors import open_tensors
from textgen_core.runs.weights import best_step
from textgen_core.training.callbacks import Callback

FEW = ["generation.samples=1", "generation.max_new_tokens=4", "evaluation.prompts=1"]
FEW += ["evaluation.continuation_tokens=4", "training.compile=graph"]


class Log(Callback):
    """Keeps messages and warnings; interrupts at a step."""

    def __init__(self, stop_at=None):
        self.lines, self.stop_at = [], stop_at

    def on_message(self, lines):
        self.lines += lines

    def on_warning(self, text):
        self.lines.append(text)

    def on_training_row(self, row, progress):
        if row["step"] == self.stop_at:
            signal.raise_signal(signal.SIGTERM)  # which no shell ignores


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """A folder with a new text, of which the tokenizer of the run does not know three letters."""
    folder = tmp_path_factory.mktemp("new")
    lines = ["the wheel under the mill turns slow", "a stone zips by the bridge at night", "QQ z"]
    (folder / "new.txt").write_text("\n".join(lines * 40), encoding="utf-8")
    return folder


def begin(folder, trained, name, callback=None, **others):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(trained / "cache"))
        return textgen.run(
            folder / "new.txt",
            from_run=trained / "finished",
            out=folder / name,
            settings=FEW,
            callback=callback or Callback(),
            **{"epochs": 1, **others},
        )


@pytest.fixture(scope="module")
def begun(folder, trained):
    log = Log()
    return begin(folder, trained, "begun", log), log.lines


def weights_of(run, step):
    path = RunDirectory(run).checkpoint(step) / "weights.safetensors"
    return dict(open_tensors(path, run).tensors)


def test_it_has_the_tokenizer_the_model_and_the_batches_of_the_earlier_run(begun, trained):
    run, _ = begun
    theirs = trained / "finished" / "tokenizer.json"
    assert (run.directory / "tokenizer.json").read_bytes() == theirs.read_bytes()
    settings = run.configuration
    assert (settings.model.options["units"], settings.data.sequence_length) == ([8], 16)
    assert settings.training.batch_size == 8
    assert settings.training.learning_rate < 0.001 < settings.training.warm_up
    assert settings.from_run == "finished"
    assert 'from_run = "finished"' in (run.directory / "run.toml").read_text()


def test_its_ancestry_and_what_it_forgets_are_kept(begun, trained):
    run, lines = begun
    manifest = json.loads((run.directory / "manifest.json").read_text())
    earlier = RunDirectory(trained / "finished")
    (ancestor,) = manifest["ancestors"]
    assert ancestor["run"] == "finished"
    assert ancestor["checkpoint"] == earlier.checkpoint(best_step(earlier)).name
    found = json.loads((run.directory / "evaluation.json").read_text())["forgetting"]
    original = json.loads(earlier.evaluation.read_text())
    assert found["tokens"] == original["tokens"]
    assert found["before"]["bits_per_byte"] == pytest.approx(original["bits_per_byte"], rel=1e-5)
    assert found["after"]["loss"] != found["before"]["loss"]
    network = found["after"]["network_bits_per_byte"]  # there are no counts beside it
    assert network == found["after"]["bits_per_byte"]
    assert any("on the test text of finished" in line for line in lines)
    assert "forgetting" in textgen.runs.show(run.directory)
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    assert "This run began with finished." in page
    assert f"costs {found['after']['bits_per_byte']:.3f} bits now" in page
    assert "<dd>finished, step-" in page


def test_what_the_tokenizer_cannot_encode_is_said(begun):
    _, lines = begun
    (said,) = [line for line in lines if "cannot encode" in line]
    assert "'Q'" in said
    assert "would learn them" in said  # more than a few per cent


def test_what_contradicts_the_earlier_run_is_refused(folder, trained, monkeypatch, capsys):
    refuse_tensorflow(monkeypatch)
    given = ["run", str(folder / "new.txt"), "--from", str(trained / "finished")]
    for more, problem in (
        (["--tokenizer", "bpe"], "another tokenizer: bpe, where its own is character"),
        (["--model", "transformer"], "another model: transformer, where its own is lstm"),
        (["--model", "lstm:units=9"], "another model: units=9, where it has 8"),
        (["--workers", "2"], "Several workers cannot begin with another run."),
    ):
        done = run_here(monkeypatch, capsys, *given, *more)
        assert done.returncode == 2
        assert problem in done.stderr
        assert len(done.stderr.splitlines()) <= 3
    done = run_here(monkeypatch, capsys, *given[:2], "--from", str(folder))
    assert done.returncode == 4
    with pytest.raises(ConfigurationError, match="another model"):
        begin(folder, trained, "refused", model="transformer")
    assert not (folder / "refused").exists()


def test_a_run_that_was_stopped_before_it_had_the_weights_is_not_trained_from_nothing(
    begun, folder
):
    stopped = folder / "stopped"
    shutil.copytree(begun[0].directory, stopped)
    shutil.rmtree(stopped / "checkpoints")
    with pytest.raises(RunDirectoryError, match="before it had the weights of finished"):
        textgen.resume(stopped)


def test_interrupted_and_resumed_it_has_the_weights_of_one_that_was_not(folder, trained):
    whole = begin(folder, trained, "whole", epochs=3)
    with pytest.raises(Interrupted):
        begin(folder, trained, "parts", Log(stop_at=20), epochs=3)
    moved = trained.with_name("moved-while-it-is-resumed")
    (trained / "finished").rename(moved)  # it does without the run that it began with
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TEXTGEN_CACHE", str(trained / "cache"))
            resumed = textgen.resume(folder / "parts", callback=Callback())
    finally:
        moved.rename(trained / "finished")
    scored = [each.directory / "evaluation.json" for each in (whole, resumed)]
    one, other = (json.loads(each.read_text()) for each in scored)
    assert (one["loss"], one["forgetting"]) == (other["loss"], other["forgetting"])
    last = RunDirectory(whole.directory).saved_steps()[-1]
    one, other = (weights_of(each.directory, last) for each in (whole, resumed))
    assert all((one[key] == other[key]).all() for key in one)


def test_the_newest_of_several_ancestors_is_the_first(begun, folder, trained):
    twice = textgen.run(
        folder / "new.txt",
        from_run=begun[0],
        out=folder / "twice",
        settings=FEW,
        epochs=1,
        callback=Callback(),
    )
    manifest = json.loads((twice.directory / "manifest.json").read_text())
    assert [each["run"] for each in manifest["ancestors"]] == ["begun", "finished"]
