"""Checkpoints come back to the bit, and nothing damaged or not finite is taken for one."""

import errno
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from training.tiny import TinyModel, settings, values_of

from textgen_core.errors import RunDirectoryError
from textgen_core.runs import files
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.weights import best_step, load_weights
from textgen_core.training import checkpoint
from textgen_core.training.checkpoint import (
    check_whole,
    load_optimizer,
    load_recurrent_state,
    load_state,
    mark_best,
    prune_checkpoints,
    remove_leftovers,
    save_checkpoint,
)
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.state import Plan, TrainingState

CARRY = {"sum": tf.constant([[1.0, 2.0]]), "count": tf.constant(3.0)}


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


@pytest.fixture(scope="module")
def trained():
    """A model with dropout and its optimizer, neither at its start."""
    model = TinyModel(dropout=0.5)
    optimizer = build_optimizer(settings(optimizer="adam"), model, False)
    random = np.random.default_rng(0)
    for variable in [*model.variables, *optimizer.variables]:
        drawn = random.integers(1, 9, variable.shape).astype(variable.dtype)
        variable.assign(drawn)
    return model, optimizer


def at(step, **changes):
    return TrainingState(step=step, plan=Plan(last_step=100), **changes)


def save(run, trained, step, carry=None, **changes):
    return save_checkpoint(run, at(step, **changes), *trained, carry)


def names(run):
    if not run.checkpoints.is_dir():
        return []
    return sorted(each.name for each in run.checkpoints.iterdir())


# ---- there and back ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "muon"])
def test_weights_seeds_and_optimizer_come_back_to_the_bit(run, trained, name):
    model = trained[0]
    optimizer = build_optimizer(settings(optimizer=name), model, False)
    for number, variable in enumerate(optimizer.variables):
        variable.assign(np.full(variable.shape, number + 1, variable.dtype))
    state = at(12, tokens=99, best_loss=1.25, best_step=12)
    save_checkpoint(run, state, model, optimizer, None)
    fresh = TinyModel(dropout=0.5, seed=8)
    other = build_optimizer(settings(optimizer=name), fresh, False)
    load_weights(run, 12, fresh)
    load_optimizer(run, 12, other)
    saved = values_of([*model.variables, *optimizer.variables])
    found = values_of([*fresh.variables, *other.variables])
    assert any("seed" in variable.name for variable in model.variables)  # dropout's
    for one, another in zip(saved, found, strict=True):
        np.testing.assert_array_equal(one, another)
    assert load_state(run, 12) == state


def test_the_files_are_those_that_the_format_names(run, trained):
    folder = save(run, trained, 1200)
    assert folder == run.path / "checkpoints" / "step-00001200"
    assert sorted(each.name for each in folder.iterdir()) == [
        "optimizer.safetensors",
        "state.json",
        "weights.safetensors",
    ]
    keys = list(safetensors.numpy.load_file(folder / "weights.safetensors"))
    variables = trained[0].variables
    assert sorted(keys) == [f"{n:04d}/{each.name}" for n, each in enumerate(variables)]
    folder = save(run, trained, 1201, CARRY)
    assert (folder / "carry.safetensors").is_file()


