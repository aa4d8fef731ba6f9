"""Texts token by token: which part each token stands for, what it costs, and what is memorized.

The parts joined are the text, whatever a tokenizer makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
import tokenizers

from textgen_core.components import Evidence
from textgen_core.corpus import iterate_pieces
from textgen_core.data.text_input import TextInput
from textgen_core.data.tokenizer import END, START
from textgen_core.evaluation.surprisal import ScoredToken, join_characters

if TYPE_CHECKING:
    from textgen_core.evaluation.scoring import Scorer

MOST_CHARACTERS = 300_000  # of the held-out text that are looked at
SHOWN = 3  # samples whose surprisal is kept
MEMORIZED = 20  # characters in a row that count as memorized


def split_into_tokens(
    documents: Sequence[str], tokenizer: tokenizers.Tokenizer
) -> list[tuple[int, str]]:
    """Return id and text of every token, `<END>` between documents: as a token file has them."""
    tokens: list[tuple[int, str]] = []
    reader = TextInput(tokenizer)  # they are cleaned already
    for number, document in enumerate(documents):
        if number:
            tokens.append((END, ""))
        read, done = reader.read(document), 0
        for token_id, (_, end) in zip(read.token_ids, read.spans, strict=True):
            tokens.append((token_id, document[done : max(end, done)]))
            done = max(end, done)
        if read.token_ids and done < len(document):  # spaces that no token stands for
            token_id, text = tokens[-1]
            tokens[-1] = (token_id, text + document[done:])
    return tokens


def scored_tokens(tokens: Sequence[tuple[int, str]], losses: np.ndarray) -> tuple[ScoredToken, ...]:
    """Return ids and texts of tokens with their losses, float `(tokens,)` in nats."""
    return tuple(
        ScoredToken(token_id=token_id, text=text, loss=float(loss))
        for (token_id, text), loss in zip(tokens, losses, strict=True)
    )


def score_after(prompt: str, text: str, scorer: Scorer) -> list[ScoredToken]:
    """Return the tokens of `text`, scored where it follows its prompt.

    A token across the border counts as the text's, with the characters that are.
    """
    tokens = split_into_tokens([prompt + text], scorer.language_model.tokenizer)
    token_ids = [START, *(token_id for token_id, _ in tokens)]
    losses = scorer.score(np.array(token_ids, np.int32))
    scored: list[ScoredToken] = []
    stop = -len(prompt)  # where a token ends, counted from the text's first character
    for token in scored_tokens(tokens, losses):
        size = len(token.text)
        stop += size
        if stop > 0 or (stop == 0 and scored):
            part = token.text[-stop:] if 0 < stop < size else token.text
            scored.append(ScoredToken(token_id=token.token_id, text=part, loss=token.loss))
    return scored


def align(
    documents: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
    token_ids: np.ndarray,
    losses: np.ndarray,
) -> Iterator[ScoredToken]:
    """Yield the tokens of the first `MOST_CHARACTERS` of a split with their losses.

    The text is encoded again, and the tokens are followed as long as they are those of the split,
    int `(tokens,)` without `<START>`: near the cut a token may differ.
    """
    beginning = [""]
    left = MOST_CHARACTERS
    for text, ends_document in iterate_pieces(documents):
        beginning[-1] += text[:left]
        left -= len(text)
        if left <= 0:
            break
        if ends_document:
            beginning.append("")
    tokens = split_into_tokens(beginning, tokenizer)
    for (token_id, text), true_id, loss in zip(tokens, token_ids, losses, strict=False):
        if token_id != true_id:
            return
        yield ScoredToken(token_id=token_id, text=text, loss=float(loss))


@attrs.frozen(kw_only=True)
class Written:
    """A sample as evaluation.json has it.

    pieces: text, surprisal in bits, and whether it lies in a verbatim overlap with the training
    text of at least 20 characters.
    """

    prompt: str
    pieces: list[tuple[str, float, bool]]


def show_written(evidence: Evidence, scorer: Scorer) -> list[Written]:
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
