"""What connects a configuration with the training loop, and what a resumed run begins with."""

from types import SimpleNamespace

import numpy as np
import pytest
from training.tiny import TIME, CappedModel, TinyModel, wrap

from textgen_core.config.resolve import configure
from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.data.token_files import subsample_evenly
from textgen_core.errors import ConfigurationError, RunDirectoryError, UsageError
from textgen_core.pipeline.training import make_job, restore
from textgen_core.registry.discovery import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import append_row, read_json, read_rows
from textgen_core.training.callbacks import Callback
from textgen_core.training.checkpoint import mark_best, save_checkpoint
from textgen_core.training.job import format_step
from textgen_core.training.profiling import FOLDER, format_profile
from textgen_core.training.state import Plan, TrainingState


class Warned(Callback):
    def __init__(self):
        self.warnings = []

    def on_warning(self, text):
        self.warnings.append(text)


def job_of(tmp_path, model, callback=None, validation=None, **changes):
    settings = {"data.sequence_length": TIME, "training.batch_size": 2, "training.epochs": 3}
    given = {"recipe": "first", "settings": {**settings, **changes}}
    configuration = configure({"model": "lstm"}, discover(), **given)
    token_ids = np.arange(100) % 9 + 4
    streams = configuration.data.batching == "stream"
    batches = (
        StreamBatches(token_ids, TIME, 2)
        if streams
        else WindowBatches(token_ids, TIME, TIME, 2, seed=1)
    )
    token_files = {"train": SimpleNamespace(token_ids=token_ids)}
    if validation is not None:
        token_files["validation"] = validation
    prepared = SimpleNamespace(token_files=token_files, batches=batches)
    run = RunDirectory(tmp_path)
    return make_job(configuration, run, wrap(model), prepared, callback or Warned())


def save(job, step, best_step=0, best_loss=1.0):
    plan = Plan(last_step=30)
    state = TrainingState(step=step, plan=plan, best_step=best_step, best_loss=best_loss)
    save_checkpoint(
        job.run, state, job.language_model.model, job.optimizer, job.step.recurrent_state
    )
    return state


def split_of(token_ids):
    return SimpleNamespace(token_ids=token_ids, text_bytes=2 * len(token_ids), unknown_bytes=0)


# ---- validation -------------------------------------------------------------------------------


def test_a_validation_reads_as_much_of_the_split_as_it_may(tmp_path):
    token_ids = np.random.default_rng(1).integers(4, 13, 4000)
    model = TinyModel()
    whole = job_of(tmp_path, model, validation=split_of(token_ids)).validate()
    some = {"training.validation_tokens": 800}
    part = job_of(tmp_path, model, validation=split_of(token_ids), **some).validate()
    own = split_of(subsample_evenly(token_ids, 800))
    assert part == job_of(tmp_path, model, validation=own).validate()
    assert part.loss != whole.loss
    assert part.bits_per_byte == pytest.approx(part.loss / np.log(2) / 2, rel=0.01)


# ---- the job ----------------------------------------------------------------------------------


class RecomputingModel(TinyModel):
    recompute = False


@pytest.mark.parametrize("wanted", [False, True])
def test_recomputing_is_asked_of_a_model_that_offers_it(wanted, tmp_path):
    callback, model = Warned(), RecomputingModel()
    job_of(tmp_path, model, callback, **{"training.recompute": wanted})
    assert model.recompute == wanted
    assert callback.warnings == []


def test_recomputing_that_a_model_does_not_offer_is_no_silent_wish(tmp_path):
    callback = Warned()
    job_of(tmp_path, TinyModel(), callback, **{"training.recompute": True})
    assert any("training.recompute" in text and "'lstm'" in text for text in callback.warnings)


def test_a_model_without_a_state_is_refused_on_streams(tmp_path):
    class Stateless(TinyModel):
        advance = property()  # reading it raises AttributeError

    job_of(tmp_path, Stateless())
    with pytest.raises(ConfigurationError, match="recurrent state"):
        job_of(tmp_path, Stateless(), **{"data.batching": "stream"})


def test_a_state_that_holds_less_than_a_window_is_refused_on_streams(tmp_path):
    class Short(CappedModel):
        state_capacity = TIME - 1

    with pytest.raises(ConfigurationError, match="holds 4 tokens"):
        job_of(tmp_path, Short(), **{"data.batching": "stream"})


@pytest.mark.parametrize("minutes", [None, 1.0])
def test_a_profile_that_would_begin_after_the_last_step_is_refused(minutes, tmp_path):
    last = job_of(tmp_path, TinyModel()).batches.batches_per_epoch * 3
    job_of(tmp_path, TinyModel(), **{"training.profile": [last, last + 5]})
    late = {"training.profile": [last + 1, last + 5]}
    if minutes is not None:  # nobody knows yet where such a run ends
        job_of(
            tmp_path, TinyModel(), **late, **{"training.epochs": None}, **{"training.minutes": 1}
        )
        return
    with pytest.raises(ConfigurationError, match=f"cannot begin at step {last + 1}") as caught:
        job_of(tmp_path, TinyModel(), **late)
    assert caught.value.allowed == f"Allowed: from 1 to {last}."


