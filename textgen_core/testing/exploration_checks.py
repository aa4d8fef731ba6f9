"""Checks of what a model may offer to be looked into: its token embeddings and its attention.

A model that offers neither passes, with a note. This module knows nothing about layers.
"""

from __future__ import annotations

from textgen_core.testing.check import check, require
from textgen_core.testing.subject import Subject
from textgen_core.testing.tiny_model import CONTEXT, build_shaken, draw_token_ids

TOLERANCE = 1e-3  # between two ways to the same share


@check("model.token-embeddings", "model")
def shows_token_embeddings(subject: Subject) -> str | None:
    """Its token embeddings, where it offers them, are a finite row for each token."""
    import numpy as np

    from textgen_core.explore.inspection import read_token_embeddings

    language_model = build_shaken(subject)
    if not language_model.offers_token_embeddings:
        return "it offers no token_embeddings: textgen explore neighbours cannot ask it"
    found = read_token_embeddings(language_model, subject.component.name)
    alike = len(found) - len(np.unique(found, axis=0))
    require(not alike, f"With noise on its weights {alike} of its {len(found)} tokens are alike.")
    return None


@check("model.attention", "model")
def shows_attention(subject: Subject) -> str | None:
    """Its attention, where it offers that, is causal, and each of its rows sums to one."""
    import numpy as np

    from textgen_core.explore.inspection import read_attention

    language_model, name = build_shaken(subject), subject.component.name
    if not language_model.offers_attention:
        return "it offers no attention: textgen explore attention cannot ask it"
    token_ids = [int(each) for each in draw_token_ids(1, CONTEXT)[0]]
    whole = read_attention(language_model, token_ids, name)
    for time in (1, CONTEXT // 2, CONTEXT - 1):
        part = read_attention(language_model, token_ids[:time], name)
        off = float(np.abs(part - whole[:, :, :time, :time]).max())
        require(
            off <= TOLERANCE,
            f"With tokens after the first {time} a share of these differs by {off:.2g}.",
        )
    return None


CHECKS = (shows_token_embeddings, shows_attention)