class NamelessModel(keras.Model):
    """Layers, variables and a class that Keras names by counting up."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(9, 3)
        self.hidden = keras.layers.Dense(3)
        self.output_layer = keras.layers.Dense(9)
        self.shift = self.add_weight(shape=(9,))
        self(np.zeros((1, 2), np.int32))

    def call(self, token_ids):
        return self.output_layer(self.hidden(self.embedding(token_ids))) + self.shift


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_a_model_without_names_of_its_own_is_restored_in_a_process_that_has_built_others(run, name):
    models = [NamelessModel(), NamelessModel()]
    optimizers = [build_optimizer(settings(optimizer=name), model, False) for model in models]
    paths = [[variable.path for variable in model.variables] for model in models]
    assert paths[0] != paths[1]
    save_checkpoint(run, at(3), models[0], optimizers[0], None)
    load_weights(run, 3, models[1])
    load_optimizer(run, 3, optimizers[1])
    for one, other in zip(models[0].variables, models[1].variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


# ---- the carried state ------------------------------------------------------------------------


def test_a_carry_comes_back_in_its_structure_and_dtypes(run, trained):
    carry = (
        {"cell": tf.constant([[0.1, 1e-30]], tf.bfloat16), "length": tf.constant(7)},
        {"cell": tf.constant([[3.0, -1.0]]), "open": tf.constant([True, False])},
    )
    save(run, trained, 5, carry)
    like = tf.nest.map_structure(tf.zeros_like, carry)
    found = load_recurrent_state(run, 5, like)
    tf.nest.assert_same_structure(found, carry)
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(carry), strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert bool(tf.reduce_all(one == other))


@pytest.mark.parametrize(
    "like",
    [
        {"sum": tf.zeros((1, 3)), "count": tf.zeros(())},
        {"sum": tf.zeros((1, 2)), "count": tf.zeros((), tf.int32)},
        {"sum": tf.zeros((1, 2)), "count": tf.zeros(()), "more": tf.zeros(())},
        {"sum": tf.zeros((1, 2))},
    ],
    ids=["shape", "dtype", "more", "fewer"],
)
def test_a_carry_of_another_model_is_refused(run, trained, like):
    save(run, trained, 5, CARRY)
    with pytest.raises(RunDirectoryError, match=r"carry\.safetensors"):
        load_recurrent_state(run, 5, like)


def test_a_carry_that_is_missing_is_refused(run, trained):
    save(run, trained, 5)
    with pytest.raises(RunDirectoryError, match=r"carry\.safetensors"):
        load_recurrent_state(run, 5, CARRY)


# ---- leftovers ------------------------------------------------------------------------------


def test_what_a_killed_process_left_is_no_checkpoint_and_is_removed(run, trained):
    save(run, trained, 1)
    for name in (".step-00000002.77", ".step-00000001.going"):
        (run.checkpoints / name).mkdir()
        (run.checkpoints / name / "weights.safetensors").write_bytes(b"half")
    assert run.saved_steps() == [1]
    remove_leftovers(run)
    assert names(run) == ["step-00000001"]


def test_a_leftover_of_this_process_id_is_no_obstacle(run, trained):
    leftover = run.checkpoints / f".step-00000001.{os.getpid()}"
    leftover.mkdir(parents=True)
    (leftover / "other").write_text("half")
    save(run, trained, 1)
    assert sorted(each.name for each in run.checkpoint(1).iterdir())[0] == "optimizer.safetensors"
    assert names(run) == ["step-00000001"]


def test_a_step_that_is_saved_again_is_replaced_whole(run, trained):
    save(run, trained, 1, tokens=1)
    save(run, trained, 1, tokens=2)
    assert load_state(run, 1).tokens == 2
    assert names(run) == ["step-00000001"]


# ---- which are kept ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("best", "kept"),
    [(2, [2, 4, 5, 6]), (5, [4, 5, 6]), (0, [4, 5, 6])],
)
def test_the_newest_three_and_the_best_are_kept(run, best, kept):
    for step in range(1, 7):
        run.checkpoint(step).mkdir(parents=True)
        prune_checkpoints(run, best)
        assert set(range(max(1, step - 2), step + 1)) <= set(run.saved_steps())
    assert run.saved_steps() == kept
    assert names(run) == [f"step-{step:08d}" for step in kept]


def test_a_checkpoint_that_cannot_be_removed_is_a_fault_of_the_run_directory(run, monkeypatch):
    for step in range(1, 5):
        run.checkpoint(step).mkdir(parents=True)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(RunDirectoryError, match="Permission denied"):
        prune_checkpoints(run, 0)


def test_the_best_is_what_best_json_names_and_else_the_newest(run, trained):
    save(run, trained, 1)
    save(run, trained, 2)
    assert best_step(run) == 2
    mark_best(run, at(2, best_step=1, best_loss=1.5))
    assert best_step(run) == 1
    assert json.loads(run.best.read_text()) == {
        "checkpoint": "step-00000001",
        "validation_loss": 1.5,
    }


def test_what_is_not_there_is_not_marked_as_best(run, trained):
    save(run, trained, 2)
    mark_best(run, at(2, best_step=1))
    assert not run.best.exists()


# ---- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"checkpoint": "step-00000007"}',
        "{}",
        "[]",
        '{"checkpoint": 3}',
        "{",
        '{"checkpoint": "step-²"}',
    ],
)
def test_a_best_json_that_names_nothing_is_damage(run, trained, text):
    save(run, trained, 1)
    run.best.write_text(text)
    with pytest.raises(RunDirectoryError, match=r"best\.json"):
        best_step(run)


def test_a_run_without_a_checkpoint_has_no_best(run):
    with pytest.raises(RunDirectoryError, match="has no checkpoint"):
        best_step(run)


def test_a_folder_that_is_no_checkpoint_is_passed_over(run, trained):
    save(run, trained, 1)
    for name in ("step-", "step-two", "other"):
        (run.checkpoints / name).mkdir()
    assert run.saved_steps() == [1]


DAMAGE = {
    "garbage": lambda path: path.write_bytes(b"garbage" * 50),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "cut in the header": lambda path: path.write_bytes(path.read_bytes()[:30]),
    "a header that lies": lambda path: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]),
    "missing": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["weights", "optimizer", "carry", "state"])
def test_a_damaged_file_is_a_damaged_run_directory_and_nothing_is_assigned(
    run, trained, name, damage
):
    model, optimizer = trained
    folder = save(run, trained, 1, CARRY)
    path = folder / ("state.json" if name == "state" else f"{name}.safetensors")
    DAMAGE[damage](path)
    load = {
        "weights": lambda: load_weights(run, 1, model),
        "optimizer": lambda: load_optimizer(run, 1, optimizer),
        "carry": lambda: load_recurrent_state(run, 1, CARRY),
        "state": lambda: load_state(run, 1),
    }[name]
    before = values_of([*model.variables, *optimizer.variables])
    with pytest.raises(RunDirectoryError, match=path.name.replace(".", r"\.")) as caught:
        load()
    assert str(caught.value).count("\n") <= 2
    for old, new in zip(before, values_of([*model.variables, *optimizer.variables]), strict=True):
        np.testing.assert_array_equal(old, new)


LOADS = {
    "weights": lambda run, trained: load_weights(run, 2, trained[0]),
    "optimizer": lambda run, trained: load_optimizer(run, 2, trained[1]),
    "carry": lambda run, _: load_recurrent_state(run, 2, CARRY),
}


@pytest.mark.parametrize("name", LOADS)
def test_a_flipped_bit_and_a_file_of_another_step_are_told_with_the_checkpoint_that_is_whole(
    run, trained, name
):
    path = save(run, trained, 2, CARRY) / f"{name}.safetensors"
    whole = path.read_bytes()
    for part in trained:
        part.variables[0].assign(part.variables[0] + 1)
    another = save(run, trained, 1, tf.nest.map_structure(lambda each: each + 1, CARRY)) / path.name
    LOADS[name](run, trained)
    check_whole(run, 2)
    for content in (whole[:-1] + bytes([whole[-1] ^ 1]), another.read_bytes()):
        path.write_bytes(content)
        for load in (LOADS[name], lambda run, _: check_whole(run, 2)):
            with pytest.raises(RunDirectoryError, match="its SHA-256 is not the one in") as caught:
                load(run, trained)
            assert path.name in caught.value.problem
            assert "The checkpoint of step 1 is whole" in caught.value.advice
    (run.checkpoint(1) / "weights.safetensors").unlink()
    with pytest.raises(RunDirectoryError, match="SHA-256") as caught:
        check_whole(run, 2)
    assert "no other checkpoint of it is whole" in caught.value.advice


def test_a_checkpoint_of_an_older_version_has_no_hashes_and_is_opened(run, trained):
    state = save(run, trained, 2, CARRY) / "state.json"
    values = json.loads(state.read_text())
    assert values.pop("sha256").keys() == {f"{name}.safetensors" for name in LOADS}
    state.write_text(json.dumps(values))
    assert load_state(run, 2) == at(2)
    for load in LOADS.values():
        load(run, trained)


def test_a_state_of_another_step_is_refused(run, trained):
    state = save(run, trained, 1) / "state.json"
    (save(run, trained, 2) / "state.json").write_bytes(state.read_bytes())
    with pytest.raises(RunDirectoryError, match=r"state\.json is that of step 1"):
        load_state(run, 2)


def rewritten(path, change):
    tensors = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file(change(tensors), path)


CHANGES = {
    "shape": lambda tensors, key: {**tensors, key: tensors[key].reshape(-1)[:-1]},
    "dtype": lambda tensors, key: {**tensors, key: tensors[key].astype(np.float64)},
    "one less": lambda tensors, key: {each: tensors[each] for each in tensors if each != key},
    "one more": lambda tensors, key: {**tensors, "9999/more": tensors[key]},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["weights", "optimizer"])
def test_tensors_are_checked_before_any_is_assigned(run, trained, name, change):
    path = save(run, trained, 1) / f"{name}.safetensors"
    key = sorted(safetensors.numpy.load_file(path))[-1]
    rewritten(path, lambda tensors: CHANGES[change](tensors, key))
    fresh = TinyModel(dropout=0.5, seed=8)
    other = build_optimizer(settings(optimizer="adam"), fresh, False)
    variables = fresh.variables if name == "weights" else other.variables
    before = values_of(variables)
    with pytest.raises(RunDirectoryError):
        load_weights(run, 1, fresh) if name == "weights" else load_optimizer(run, 1, other)
    for old, new in zip(before, values_of(variables), strict=True):
        np.testing.assert_array_equal(old, new)


def test_nothing_of_a_checkpoint_is_unpickled_or_executed():
    source = Path(checkpoint.__file__).read_text() + Path(files.__file__).read_text()
    for word in ("pickle", "load_model", "deserialize", "eval(", "exec(", "allow_pickle"):
        assert word not in source.replace("unpickled", "")
