"""Keras on TensorFlow, with its own defaults, whatever a person has set for other programs."""

import os
import sys

import keras
import pytest

from textgen_core.errors import ConfigurationError
from textgen_core.registry.own_keras import check_keras, own_keras


def test_variables_are_set_for_the_import_alone(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.delitem(sys.modules, "keras")
    with own_keras():
        assert os.environ["KERAS_BACKEND"] == "tensorflow"
        assert not os.path.exists(os.environ["KERAS_HOME"])  # noqa: PTH110 - it is no path of ours
    assert os.environ["KERAS_BACKEND"] == "jax"
    assert "KERAS_HOME" not in os.environ


def test_keras_that_was_imported_is_left_alone(monkeypatch):
    before = dict(os.environ)
    with own_keras():
        assert dict(os.environ) == before


def test_keras_of_another_program_is_refused_in_three_lines(monkeypatch):
    check_keras()
    with monkeypatch.context() as patch:
        patch.setattr(keras.config, "backend", lambda: "jax")
        with pytest.raises(ConfigurationError, match="with the backend 'jax'") as refused:
            check_keras()
        assert "KERAS_BACKEND" in refused.value.advice
    for setting, value in (
        ("floatx", "float16"),
        ("epsilon", 1e-3),
        ("image_data_format", "channels_first"),
    ):
        change, before = getattr(keras.config, f"set_{setting}"), getattr(keras.config, setting)()
        change(value)
        try:
            with pytest.raises(ConfigurationError, match=setting) as refused:
                check_keras()
        finally:
            change(before)
        assert refused.value.advice == f"keras.config.set_{setting}({before!r})"
        check_keras()
