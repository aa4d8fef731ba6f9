"""Which part of a text each of its tokens stands for, and what each of them cost.

The parts joined are the text, whatever a tokenizer makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import tokenizers

from textgen_core.corpus.reading.stored import iterate_pieces
from textgen_core.data.tokenizer import END, START
from textgen_core.evaluation.held_out import TokenScorer
from textgen_core.evaluation.surprisal import ScoredToken

MOST_CHARACTERS = 300_000  # of the held-out text that are looked at


def split_into_tokens(
    documents: Sequence[str], tokenizer: tokenizers.Tokenizer
) -> list[tuple[int, str]]:
    """Return id and text of every token, `<END>` between documents: as a token file has them."""
    tokens: list[tuple[int, str]] = []
    for number, document in enumerate(documents):
        if number:
            tokens.append((END, ""))
        tokens += _tokens_of(document, tokenizer)
    return tokens


def _tokens_of(document: str, tokenizer: tokenizers.Tokenizer) -> list[tuple[int, str]]:
    encoding = tokenizer.encode(document, add_special_tokens=False)
    tokens, done = [], 0
    for token_id, (_, end) in zip(encoding.ids, encoding.offsets, strict=True):
        end = max(end, done)
        tokens.append((token_id, document[done:end]))
        done = end
    if tokens and done < len(document):  # spaces that no token stands for
        token_id, text = tokens[-1]
        tokens[-1] = (token_id, text + document[done:])
    return tokens


def scored_tokens(tokens: Sequence[tuple[int, str]], losses: np.ndarray) -> tuple[ScoredToken, ...]:
    """Return ids and texts of tokens with their losses, float `(tokens,)` in nats."""
    return tuple(
        ScoredToken(token_id=token_id, text=text, loss=float(loss))
        for (token_id, text), loss in zip(tokens, losses, strict=True)
    )


def score_after(prompt: str, text: str, scorer: TokenScorer) -> list[ScoredToken]:
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
    most_characters: int = MOST_CHARACTERS,
) -> Iterator[ScoredToken]:
    """Yield the tokens of the first `most_characters` of a split with their losses.

    The text is encoded again, and the tokens are followed as long as they are those of the split,
    int `(tokens,)` without `<START>`: near the cut a token may differ.
    """
    beginning: list[str] = []
    left = most_characters
    starts_document = True
    for text, ends_document in iterate_pieces(documents):
        if starts_document:
            beginning.append("")
        beginning[-1] += text[:left]
        left -= len(text)
        starts_document = ends_document
        if left <= 0:
            break
    tokens = split_into_tokens(beginning, tokenizer)
    for (token_id, text), true_id, loss in zip(tokens, token_ids, losses, strict=False):
        if token_id != true_id:
            return
        yield ScoredToken(token_id=token_id, text=text, loss=float(loss))
