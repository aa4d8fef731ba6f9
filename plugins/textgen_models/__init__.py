"""The bundled model builders: an LSTM and a Transformer.

This module knows nothing about TensorFlow: the layers are imported when a model is built.
"""

from __future__ import annotations

from collections.abc import Mapping

from textgen_core import ModelBuilder, hookimpl
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder


@hookimpl
def textgen_models() -> Mapping[str, type[ModelBuilder]]:
    """Return the bundled model builders by name."""
    return {"lstm": LSTMBuilder, "transformer": TransformerBuilder}