@pytest.mark.parametrize("steps", [[5, 4], [0, 3], [1], [1, 2, 3], "a,b"])
def test_a_profile_that_is_no_range_of_steps_is_refused(steps, tmp_path):
    with pytest.raises(UsageError, match="profile"):
        job_of(tmp_path, TinyModel(), **{"training.profile": steps})


# ---- what a training tells --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compile", "told"),
    [("auto", "under XLA"), ("graph", "as a graph"), ("eager", "operation by operation")],
)
def test_how_a_step_runs_and_what_guessing_costs_is_always_told(compile, told, tmp_path):
    job = job_of(tmp_path, TinyModel(), **{"training.compile": compile})
    how, guessing = format_step(job)
    assert how == f"computed {told} in float32"
    assert guessing == "guessing among 13 tokens costs 2.565 nats a token, a perplexity of 13"


def profile_of(job, before, after):
    return format_profile(job.settings.profile, job.run.path / FOLDER, before, after)


def test_a_profile_is_told_with_its_steps_and_how_to_open_it(tmp_path):
    job = job_of(tmp_path, TinyModel(), **{"training.profile": [3, 6]})
    assert profile_of(job, 0, 9) == ([], "")  # the profiler failed, which was told then
    (tmp_path / "profile").mkdir()
    lines, missed = profile_of(job, 0, 9)
    assert lines[0] == f"a profile of steps 3 to 6: {tmp_path / 'profile'}"
    assert f"xprof --logdir {tmp_path / 'profile'}" in lines[1]
    assert missed == ""
    assert "of steps 5 to 6:" in profile_of(job, 4, 9)[0][0]  # resumed in the middle
    assert "of steps 3 to 4:" in profile_of(job, 0, 4)[0][0]  # interrupted in the middle
    assert profile_of(job, 6, 9) == ([], "")  # passed before the run was resumed


def test_a_profile_whose_steps_never_came_is_missed_aloud(tmp_path):
    job = job_of(tmp_path, TinyModel(), **{"training.profile": [3, 6]})
    lines, missed = profile_of(job, 0, 2)
    assert lines == []
    assert "ended at step 2, before step 3" in missed
    assert profile_of(job_of(tmp_path, TinyModel()), 0, 2) == ([], "")


# ---- what a resumed run begins with -----------------------------------------------------------


def test_a_run_without_a_checkpoint_begins_at_its_start_with_empty_logs(tmp_path):
    job = job_of(tmp_path, TinyModel())
    append_row(job.run.metrics, {"step": 1})
    (tmp_path / "checkpoints" / ".step-00000001.7").mkdir(parents=True)
    state = restore(job, fresh_plan=False)
    assert (state.step, state.plan.last_step) == (0, 3 * job.batches.batches_per_epoch)
    assert list(read_rows(job.run.metrics)) == []
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_rows_after_the_newest_checkpoint_are_dropped(tmp_path):
    job = job_of(tmp_path, TinyModel())
    for step in range(1, 9):
        append_row(job.run.metrics, {"step": step})
        append_row(job.run.samples, {"step": step})
    save(job, 5)
    with job.run.metrics.open("a") as file:
        file.write('{"step": 9, "lo')  # a process died here
    state = restore(job, fresh_plan=False)
    assert state.step == 5
    for log in (job.run.metrics, job.run.samples):
        assert [row["step"] for row in read_rows(log)] == [1, 2, 3, 4, 5]


def test_a_best_checkpoint_that_a_kill_left_unmarked_is_marked(tmp_path):
    job = job_of(tmp_path, TinyModel())
    mark_best(job.run, save(job, 4, best_step=4, best_loss=2.0))
    save(job, 5, best_step=5, best_loss=1.0)
    restore(job, fresh_plan=False)
    assert read_json(job.run.best) == {"checkpoint": "step-00000005", "validation_loss": 1.0}


def test_a_stream_goes_on_with_its_carry_and_with_nothing_less(tmp_path):
    streams = {"data.batching": "stream"}
    job = job_of(tmp_path, TinyModel(), **streams)
    job.step([job.batches.batch(0)], 0.0)
    save(job, 1)
    again = job_of(tmp_path, TinyModel(), **streams)
    restore(again, fresh_plan=False)
    for key, value in job.step.recurrent_state.items():
        np.testing.assert_array_equal(again.step.recurrent_state[key], value)
    (job.run.checkpoint(1) / "carry.safetensors").unlink()
    with pytest.raises(RunDirectoryError, match=r"carry\.safetensors"):
        restore(again, fresh_plan=False)


def test_a_run_that_is_trained_further_begins_its_schedule_anew(tmp_path):
    job = job_of(tmp_path, TinyModel())
    save(job, 5)
    assert restore(job, fresh_plan=False).plan == Plan(last_step=30)
    state = restore(job, fresh_plan=True)
    assert state.plan.progress_at(5) == 0
    assert state.plan.last_step == 3 * job.batches.batches_per_epoch
