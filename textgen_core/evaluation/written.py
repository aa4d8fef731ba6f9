"""What the model wrote, with its own surprisal token by token, and what of it is memorized.

A sample is scored after its prompt, so that none of it lacks context.
"""

from __future__ import annotations

import attrs
import numpy as np

from textgen_core.components import Evidence
from textgen_core.evaluation.held_out import TokenScorer
from textgen_core.evaluation.surprisal import join_characters
from textgen_core.evaluation.token_texts import score_after

SHOWN = 3  # samples whose surprisal is kept
MEMORIZED = 20  # characters in a row that count as memorized


@attrs.frozen(kw_only=True)
class Written:
    """A sample as evaluation.json has it.

    pieces: text, surprisal in bits, and whether it lies in a verbatim overlap with the training
    text of at least 20 characters.
    """

    prompt: str
    pieces: list[tuple[str, float, bool]]


def show_written(evidence: Evidence, scorer: TokenScorer) -> list[Written]:
    """Return some samples of the evidence, from all over it, with the surprisal of their tokens."""
    filled = [at for at, text in enumerate(evidence.samples) if text]
    if not filled:
        return []
    chosen = [filled[at] for at in np.unique(np.linspace(0, len(filled) - 1, SHOWN).astype(int))]
    overlaps = evidence.copied([evidence.samples[at] for at in chosen], MEMORIZED)
    shown = []
    for at, spans in zip(chosen, overlaps, strict=True):
        prompt = evidence.prompts[at]
        pieces, start = [], 0
        for text, bits in join_characters(score_after(prompt, evidence.samples[at], scorer)):
            stop = start + len(text)
            is_memorized = any(first <= start and stop <= last for first, last in spans)
            pieces.append((text, bits, is_memorized))
            start = stop
        shown.append(Written(prompt=prompt, pieces=pieces))
    return shown
