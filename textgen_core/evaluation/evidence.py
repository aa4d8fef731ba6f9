"""Gathers what a metric may look at: held-out prompts, what followed them, what the model wrote.

The model writes through a function that the caller passes in: this module knows nothing about
samplers, nor about how text is generated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs
import numpy as np
import tokenizers

from textgen_core.components import Evidence
from textgen_core.config.settings import EvaluationSettings
from textgen_core.data.tokenizer import END

# From prompts and a number of new tokens to a continuation of each, without its prompt.
ContinuePrompts = Callable[[Sequence[str], int], Sequence[str]]

_CUT = "\ufffd"  # what decoding makes of the bytes of a character that was cut


@attrs.frozen(kw_only=True)
class HeldOutPrompt:
    """A piece of held-out text, and the text that really followed it in the same document."""

    prompt: str
    reference: str


@attrs.frozen(kw_only=True)
class ScoredSplit:
    """A held-out split's token ids, int `(tokens,)` without `<START>`, and their losses, float32.

    score: the losses that the same model gives to any text.
    """

    token_ids: np.ndarray
    losses: np.ndarray
    score: Callable[[str], np.ndarray]


def gather_evidence(
    split: ScoredSplit,
    tokenizer: tokenizers.Tokenizer,
    settings: EvaluationSettings,
    training_text: Iterable[str],
    continue_prompts: ContinuePrompts,
) -> Evidence:
    """Return the evidence for the metrics; `training_text` must be re-iterable."""
    chosen = choose_prompts(split.token_ids, tokenizer, settings)
    prompts = [piece.prompt for piece in chosen]
    samples = list(continue_prompts(prompts, settings.continuation_tokens)) if prompts else []
    if len(samples) != len(prompts):
        raise ValueError(f"{len(prompts)} prompts were given {len(samples)} continuations.")
    return Evidence(
        samples=samples,
        prompts=prompts,
        references=[piece.reference for piece in chosen],
        training_text=training_text,
        token_losses=split.losses,
        token_ids=np.asarray(split.token_ids, np.int32),
        tokenizer=tokenizer,
        score=split.score,
    )


def choose_prompts(
    token_ids: np.ndarray, tokenizer: tokenizers.Tokenizer, settings: EvaluationSettings
) -> list[HeldOutPrompt]:
    """Return prompts from evenly spaced positions of int `(tokens,)`, without its `<START>`.

    A text shorter than a prompt and its continuation is divided in their proportion. A prompt
    starts after the last end of a document in it, and a reference stops at the next; where nothing
    follows in the document there is no prompt. So fewer than were asked for may come back. What is
    `<UNK>` to the tokenizer is left out of both, since nobody could write it.
    """
    wanted = settings.prompt_tokens + settings.continuation_tokens
    span = min(wanted, len(token_ids))
    prompt_tokens = max(1, span * settings.prompt_tokens // wanted)
    starts = np.unique(np.linspace(0, len(token_ids) - span, settings.prompts).astype(np.int64))
    pieces = [
        _read_piece(token_ids[start : start + span].tolist(), prompt_tokens, tokenizer)
        for start in starts
    ]
    return [piece for piece in pieces if piece.reference]


def _read_piece(
    token_ids: list[int], prompt_tokens: int, tokenizer: tokenizers.Tokenizer
) -> HeldOutPrompt:
    ends = [position for position, token in enumerate(token_ids) if token == END]
    start = max((end + 1 for end in ends if end < prompt_tokens), default=0)
    stop = min((end for end in ends if end >= prompt_tokens), default=len(token_ids))
    # Of a character cut in two the first piece does not count, and one cut by the border belongs
    # to the reference. That is what the whole has beyond the prompt: decoded alone it may lose its
    # first space.
    prompt = tokenizer.decode(token_ids[start:prompt_tokens]).strip(_CUT)
    whole = tokenizer.decode(token_ids[start:stop]).lstrip(_CUT)
    if not whole.startswith(prompt):
        return HeldOutPrompt(
            prompt=prompt, reference=tokenizer.decode(token_ids[prompt_tokens:stop])
        )
    return HeldOutPrompt(prompt=prompt, reference=whole[len(prompt) :])
