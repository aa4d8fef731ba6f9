"""A recipe that fits its run: what a run counts, chooses, says and leaves behind."""

import tomllib
from types import SimpleNamespace

import attrs
import pytest

import textgen_core as textgen
from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import configure
from textgen_core.config.settings import TrainingSettings
from textgen_core.errors import Interrupted, PluginFailure
from textgen_core.pipeline import fitting, running
from textgen_core.pipeline.api import resume
from textgen_core.pipeline.refitting import StepTime, refit
from textgen_core.pipeline.training import make_job
from textgen_core.registry.discovery import discover
from textgen_core.runs import RunDirectory
from textgen_core.runs.files import read_json
from textgen_core.runs.made_here import read_note
from textgen_core.training.callbacks import Callback
from textgen_core.training.job import TrainingJob
from textgen_core.training.state import Plan, TrainingState

RECIPE = """
[tokenizer]
name = "character"
[model]
name = "lstm"
units = 8
layers = 1
embedding = 8
[[samplers]]
name = "nucleus"
[generation]
max_new_tokens = 8
samples = 1
[evaluation]
prompts = 1
continuation_tokens = 4
[data]
sequence_length = 16
stride = 16
[training]
minutes = 60
batch_size = 8
compile = "eager"
[[for.lstm.fit]]
passes = 2
model.dropout = 0.25
training.most_passes = 1
[[for.lstm.fit]]
passes = 1000
model.dropout = 0.5
"""


PREPARED = SimpleNamespace(tokenizer=None, token_files={"train": SimpleNamespace(token_ids=[0])})


class Lines(Callback):
    def __init__(self, stops_at=0):
        self.lines, self.stops_at = [], stops_at

    def on_message(self, lines):
        self.lines += lines

    on_detail = on_message

    def on_phase(self, number):
        if number == self.stops_at:
            raise KeyboardInterrupt


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "mine.toml").write_text(RECIPE)
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 40)
    return tmp_path / "mine.toml"


def test_a_run_is_fitted_once_and_its_file_has_what_was_chosen(recipe, monkeypatch):
    """Stopped before it is fitted, resumed, and repeated where the machine is slower."""
    folder, text = recipe.parent, recipe.parent / "text.txt"
    speeds = iter([1000.0, 1.0])
    monkeypatch.setattr(fitting, "estimate_tokens_per_second", lambda *_: next(speeds))
    with pytest.raises(Interrupted):
        textgen.run(text, recipe=str(recipe), out=folder / "one", callback=Lines(stops_at=3))
    assert "passes = 2.0" in (folder / "one" / "run.toml").read_text()

    told = Lines()
    run = resume(folder / "one", callback=told)
    assert run.configuration.model.options["dropout"] == 0.5
    note = read_note(RunDirectory(run.directory))  # found though run.toml is another
    assert note.files == [str(text)]
    chosen = tomllib.loads((folder / "one" / "run.toml").read_text())
    assert "for" not in chosen
    assert chosen["training"]["most_passes"] == 1
    (line,) = [each for each in told.lines if "through the text fit into" in each]
    assert line.endswith(f"ends after 1: dropout=0.5, most_passes=1.0 (the recipe {recipe})")
    (line,) = [each for each in told.lines if "(training.most_passes)" in each]
    assert line.startswith("ended after 1 pass through the text")

    again = textgen.run(text, config=folder / "one" / "run.toml", out=folder / "two")
    assert next(speeds) == 1.0  # nobody has asked for it
    assert again.configuration.as_table() == run.configuration.as_table()
    assert weights_of(again) == weights_of(run)


def test_rules_choose_by_the_speed_that_is_measured_and_what_was_expected_leaves_no_trace(
    recipe, monkeypatch
):
    """Less than two passes are expected, for which no rule is, and thousands fit in."""
    monkeypatch.setattr(fitting, "estimate_tokens_per_second", lambda *_: 0.1)
    folder, told = recipe.parent, Lines()
    run = textgen.run(folder / "text.txt", recipe=str(recipe), out=folder / "one", callback=told)
    expected, measured, _ = [each for each in told.lines if "through the text" in each]
    assert expected.endswith(f"fit into 1 h: no rule applies (the recipe {recipe})")
    assert measured.startswith("as measured, about ")
    assert measured.endswith(f"ends after 1: dropout=0.5, most_passes=1.0 (the recipe {recipe})")
    assert run.configuration.model.options["dropout"] == 0.5

    again = textgen.run(config=folder / "one" / "run.toml", out=folder / "two")
    assert again.configuration.as_table() == run.configuration.as_table()
    assert weights_of(again) == weights_of(run)


