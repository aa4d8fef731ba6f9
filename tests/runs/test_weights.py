from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat

import keras
import numpy as np
import pytest
import safetensors.numpy

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import HASHES
from textgen_core.runs.weights import (
    STATE,
    WEIGHTS,
    load_variables,
    save_tensors,
    save_variables,
    variable_key,
    weights_digest,
)


def build_trained(units=3):
    """A model and its optimizer after a step, the seed of a dropout among its variables."""
    inputs = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Dropout(0.5)(keras.layers.Embedding(30, units)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(30)(hidden))
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.ops.ones_like(variable) for variable in model.trainable_variables])
    return model, optimizer


def values_of(variables):
    return [np.asarray(variable.numpy()) for variable in variables]


def test_what_was_saved_is_loaded_into_a_model_built_again(tmp_path):
    model, optimizer = build_trained()
    again, optimizer_again = build_trained()
    # Keras counts layers, so that the names are others in the second model of a process.
    assert optimizer.variables[-1].name != optimizer_again.variables[-1].name
    for name, saved, loaded in (
        ("weights", model.variables, again.variables),
        ("optimizer", optimizer.variables, optimizer_again.variables),
    ):
        for variable in loaded:
            variable.assign(keras.ops.zeros_like(variable))
        save_variables(saved, tmp_path / name)
        load_variables(loaded, tmp_path / name)
        for expected, found in zip(values_of(saved), values_of(loaded), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert optimizer_again.iterations.numpy() == 1


def test_a_key_is_a_position_and_a_name(tmp_path):
    model, _ = build_trained()
    save_variables(model.variables, tmp_path / "weights")
    keys = sorted(safetensors.numpy.load_file(tmp_path / "weights"))
    assert keys == ["0000/embeddings", "0001/seed_generator_state", "0002/kernel", "0003/bias"]
    assert variable_key(0, model.variables[0]) == keys[0]


def refused(variables, path, match):
    """Check that a file is refused and that no variable was touched."""
    before = values_of(variables)
    with pytest.raises(RunDirectoryError, match=match):
        load_variables(variables, path)
    for expected, found in zip(before, values_of(variables), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_tensors_of_another_model_are_refused(tmp_path):
    path = tmp_path / "weights"
    model, optimizer = build_trained()
    save_variables(model.variables, path)
    refused(build_trained(units=4)[0].variables, path, r"float32 \(30, 3\), not float32 \(30, 4\)")
    refused(model.variables[:-1], path, "0003/bias in place of no tensor")
    refused(model.variables[::-1], path, "0000/embeddings in place of 0000/bias")
    refused(optimizer.variables, path, "0000/embeddings in place of 0000/iteration")
    save_variables(model.variables[:-1], path)
    refused(model.variables, path, "no tensor in place of 0003/bias")


def test_tensors_of_another_dtype_are_refused(tmp_path):
    path = tmp_path / "weights"
    model, _ = build_trained()
    tensors = {
        variable_key(position, variable): value.astype(np.float64 if position else np.float32)
        for position, (variable, value) in enumerate(
            zip(model.variables, values_of(model.variables), strict=True)
        )
    }
    safetensors.numpy.save_file(tensors, path)
    refused(model.variables, path, "0001/seed_generator_state is float64")


@pytest.mark.parametrize("content", [b"", b"not a tensor file"])
def test_a_file_that_is_missing_or_damaged_is_refused(tmp_path, content):
    path = tmp_path / "weights"
    refused(build_trained()[0].variables, path, "is missing")
    path.write_bytes(content)
    refused(build_trained()[0].variables, path, "cannot be read")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "weights"
    model, _ = build_trained()
    save_variables(model.variables, path)
    path.write_bytes(path.read_bytes()[:-1])
    refused(model.variables, path, "cannot be read")


def test_weights_may_be_read_by_whoever_may_read_a_new_file(tmp_path):
    path = tmp_path / "folder" / "weights"
    for mask in (0o022, 0o027, 0o077):
        before = os.umask(mask)
        try:
            path.parent.mkdir()
            save_variables(build_trained()[0].variables, path)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        shutil.rmtree(path.parent)


def test_the_digest_of_weights_is_that_of_what_was_saved(tmp_path):
    run = RunDirectory(tmp_path)
    path = run.checkpoint(3) / WEIGHTS
    path.parent.mkdir(parents=True)
    save_tensors({"0000/a": np.arange(4.0)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights_digest(run, 3) == digest  # nothing says what was saved, as in older versions
    path.with_name(STATE).write_text(json.dumps({HASHES: {WEIGHTS: digest}}))
    assert weights_digest(run, 3) == digest
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(RunDirectoryError, match="not the file that was saved"):
        weights_digest(run, 3)
