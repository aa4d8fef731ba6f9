"""A disk that is full, or a death, at any operation of a save leaves whole checkpoints alone."""

import errno
import io
import os
import resource
import shutil

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from training.tiny import values_of

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.weights import best_step, load_weights
from textgen_core.training.checkpoint import (
    load_optimizer,
    load_recurrent_state,
    load_state,
    mark_best,
    prune_checkpoints,
    remove_leftovers,
    save_checkpoint,
)
from textgen_core.training.state import Plan, TrainingState


class Part:
    """A model or an optimizer, as far as a checkpoint knows it: variables."""

    def __init__(self, *names):
        self.variables = [keras.Variable(np.zeros(4, np.float32), name=name) for name in names]


MODEL, OPTIMIZER = Part("kernel", "bias"), Part("momentum")
CARRY = {"hidden": tf.zeros((2, 3)), "length": tf.constant(0)}


def at(step, best):
    plan = Plan(last_step=100)
    return TrainingState(step=step, plan=plan, tokens=step, best_step=best, best_loss=1.0)


def save(run, step, best=1):
    """Save, mark and prune as the loop does; every number of a checkpoint is its step."""
    for variable in [*MODEL.variables, *OPTIMIZER.variables]:
        variable.assign(np.full(4, step, np.float32))
    carry = tf.nest.map_structure(lambda each: tf.zeros_like(each) + step, CARRY)
    save_checkpoint(run, at(step, best), MODEL, OPTIMIZER, carry)
    if best == step:
        mark_best(run, at(step, best))
    prune_checkpoints(run, best)


def assert_whole(run, step):
    state = load_state(run, step)
    load_weights(run, step, MODEL)
    load_optimizer(run, step, OPTIMIZER)
    carry = tf.nest.flatten(load_recurrent_state(run, step, CARRY))
    assert (state.step, state.tokens) == (step, step)
    for value in [*values_of([*MODEL.variables, *OPTIMIZER.variables]), *carry]:
        np.testing.assert_array_equal(value, step)


class Dead(BaseException):
    """The process is no more: whatever it still tries to do has no effect."""


class Disk:
    """Counts what writes to the disk, and goes wrong at the n-th of these operations.

    full: that operation fails, and a write leaves half of what it was given. dead: the same, and
    nothing that comes after it is done, as after SIGKILL.
    """

    def __init__(self, patch, fails_at=None, dies=False):
        self.count, self.fails_at, self.dies = 0, fails_at, dies
        for name in ("mkdir", "rename", "replace", "rmdir", "unlink", "fsync"):
            patch.setattr(os, name, self.guarded(getattr(os, name), half=lambda *_, **__: None))
        save_file = safetensors.numpy.save_file
        patch.setattr(safetensors.numpy, "save_file", self.guarded(save_file, half=half_saved))
        opened = io.open
        patch.setattr(io, "open", lambda *given, **named: self.opened(opened, *given, **named))

    def guarded(self, action, half):
        def act(*given, **named):
            self.count += 1
            if self.fails_at is not None and (self.is_now or (self.dies and self.is_over)):
                if self.is_now:
                    half(*given, **named)
                raise Dead if self.dies else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return action(*given, **named)

        return act

    @property
    def is_now(self):
        return self.count == self.fails_at

    @property
    def is_over(self):
        return self.count > self.fails_at

    def opened(self, opened, path, mode="r", *given, **named):
        if "r" in mode:
            return opened(path, mode, *given, **named)
        file = self.guarded(opened, half=lambda *_, **__: None)(path, mode, *given, **named)

        def half_written(text):
            type(file).write(file, text[: len(text) // 2])
            file.flush()

        file.write = self.guarded(file.write, half=half_written)
        return file


def half_saved(tensors, path):
    whole = safetensors.numpy.save(tensors)
    with open(path, "wb") as file:  # noqa: PTH123 - the real one
        file.write(whole[: len(whole) // 2])


# What is there before, and what is saved: prune removes one; the best is new; a step comes again.
CASES = {"pruned": (5, 1), "best": (5, 5), "again": (4, 1)}


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A run with the checkpoints 1 (the best), 2, 3 and 4."""
    run = RunDirectory(tmp_path_factory.mktemp("before") / "run")
    for step in range(1, 5):
        save(run, step)
    assert run.saved_steps() == [1, 2, 3, 4]
    return run


@pytest.fixture
def copies(before, tmp_path):
    def copy(number):
        shutil.copytree(before.path, tmp_path / str(number))
        return RunDirectory(tmp_path / str(number))

    return copy


def operations(run, case):
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch)
        save(run, *CASES[case])
    return disk.count


def test_a_disk_that_cannot_flush_takes_a_checkpoint_all_the_same(copies, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", refuse)
    run = copies("share")
    save(run, *CASES["best"])
    assert_whole(run, 5)


@pytest.mark.parametrize("dies", [False, True], ids=["full", "dead"])
@pytest.mark.parametrize("case", CASES)
def test_whatever_operation_of_a_save_goes_wrong_only_whole_checkpoints_are_there(
    case, dies, copies
):
    step, best = CASES[case]
    count = operations(copies("whole"), case)
    assert count >= 20
    outcomes = set()
    for fails_at in range(1, count + 1):
        run = copies(fails_at)
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, fails_at, dies)
            try:
                save(run, step, best)
            except (Dead, RunDirectoryError) as error:
                assert isinstance(error, Dead) == dies
                assert dies or "No space left on device" in str(error)
        assert disk.count >= fails_at
        if not dies:  # a process that lives leaves nothing half-written
            assert not list(run.checkpoints.glob(f".*{os.getpid()}"))
        remove_leftovers(run)
        assert not list(run.checkpoints.glob(".*"))
        saved = run.saved_steps()
        outcomes.add(tuple(saved))
        assert {3, 4} <= set(saved) <= {1, 2, 3, 4, 5}
        assert best_step(run) in {1, best} & set(saved)
        for each in saved:
            assert_whole(run, each)
        save(run, 6, best=best_step(run))  # and it goes on
        assert_whole(run, 6)
    assert (case == "again") or {True, False} == {step in saved for saved in outcomes}


def test_a_disk_that_is_really_full_is_told_of_and_leaves_the_checkpoint_before(before, copies):
    sizes = sorted(file.stat().st_size for file in before.checkpoint(4).iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 10, *[size - 1 for size in sizes]):
        run = copies(limit)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(RunDirectoryError, match="cannot be written") as caught:
                save(run, 5)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert str(caught.value).count("\n") <= 2
        assert run.saved_steps() == [1, 2, 3, 4]
        assert not list(run.checkpoints.glob(".*"))
        assert_whole(run, 4)
