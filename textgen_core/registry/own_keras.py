"""Keras as textgen needs it: on TensorFlow, and with its own defaults.

What a person has set for Keras (KERAS_BACKEND, `keras.json`) is meant for other programs: with
another backend nothing here works, and another float type or epsilon would change the results of a
seed. So Keras is imported without these, and leaves no folder in the home directory.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textgen_core.errors import ConfigurationError
from textgen_core.registry.quiet import without_remarks

BACKEND = "tensorflow"
_HOME = "KERAS_HOME"
# A home that is not there and cannot be made: nothing is read from it, nor written to it.
VARIABLES = {
    "KERAS_BACKEND": BACKEND,
    _HOME: str(Path(os.devnull) / "keras"),
    "KERAS_NNX_ENABLED": "false",
}
_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_CHATTER = re.compile(
    rb"[IWE]\d{4} |WARNING: All log messages before absl|To enable the following instructions:"
)
_DEFAULTS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


@contextmanager
def own_keras() -> Iterator[None]:
    """Let Keras, which TensorFlow and plugins import, find no configuration in this block."""
    if "keras" in sys.modules:
        yield
        return
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _give_home_back()


def import_keras() -> None:
    """Import TensorFlow and Keras; raises ConfigurationError if Keras is another program's."""
    with own_keras(), _without_chatter():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()
    check_keras()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep TensorFlow's remarks out of a notebook, unless the environment asks for them.

    TensorFlow reads its level once, so the variable is for the import alone: a process that is
    started from here, such as a notebook's `!textgen run`, does not inherit it.
    """
    if "tensorflow" in sys.modules or _LEVEL in os.environ:
        yield
        return
    os.environ[_LEVEL] = "3"
    try:
        with without_remarks(_CHATTER):
            yield
    finally:
        del os.environ[_LEVEL]


def check_keras() -> None:
    """Raise ConfigurationError if Keras was imported, or set, so that textgen cannot use it."""
    import keras

    config: Any = keras.config
    if config.backend() != BACKEND:
        raise ConfigurationError(
            f"Keras was imported before textgen, with the backend {config.backend()!r}.",
            f"Allowed: {BACKEND!r}, which textgen chooses where it imports Keras itself.",
            f'Before the first import: os.environ["KERAS_BACKEND"] = "{BACKEND}"',
        )
    found = {name: getattr(config, name)() for name in _DEFAULTS}
    others = [name for name, value in _DEFAULTS.items() if found[name] != value]
    if others:
        raise ConfigurationError(
            f"Keras is set to {', '.join(f'{name} {found[name]!r}' for name in others)}, "
            "which would change the results of a seed.",
            f"Allowed: {', '.join(f'{name} {_DEFAULTS[name]!r}' for name in others)}.",
            "; ".join(f"keras.config.set_{name}({_DEFAULTS[name]!r})" for name in others),
        )


def _give_home_back() -> None:
    """Let a plugin that downloads through Keras find what it has downloaded before."""
    config: Any = sys.modules.get("keras.src.backend.config")
    if hasattr(config, "_KERAS_DIR"):
        named = os.environ.get(_HOME)
        config._KERAS_DIR = named or str(Path(os.path.expanduser("~")) / ".keras")  # noqa: PTH111
