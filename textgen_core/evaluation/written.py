"""What the model wrote, with its own surprise: samples piece by piece, and one long text.

A text is scored after its prompt, so that nothing in it is without context. This module knows
nothing about how a text is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from textgen_core.components import Evidence
from textgen_core.data.tokenizer import START
from textgen_core.evaluation.held_out import TokenScorer
from textgen_core.evaluation.loops import share_repeated
from textgen_core.evaluation.surprisal import pieces_of_documents

SHOWN = 3  # samples whose surprise is kept
COPIED = 20  # characters at once that count as copied

_STRETCHES = 8  # of a long text

Scored = Sequence[tuple[str, float]]  # text and loss in nats of each token
OverLength = list[tuple[int, float, float | None]]


@attrs.frozen(kw_only=True)
class Written:
    """A sample, and of each piece of it the text, the surprise in bits, and whether it is copied.

    A piece is copied if it lies in a stretch of at least 20 characters that stands in the training
    text word for word.
    """

    prompt: str
    pieces: list[tuple[str, float, bool]]


def show_written(evidence: Evidence, scorer: TokenScorer) -> list[Written]:
    """Return some samples of the evidence, from all over it, with the surprise of their pieces."""
    filled = [at for at, text in enumerate(evidence.samples) if text]
    chosen = (
        [filled[at] for at in np.unique(np.linspace(0, len(filled) - 1, SHOWN).astype(int))]
        if filled
        else []
    )
    copies = evidence.copied([evidence.samples[at] for at in chosen], COPIED)
    shown = []
    for at, spans in zip(chosen, copies, strict=True):
        prompt = evidence.prompts[at]
        pieces, start = [], 0
        for text, bits in _whole_characters(score_after(prompt, evidence.samples[at], scorer)):
            stop = start + len(text)
            is_copied = any(first <= start and stop <= last for first, last in spans)
            pieces.append((text, bits, is_copied))
            start = stop
        shown.append(Written(prompt=prompt, pieces=pieces))
    return shown


def score_after(prompt: str, text: str, scorer: TokenScorer) -> list[tuple[str, float]]:
    """Return text and loss in nats of each token of `text`, as it stands after its prompt.

    A token across the border counts as the text's, with the characters that are.
    """
    pieces = pieces_of_documents([prompt + text], scorer.language_model.tokenizer)
    token_ids = [START, *(token_id for token_id, _ in pieces)]
    losses = scorer.score(np.array(token_ids, np.int32))
    scored: list[tuple[str, float]] = []
    stop = -len(prompt)  # where a piece ends, counted from the text's first character
    for (_, piece), loss in zip(pieces, losses, strict=True):
        stop += len(piece)
        if stop > 0 or (stop == 0 and scored):
            scored.append((piece[-stop:] if 0 < stop < len(piece) else piece, float(loss)))
    return scored


def _whole_characters(scored: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return text and bits of pieces that have a text: a character of several tokens is one."""
    pieces: list[tuple[str, float]] = []
    for text, loss in scored:
        bits = loss / math.log(2)
        if text or not pieces:
            pieces.append((text, bits))
        else:
            before, known = pieces[-1]
            pieces[-1] = (before, known + bits)
    return pieces


def losses_over_length(
    pieces: Sequence[tuple[str, float]],
) -> list[tuple[int, float, float | None]]:
    """Return tokens so far, mean loss and share of repeated four-grams of a long text's stretches.

    pieces: text and loss in nats of each token.
    """
    size = max(1, -(-len(pieces) // _STRETCHES))
    stretches = [pieces[start : start + size] for start in range(0, len(pieces), size)]
    shares = share_repeated("".join(text for text, _ in stretch) for stretch in stretches)
    ends = (min((number + 1) * size, len(pieces)) for number in range(len(stretches)))
    return [
        (end, sum(loss for _, loss in stretch) / len(stretch), share)
        for end, stretch, share in zip(ends, stretches, shares, strict=True)
    ]
