"""Reads a model's embeddings, attention and logits, and holds them to its contract.

`name` is what the model is called in errors. No other module of the package uses TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from textgen_core.errors import PluginFailure, UsageError, component_errors
from textgen_core.explore.next_token import check_finite
from textgen_core.models.language_model import LanguageModel

_TOLERANCE = 1e-3  # of a row's sum: models may compute in bfloat16, and return that as float32
_LEAST_LATER = 1e-6  # more than this, on what comes later, is no rounding


def read_token_embeddings(language_model: LanguageModel, name: str) -> np.ndarray:
    """Return the input embeddings of a model, float32 `(vocabulary, width)`.

    Raises UsageError if it offers none, PluginFailure if they have another shape or
    their property raises, RunDirectoryError if one is not finite.
    """
    if not language_model.offers_token_embeddings:
        raise UsageError(
            f"The model {name} does not show its token embeddings.",
            "Allowed: a run whose model offers `token_embeddings`, as the bundled ones do.",
        )
    with component_errors(f"token_embeddings of the model {name}"):
        found = np.asarray(language_model.model.token_embeddings, np.float32)
    size = language_model.vocabulary_size
    if found.ndim != 2 or found.shape[0] != size or not found.shape[1]:
        raise PluginFailure(
            f"token_embeddings of the model {name} have the shape {found.shape}.",
            f"Allowed: ({size}, width), a row for each token.",
        )
    check_finite(found, f"The token embeddings of the model {name}")
    return found


def read_attention(
    language_model: LanguageModel, token_ids: Sequence[int], name: str
) -> np.ndarray:
    """Return what each of `(time,)` token ids attends to, float32 `(layers, heads, time, time)`.

    Raises UsageError if it has no attention, PluginFailure if it raises or what it returns is no
    attention, RunDirectoryError if it is not finite.
    """
    if not language_model.offers_attention:
        raise UsageError(
            f"The model {name} has no attention to show.",
            "Allowed: a run whose model offers `attention`; `textgen plugins` lists the models.",
        )
    with component_errors(f"attention of the model {name}"):
        found = np.asarray(
            language_model.model.attention(tf.constant(token_ids, tf.int32)), np.float32
        )
    time = len(token_ids)
    if found.ndim != 4 or found.shape[2:] != (time, time) or 0 in found.shape:
        raise PluginFailure(
            f"attention of the model {name} to {time} tokens has the shape {found.shape}.",
            f"Allowed: (layers, heads, {time}, {time}).",
        )
    check_finite(found, f"The attention of the model {name}")
    _check_shares(found, name)
    return found


def _check_shares(attention: np.ndarray, name: str) -> None:
    """Raise PluginFailure unless every row is made of shares of what came by then."""
    lowest = float(attention.min())
    later = float(np.triu(attention, k=1).max())
    off = float(np.abs(attention.sum(axis=-1) - 1).max())
    for is_so, fault in (
        (lowest < 0, f"a share of {lowest:.2g}"),
        (later > _LEAST_LATER, f"a share of {later:.2g} of what comes later"),
        (off > _TOLERANCE, f"a row whose sum is off by {off:.2g}"),
    ):
        if is_so:
            raise PluginFailure(
                f"attention of the model {name} has {fault}.",
                "Allowed: rows of shares, each of what came by then, that sum to one.",
            )
