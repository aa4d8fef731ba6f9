"""The bundled models register as a stranger's do, without a heavy import."""

from __future__ import annotations

import subprocess
import sys

import textgen_models
from textgen_core import ModelBuilder
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder


def test_the_hook_names_both_builders():
    found = textgen_models.textgen_models()
    assert found == {"lstm": LSTMBuilder, "transformer": TransformerBuilder}
    assert all(issubclass(builder, ModelBuilder) for builder in found.values())


def test_naming_the_models_and_checking_options_imports_no_tensorflow():
    program = (
        "import sys, textgen_models;"
        "[builder() for builder in textgen_models.textgen_models().values()];"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'tokenizers'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
