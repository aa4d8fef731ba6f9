"""The Python API: run, open_run, and all that a run can do; who is told what, and when."""

import errno
import math
import random
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
import tensorflow as tf

import textgen_core as textgen
from textgen_core.components import Metric, Sampler, Tracker, TrackerSession
from textgen_core.corpus import read_texts
from textgen_core.errors import (
    CorpusError,
    Interrupted,
    PluginFailure,
    RunDirectoryError,
    UsageError,
)
from textgen_core.pipeline.api import resume
from textgen_core.pipeline.further import More
from textgen_core.pipeline.starting import advising, with_absolute_paths
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import file_errors, read_json, read_rows, write_json
from textgen_core.training.callbacks import Callback
from textgen_core.training.state import Plan, TrainingState

ARGUMENTS = {
    "recipe": "first",
    "tokenizer": "character",
    "model": "lstm:units=8,layers=1,embedding=8",
    "sampler": "nucleus:0.9",
    "epochs": 1,
    "batch_size": 8,
    "prompt": "the ",
    "settings": {
        "data.sequence_length": 16,
        "data.stride": 16,
        "generation.max_new_tokens": 8,
        "generation.samples": 1,
        "evaluation.prompts": 1,
        "evaluation.continuation_tokens": 4,
        "training.compile": "eager",
    },
}


@attrs.frozen(kw_only=True)
class OnlyE(Sampler):
    """Leaves one token."""

    token_id: int = textgen.option(5, help="the token that is left")

    def transform(self, logits, history):
        here = tf.range(logits.shape[1]) == self.token_id
        return tf.where(here[None], logits, -float("inf"))


@attrs.frozen(kw_only=True)
class CountingMetric(Metric):
    """Counts the samples."""

    figures = {"samples": textgen.Figure()}  # noqa: RUF012 - the contract's class attribute

    def measure(self, evidence):
        return {"samples": float(len(evidence.samples))}


SEEN = []


class Session(TrackerSession):
    def log(self, step, values):
        SEEN.append(("log", step))

    def sample(self, step, text):
        SEEN.append(("sample", step))

    def finish(self, outcome):
        SEEN.append(("finish", outcome))


@attrs.frozen(kw_only=True)
class SeeingTracker(Tracker):
    """Remembers everything."""

    def start(self, run):
        SEEN.append(("start", run))
        return Session()