@pytest.mark.parametrize(("also", "built"), [("", 1), ("training.clip_norm = 0.5", 2)])
def test_a_step_that_stays_as_it_is_is_compiled_once(also, built, recipe, monkeypatch):
    """Only the rate and the end are given to a step from outside."""
    rule = "passes = 2\ntraining.learning_rate = 0.03\ntraining.most_passes = 1\n" + also
    recipe.write_text(RECIPE.partition("[[for.lstm.fit]]")[0] + "[[for.lstm.fit]]\n" + rule)
    monkeypatch.setattr(fitting, "estimate_tokens_per_second", lambda *_: 0.1)
    made = []
    monkeypatch.setattr(running, "make_job", lambda *given: made.append(given) or make_job(*given))
    folder, text = recipe.parent, recipe.parent / "text.txt"
    run = textgen.run(text, recipe=str(recipe), out=folder / "one", callback=Lines())
    assert len(made) == built
    assert run.configuration.training.learning_rate == 0.03

    again = textgen.run(config=folder / "one" / "run.toml", out=folder / "two")
    assert weights_of(again) == weights_of(run)
    one, other = (read_json(each.directory / "manifest.json") for each in (run, again))
    assert one["settings"] == other["settings"]


@pytest.mark.parametrize(
    ("step", "dropout"),
    [(0.5, 0.25), (0.026, 0.25), (0.02, None), (0.0171, None), (0.01, None)],
)
def test_what_is_right_for_a_few_passes_more_or_fewer_is_left(step, dropout, recipe):
    """From 1,000 passes on it is 0.5; steps of 0.018 s make as many."""
    before = configured(recipe, minutes=15.0)
    fitted = apply_rules(before, 1000)
    found = refit(settled_as(before, fitted), job_of(fitted), StepTime(1.0, step))
    assert (found and found[0].model.options["dropout"]) == dropout


def test_a_model_that_takes_long_to_compile_is_not_compiled_once_more(recipe):
    before = configured(recipe, minutes=1.0)
    fitted = apply_rules(before, 0)
    for first, is_refitted in ((5.9, True), (6.1, False)):
        found = refit(settled_as(before, fitted), job_of(fitted), StepTime(first, 0.001))
        assert (found is not None) == is_refitted


def settled_as(before, fitted):
    return fitting.Settled(unfitted=before, fitted=fitted)


def job_of(configuration):
    """What there is of a job before anything of it is needed but its plan."""
    nothing = dict.fromkeys(("optimizer", "step", "run", "validate", "write_sample", "callback"))
    nothing["language_model"] = None
    batches = SimpleNamespace(batches_per_epoch=50)
    return TrainingJob(**nothing, batches=batches, settings=configuration.training, event_steps=4.0)


def weights_of(run):
    return [path.read_bytes() for path in sorted(run.directory.glob("checkpoints/*/weights.*"))]


def configured(recipe, settings=(), **arguments):
    return configure(arguments, discover(), recipe=str(recipe), settings=settings)


def test_a_run_of_epochs_makes_as_many_passes_and_measures_nothing(recipe):
    before = configured(recipe, epochs=1000)
    assert fitting.expect(before, prepared=None).passes == 1000
    fitted, line = fitting.fit(before, fitting.expect(before, prepared=None))
    assert fitted.model.options["dropout"] == 0.5
    assert line.startswith("1,000 passes through the text: dropout=0.5")
    before = configured(recipe, epochs=1)
    fitted, line = fitting.fit(before, fitting.expect(before, prepared=None))
    assert fitted == attrs.evolve(before, fit=())
    assert line == f"1 pass through the text: no rule applies (the recipe {recipe})"


def test_a_run_of_steps_knows_its_passes_to_the_step(recipe):
    batches = SimpleNamespace(batches_per_epoch=7)
    prepared = SimpleNamespace(batches=batches)
    for steps, dropout in ((6, 0.3), (7, 0.25), (3499, 0.25), (3500, 0.5)):
        before = configured(recipe, steps=steps, settings=["training.accumulate=2"])
        fitted, line = fitting.fit(before, fitting.expect(before, prepared))
        assert fitted.model.options["dropout"] == dropout
        assert (fitted.training.clock, fitted.training.steps) == ("steps", steps)
    assert line.startswith("1,000 passes through the text: dropout=0.5")


def test_a_model_that_cannot_be_built_is_named_while_its_speed_is_estimated(recipe, monkeypatch):
    def fail(*_):
        raise RuntimeError("no such layer")

    monkeypatch.setattr(fitting, "build_model", fail)
    with pytest.raises(PluginFailure, match=r"The model 'lstm'.*no such layer"):
        fitting.expect(configured(recipe), PREPARED)


def test_that_a_run_ended_before_its_time_is_said_where_time_is_left():
    settings = attrs.evolve(TrainingSettings(), epochs=None, minutes=3.0, most_passes=12.0)

    def said(settings, **changes):
        state = TrainingState(plan=Plan(last_step=90), step=90, seconds=60.0)
        return fitting.format_most_passes(settings, attrs.evolve(state, **changes), 90)

    assert said(settings) == (
        "ended after 12 passes through the text (training.most_passes), with 2 min of 3 min left"
    )
    assert said(settings, seconds=179.0) == said(settings, step=89) == ""
    assert said(attrs.evolve(settings, epochs=3, minutes=None)) == ""
