"""What connects a configuration with the training loop, and what a resumed run begins with."""

from types import SimpleNamespace

import numpy as np
import pytest
from training.tiny import TIME, CappedModel, TinyModel, wrap

from textgen_core.config import configure
from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.discovery import discover
from textgen_core.errors import ConfigurationError, RunDirectoryError
from textgen_core.listener import Listener
from textgen_core.run_directory import RunDirectory, append_row, read_json, read_rows
from textgen_core.training.checkpoint import mark_best, save_checkpoint
from textgen_core.training.plan import Plan
from textgen_core.training.progress import TrainingState
from textgen_core.training_phase import make_job, restore


class Warned(Listener):
    def __init__(self):
        self.warnings = []

    def warning(self, text):
        self.warnings.append(text)


def job_of(tmp_path, model, listener=None, **changes):
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
    prepared = SimpleNamespace(
        token_files={"train": SimpleNamespace(token_ids=token_ids)}, batches=batches
    )
    run = RunDirectory(tmp_path)
    return make_job(configuration, run, wrap(model), prepared, listener or Warned())


def save(job, step, best_step=0, best_loss=1.0):
    plan = Plan(last_step=30)
    state = TrainingState(step=step, plan=plan, best_step=best_step, best_loss=best_loss)
    save_checkpoint(job.run, state, job.language_model.model, job.optimizer, job.step.carry)
    return state


# ---- the job ----------------------------------------------------------------------------------


class RecomputingModel(TinyModel):
    recompute = False


@pytest.mark.parametrize("wanted", [False, True])
def test_recomputing_is_asked_of_a_model_that_offers_it(wanted, tmp_path):
    listener, model = Warned(), RecomputingModel()
    job_of(tmp_path, model, listener, **{"training.recompute": wanted})
    assert model.recompute == wanted
    assert listener.warnings == []


def test_recomputing_that_a_model_does_not_offer_is_no_silent_wish(tmp_path):
    listener = Warned()
    job_of(tmp_path, TinyModel(), listener, **{"training.recompute": True})
    assert any("training.recompute" in text and "'lstm'" in text for text in listener.warnings)


def test_a_model_without_a_state_is_refused_on_streams(tmp_path):
    class Stateless(TinyModel):
        advance = property()  # reading it raises AttributeError

    job_of(tmp_path, Stateless())
    with pytest.raises(ConfigurationError, match="no state to carry"):
        job_of(tmp_path, Stateless(), **{"data.batching": "stream"})


def test_a_state_that_holds_less_than_a_window_is_refused_on_streams(tmp_path):
    class Short(CappedModel):
        state_capacity = TIME - 1

    with pytest.raises(ConfigurationError, match="holds 4 tokens"):
        job_of(tmp_path, Short(), **{"data.batching": "stream"})


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
    for key, value in job.step.carry.items():
        np.testing.assert_array_equal(again.step.carry[key], value)
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