class Recorder(Callback):
    def __init__(self, stops_at=None):
        self.told, self.stops_at = [], stops_at

    def _tell(self, what, *values):
        self.told.append((what, *values))
        if what == self.stops_at:
            raise KeyboardInterrupt

    def on_run_begin(self, directory):
        self._tell("run_starts", directory)

    def on_phase(self, number):
        self._tell(f"phase {number}")

    def on_message(self, lines):
        self._tell("found", lines)

    def on_table(self, columns, rows):
        self._tell("table", columns, rows)

    def on_warning(self, text):
        self._tell("warning", text)

    def on_estimate(self, seconds, steps):
        self._tell("expected", seconds, steps)

    def on_training_row(self, row, progress):
        self._tell("training_row", row, progress)

    def on_validation_row(self, row):
        self._tell("validation_row", row)

    def on_sample(self, row):
        self._tell("sample", row)

    def on_checkpoint(self, step):
        self._tell("checkpoint", step)

    def on_training_end(self, *, interrupted):
        self._tell("training_ends", interrupted)

    def on_generated(self, texts, prompt):
        self._tell("generated", texts, prompt)

    def names(self):
        return [each[0] for each in self.told]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    draw = random.Random(2)
    words = ["the", "miller", "sees", "a", "bee", "near", "every", "tree"]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text(" ".join(draw.choice(words) for _ in range(400)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def callback():
    return Recorder()


@pytest.fixture(scope="module")
def run(corpus, callback, tmp_path_factory):
    """A finished run with a stranger's metric and tracker; nobody changes its directory."""
    SEEN.clear()
    return textgen.run(
        corpus,
        **{**ARGUMENTS, "metric": CountingMetric(), "tracker": SeeingTracker()},
        out=tmp_path_factory.mktemp("runs") / "run",
        callback=callback,
    )


# ---- what a run tells -------------------------------------------------------------------------


def test_the_callback_is_told_of_the_five_phases_in_order(run, callback):
    names = callback.names()
    assert [name for name in names if name.startswith("phase")] == [
        f"phase {number}" for number in range(1, 6)
    ]
    order = ["run_starts", "table", "expected", "training_row", "training_ends", "generated"]
    positions = [names.index(name) for name in order]
    assert positions == sorted(positions)
    assert names.index("phase 4") < names.index("expected") < names.index("phase 5")


def test_the_callback_is_told_what_is_in_the_logs(run, callback):
    rows = list(read_rows(run.directory / "metrics.jsonl"))
    told = [each[1] for each in callback.told if each[0] in ("training_row", "validation_row")]
    assert told == rows
    samples = [each[1] for each in callback.told if each[0] == "sample"]
    written = list(read_rows(run.directory / "samples.jsonl"))
    assert samples == written[:-1]
    assert ("generated", [written[-1]["text"]], "the ") in callback.told
    assert ("training_ends", False) in callback.told


def test_a_tracker_follows_to_the_end_and_is_told_of_evaluation_and_report(run):
    assert [each[0] for each in SEEN].count("start") == 1
    (first, started), (last, outcome) = SEEN[0], SEEN[-1]
    assert (first, last) == ("start", "finish")
    assert outcome.status == "finished"
    assert outcome.evaluation == run.directory / "evaluation.json"
    assert outcome.report == run.directory / "report.html"
    assert started.id == "run"
    assert started.directory == run.directory
    assert started.resumed_at_step is None
    assert started.configuration["training"]["epochs"] == 1
    rows = list(read_rows(run.directory / "metrics.jsonl"))
    assert [each[1] for each in SEEN if each[0] == "log"] == [row["step"] for row in rows]


def test_a_metric_beside_the_bundled_ones_is_measured(run):
    metrics = read_json(run.directory / "evaluation.json")["metrics"]
    assert metrics["CountingMetric"] == {"samples": 1.0}
    assert "bleu" in metrics


# ---- what can be done with it -----------------------------------------------------------------


def test_pieces_add_up_to_the_text_that_is_written_at_once(run):
    pieces = list(run.generate("the ", seed=4))
    (sample,) = run.write("the ", seed=4).samples
    assert "".join(pieces) == sample.text
    assert "".join(run.generate("the ", seed=4)) == sample.text
    assert len(run.write("the ", samples=3).samples) == 3
    assert len(run.write("the ", max_new_tokens=2).samples[0].token_ids) <= 2


def test_the_runs_own_seed_and_samplers_are_the_default(run):
    assert run.write("the ").samples == run.write("the ", seed=1, sampler="nucleus:0.9").samples


@pytest.mark.parametrize(
    "sampler",
    [
        "greedy",
        {"name": "top-k", "k": 3},
        ["temperature:0.7", {"name": "nucleus", "p": 0.5}],
        OnlyE(),
        ["temperature:0.7", OnlyE()],
    ],
    ids=str,
)
def test_a_sampler_is_a_spec_a_dict_an_instance_or_a_list_of_these(run, sampler):
    assert run.write("the ", sampler=sampler).samples[0].token_ids


def test_an_instance_of_an_unregistered_sampler_is_used_with_its_options(run):
    for token_id in (5, 6):
        (sample,) = run.write("the ", sampler=OnlyE(token_id=token_id)).samples
        assert set(sample.token_ids) == {token_id}


def test_a_class_that_is_defined_again_takes_the_place_of_the_old_one(run):
    def define(token):
        @attrs.frozen(kw_only=True)
        class Mine(Sampler):
            """As in a notebook's cell."""

            def transform(self, logits, history):
                here = tf.range(logits.shape[1]) == token
                return tf.where(here[None], logits, -float("inf"))

        return Mine()

    for token in (7, 8):
        (sample,) = run.write("the ", sampler=define(token)).samples
        assert set(sample.token_ids) == {token}


def test_a_sampler_that_cannot_be_used_is_told(run):
    with pytest.raises(UsageError, match="Did you mean 'greedy'"):
        run.write(sampler="gredy")
    with pytest.raises(UsageError, match="p cannot be"):
        run.write(sampler="nucleus:p=2")

    @attrs.frozen(kw_only=True)
    class Raising(Sampler):
        """Raises."""

        def transform(self, logits, history):
            raise ValueError("no such thing")

    with pytest.raises(PluginFailure, match="Raising"):
        run.write(sampler=Raising())


def test_a_text_that_is_written_is_a_text_to_print_and_to_a_notebook(run):
    given = {"prompt": "the ", "sampler": OnlyE()}
    pieces = run.generate(**given)
    first = next(pieces)
    (sample,) = run.write(**given).samples
    assert str(pieces) == sample.text  # also of pieces that were taken before
    assert first
    assert sample.text.startswith(first)
    written = run.write(**given, samples=2)
    assert written.texts == [sample.text] * 2
    assert str(written).count("the " + sample.text) == 2
    assert written._repr_html_().count("<b>the </b>") == 2
    assert run.generate(**given)._repr_html_().startswith("<div")


def test_a_run_says_what_it_is_and_has_its_history_in_rows(run):
    bits = read_json(run.directory / "evaluation.json")["bits_per_byte"]
    assert repr(run).startswith("<Run run: lstm of ")
    assert f"{bits:.3f} bits per byte on test" in repr(run)
    assert "<svg" in run._repr_html_()
    steps = [row["step"] for row in run.history]
    assert steps == sorted(set(steps))
    assert {"loss", "validation_loss"} <= set(run.history[-1])


def test_a_text_is_scored_as_the_file_that_holds_it(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "the bee sees a tree"
    Path("bee.txt").write_text(text)
    scored = run.score(text)
    for of_file in (run.score(file="bee.txt"), run.score(Path("bee.txt"))):
        assert of_file.tokens == scored.tokens
    with pytest.warns(DeprecationWarning, match="file="):
        assert run.score("bee.txt").tokens == scored.tokens
    assert scored._repr_html_().count("<span ") == len(scored.spans())
    for wrong in ({}, {"text": text, "file": "bee.txt"}):
        with pytest.raises(UsageError, match="Allowed: a text"):
            run.score(**wrong)


def test_a_run_is_scored_again_to_the_same_figures(run):
    before = read_json(run.directory / "evaluation.json")
    assert run.evaluate().as_json() == before
    assert read_json(run.directory / "evaluation.json") == before


def test_figures_that_no_file_takes_are_returned_all_the_same(run):
    before = read_json(run.directory / "evaluation.json")
    (run.directory / "evaluation.json").unlink()
    (run.directory / "evaluation.json").mkdir()
    try:
        evaluation = run.evaluate()
    finally:
        (run.directory / "evaluation.json").rmdir()
        write_json(run.directory / "evaluation.json", before)
    assert evaluation.as_json()["loss"] == before["loss"]
    assert "are not kept" in run.warnings[-1]
    run.warnings = run.warnings[:-1]


def test_another_text_is_scored_and_the_runs_own_evaluation_stays(run, tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("the bee sees a tree")
    evaluation = run.evaluate(path)
    assert evaluation.split == "other.txt"
    assert read_json(run.directory / "evaluation.json")["split"] == "test"
    path.write_text("")
    with pytest.raises(CorpusError):
        run.evaluate(path)


def test_the_report_is_written_where_it_belongs(run):
    assert run.report() == run.directory / "report.html"
    left_out = "The most frequent words and phrases are left out of this page."
    assert left_out not in run.report().read_text(encoding="utf-8")
    assert left_out in run.report(excerpts=False).read_text(encoding="utf-8")


def test_a_run_with_a_component_that_no_plugin_provides_says_why_it_cannot_be_opened(run):
    with pytest.raises(RunDirectoryError, match="no plugin provides"):
        textgen.open_run(run.directory)


# ---- opened and resumed -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """A run of bundled components alone."""
    return textgen.run(corpus, **ARGUMENTS, out=tmp_path_factory.mktemp("plain") / "run")


def test_an_opened_run_writes_and_scores_what_the_trained_one_does(plain):
    opened = textgen.open_run(plain.directory)
    assert opened.step == plain.step
    assert opened.warnings == ()
    assert opened.write("the ").samples == plain.write("the ").samples
    assert opened.evaluate().as_json() == plain.evaluate().as_json()


def test_a_run_opens_by_path_by_text_by_prefix_and_as_the_newest(plain, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "2026-first").symlink_to(plain.directory)
    monkeypatch.chdir(tmp_path)
    for reference in (plain.directory, str(plain.directory), "2026-fi", None):
        assert textgen.open_run(reference).step == plain.step
    with pytest.raises(RunDirectoryError, match="nowhere"):
        textgen.open_run("nowhere")


def test_a_finished_run_goes_on_only_for_more(corpus, tmp_path):
    run = textgen.run(corpus, **ARGUMENTS, out=tmp_path / "run")
    steps = run.configuration.training.epochs * run.step
    with pytest.raises(UsageError, match="is finished"):
        resume(run.directory)
    for wrong in ({"epochs": 1, "minutes": 1.0}, {"epochs": 0}, {"minutes": float("nan")}):
        with pytest.raises(UsageError):
            resume(run.directory, **wrong)
    recorder = Recorder()
    further = resume(run.directory, epochs=2, callback=recorder)
    assert further.configuration.training.epochs == 3
    rows = [row for row in read_rows(run.directory / "metrics.jsonl") if "loss" in row]
    assert rows[-1]["epoch"] == 3
    assert rows[-1]["step"] == 3 * steps
    assert any("step" in line for _, lines in _found(recorder) for line in lines)
    minutes = resume(run.directory, minutes=0.01).configuration.training
    assert minutes.epochs is None
    assert minutes.minutes > 0.01
    with pytest.raises(UsageError, match="is finished"):
        resume(run.directory)


def _found(recorder):
    return [each for each in recorder.told if each[0] == "found"]


def test_a_changed_corpus_is_refused(plain, corpus, monkeypatch):
    text = corpus.read_text()
    corpus.write_text(text + "more")
    try:
        with pytest.raises(RunDirectoryError, match="is not the text"):
            resume(plain.directory, epochs=1)
        with pytest.raises(RunDirectoryError, match="is not the text"):
            textgen.open_run(plain.directory).evaluate()
    finally:
        corpus.write_text(text)


def test_a_run_whose_settings_were_changed_does_not_go_on_as_another(plain):
    path = plain.directory / "run.toml"
    text = path.read_text()
    try:
        path.write_text(text.replace("batch_size = 8", "batch_size = 4"))
        with pytest.raises(RunDirectoryError, match=r"training\.batch_size was 8, now 4"):
            resume(plain.directory, epochs=1)
        assert "epochs = 1\n" in path.read_text()  # nothing was begun
    finally:
        path.write_text(text)


def test_a_relative_corpus_is_found_again_from_anywhere(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(corpus.parent)
    run = textgen.run([corpus.name], **ARGUMENTS, out=tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert textgen.open_run("run").evaluate().as_json() == run.evaluate().as_json()


@pytest.mark.parametrize("moment", ["phase 1", "phase 2", "expected", "phase 5"])
def test_ctrl_c_anywhere_says_how_to_go_on_and_going_on_ends_well(moment, corpus, plain, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Interrupted) as caught:
        textgen.run(corpus, **ARGUMENTS, out=out, callback=Recorder(stops_at=moment))
    if moment == "phase 1":  # nothing is there to go on with
        assert not out.exists()
        return
    assert f"textgen resume {out}" in str(caught.value)
    resume(out)
    assert read_json(out / "evaluation.json") == read_json(plain.directory / "evaluation.json")
    assert len(list(read_rows(out / "samples.jsonl"))) == len(
        list(read_rows(plain.directory / "samples.jsonl"))
    )


@attrs.frozen(kw_only=True)
class BrokenTracker(Tracker):
    """Raises."""

    def start(self, run):
        raise OSError("no network")


def test_trackers_are_told_how_a_run_ended_and_one_that_raises_leaves_it_alone(corpus, tmp_path):
    SEEN.clear()
    recorder = Recorder(stops_at="phase 5")
    arguments = {**ARGUMENTS, "tracker": [BrokenTracker(), SeeingTracker()]}
    with pytest.raises(Interrupted):
        textgen.run(corpus, **arguments, out=tmp_path / "a", callback=recorder)
    assert SEEN[-1][1].status == "interrupted"
    assert [each[0] for each in SEEN].count("finish") == 1
    warnings = [each[1] for each in recorder.told if each[0] == "warning"]
    assert any("BrokenTracker" in text and "no network" in text for text in warnings)


# ---- what is refused --------------------------------------------------------------------------


def test_arguments_that_are_not_there_are_refused():
    with pytest.raises(TypeError, match="argument 'epoch'"):
        textgen.run([], epoch=3)


def test_a_run_that_cannot_begin_leaves_nothing(tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("too short")
    out = tmp_path / "runs" / "run"
    with pytest.raises(CorpusError):
        textgen.run(short, **ARGUMENTS, out=out)
    assert not out.exists()
    with pytest.raises(CorpusError):
        textgen.run(tmp_path / "none.txt", **ARGUMENTS, out=out)
    out.mkdir(parents=True)
    with pytest.raises(CorpusError):
        textgen.run(short, **ARGUMENTS, out=out)
    assert list(out.iterdir()) == []


def test_a_directory_that_is_not_empty_is_refused(corpus, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="not empty"):
        textgen.run(corpus, **ARGUMENTS, out=tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


def test_a_run_that_came_into_being_meanwhile_is_left_as_it_is(corpus, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def read_slowly(settings):  # until another process has begun, and ended, in the same place
        out.mkdir()
        (out / "run.toml").write_text("finished")
        return read_texts(settings)

    monkeypatch.setattr("textgen_core.corpus.read_texts", read_slowly)
    with pytest.raises(RunDirectoryError, match="not empty"):
        textgen.run(corpus, **ARGUMENTS, out=out)
    assert [(each.name, each.read_text()) for each in out.iterdir()] == [("run.toml", "finished")]


def test_a_full_disk_says_how_to_go_on_once_there_is_a_run(tmp_path):
    def fill():
        with advising(RunDirectory(tmp_path)), file_errors(tmp_path / "metrics.jsonl", "written"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunDirectoryError) as refused:
        fill()
    assert refused.value.advice == "Free some space on its disk."
    (tmp_path / "run.toml").touch()
    with pytest.raises(RunDirectoryError) as refused:
        fill()
    assert refused.value.advice == f"Free some space, then resume: textgen resume {tmp_path}"


def test_who_follows_a_run_cannot_write_it_too(corpus, tmp_path):
    class Greedy(Callback):
        def on_run_begin(self, directory):
            resume(directory, epochs=1)

    with pytest.raises(RunDirectoryError, match="being written by another call in this process"):
        textgen.run(corpus, **ARGUMENTS, out=tmp_path / "run", callback=Greedy())


def test_a_run_is_trained_on_by_exactly_as_many_steps_or_the_epochs_after_those_begun():
    from textgen_core.config.resolve import configure
    from textgen_core.pipeline.further import extended
    from textgen_core.registry.discovery import discover

    before = configure({"model": "lstm", "minutes": 3.0}, discover())
    state = TrainingState(plan=Plan(last_step=31), step=31, seconds=60.0)
    prepared = SimpleNamespace(batches=SimpleNamespace(batches_per_epoch=10))

    def planned(**more):
        training = extended(before, More(**more), state, prepared).training
        return training.epochs, training.steps, training.minutes

    assert planned(steps=4) == (None, 35, None)
    assert planned(epochs=2) == (6, None, None)
    assert planned(minutes=2.0) == (None, None, 3.0)


def test_more_is_one_of_three_positive_numbers():
    assert not More().asked
    assert More(epochs=1).asked
    assert More(steps=1).asked
    for wrong in (
        {"epochs": 1, "minutes": 1.0},
        {"epochs": 1, "steps": 1},
        {"epochs": 0},
        {"steps": -3},
        {"minutes": -1.0},
        {"minutes": math.nan},
    ):
        with pytest.raises(UsageError):
            More(**wrong)


def test_paths_are_made_absolute_and_stdin_stays(tmp_path, monkeypatch):
    from textgen_core.config.resolve import configure
    from textgen_core.registry.discovery import discover

    monkeypatch.chdir(tmp_path)
    arguments = {"corpus": ["a.txt", "-"], "validation": "b.txt"}
    found = with_absolute_paths(configure(arguments, discover())).corpus
    assert found.files == (str(tmp_path / "a.txt"), "-")
    assert found.validation == tmp_path / "b.txt"
    assert found.test is None


def test_the_former_name_of_callback_works_and_warns(corpus, tmp_path):
    recorder = Recorder(stops_at="run_starts")
    with (
        pytest.warns(DeprecationWarning, match="callback="),
        pytest.raises(Interrupted, match="before the first checkpoint"),
    ):
        textgen.run(corpus, **ARGUMENTS, out=tmp_path / "run", listener=recorder)
    assert recorder.names() == ["phase 1", "run_starts"]
