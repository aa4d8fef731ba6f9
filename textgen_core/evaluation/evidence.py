"""What an evaluation is given, and what a metric may look at: prompts, references, samples.

The model writes through a function that the caller passes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import numpy as np
import tokenizers

from textgen_core.components import Evidence
from textgen_core.config.settings import EvaluationSettings
from textgen_core.corpus import iterate_pieces
from textgen_core.data.token_files import TokenFile
from textgen_core.data.tokenizer import END, START
from textgen_core.evaluation.training_curve import Rows
from textgen_core.evaluation.verdict_case import RunFacts

if TYPE_CHECKING:
    from textgen_core.evaluation.scoring import Scorer

# From prompts and a number of new tokens to a continuation of each, without its prompt.
ContinuePrompts = Callable[[Sequence[str], int], Sequence[str]]

_CUT = "\ufffd"  # what decoding makes of the bytes of a character that was cut


@attrs.frozen(kw_only=True)
class HeldOut:
    """The split that is scored: its name, its documents' cleaned text, and its tokens.

    is_own: whether it is of the run's own corpus, and not any text that somebody gave.
    notes: what reading and cleaning changed in another text.
    """

    split: str
    documents: Sequence[str]
    tokens: TokenFile
    is_own: bool = True
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class TrainingData:
    """What the model learnt from: documents, token ids with `<START>` first, rows of metrics.jsonl.

    What is not available stays empty, and the baselines that need it are left out. longer: the
    setting that would have made training longer; facts: what only a verdict needs.
    """

    documents: Sequence[str] = ()
    token_ids: np.ndarray = attrs.field(factory=lambda: np.zeros((0,), np.int32), eq=False)
    rows: Rows = ()
    longer: str = "training.epochs"
    facts: RunFacts = attrs.field(factory=RunFacts)


def gather_evidence(
    scorer: Scorer,
    token_ids: np.ndarray,
    losses: np.ndarray,
    settings: EvaluationSettings,
    training_text: Iterable[str],
    continue_prompts: ContinuePrompts,
) -> Evidence:
    """Return the evidence for the metrics; `training_text` must be re-iterable.

    token_ids and losses: of a held-out split, `(tokens,)` without `<START>`.
    """
    tokenizer = scorer.language_model.tokenizer
    chosen = choose_prompts(token_ids, tokenizer, settings)
    prompts = [prompt for prompt, _ in chosen]
    samples = list(continue_prompts(prompts, settings.continuation_tokens)) if prompts else []
    if len(samples) != len(prompts):
        raise ValueError(f"{len(prompts)} prompts were given {len(samples)} continuations.")
    return Evidence(
        samples=samples,
        prompts=prompts,
        references=[reference for _, reference in chosen],
        training_text=training_text,
        token_losses=losses,
        token_ids=np.asarray(token_ids, np.int32),
        tokenizer=tokenizer,
        score=lambda text: scorer.score(_token_ids(scorer, text)),
    )


def _token_ids(scorer: Scorer, text: str) -> np.ndarray:
    return np.array([START, *scorer.language_model.read(text).token_ids], np.int32)


def choose_prompts(
    token_ids: np.ndarray, tokenizer: tokenizers.Tokenizer, settings: EvaluationSettings
) -> list[tuple[str, str]]:
    """Return prompts, each with the text that really followed it in the same document.

    They are from evenly spaced positions of int `(tokens,)`, without its `<START>`.

    A text shorter than a prompt and its continuation is divided in their proportion. A prompt
    starts after the last end of a document in it, and a reference stops at the next; where nothing
    follows in the document there is no prompt, so fewer than requested may come back. `<UNK>` is
    left out of both, since no model can write it.
    """
    wanted = settings.prompt_tokens + settings.continuation_tokens
    span = min(wanted, len(token_ids))
    prompt_tokens = max(1, span * settings.prompt_tokens // wanted)
    starts = np.unique(np.linspace(0, len(token_ids) - span, settings.prompts).astype(np.int64))
    found = (
        _read_prompt(token_ids[start : start + span].tolist(), prompt_tokens, tokenizer)
        for start in starts
    )
    return [(prompt, reference) for prompt, reference in found if reference]


def _read_prompt(
    token_ids: list[int], prompt_tokens: int, tokenizer: tokenizers.Tokenizer
) -> tuple[str, str]:
    ends = [position for position, token in enumerate(token_ids) if token == END]
    start = max((end + 1 for end in ends if end < prompt_tokens), default=0)
    stop = min((end for end in ends if end >= prompt_tokens), default=len(token_ids))
    # A character cut at the start does not count, and one cut by the border belongs to the
    # reference: what the whole has beyond the prompt. Decoded alone it may lose its first space.
    prompt = tokenizer.decode(token_ids[start:prompt_tokens]).strip(_CUT)
    whole = tokenizer.decode(token_ids[start:stop]).lstrip(_CUT)
    if whole.startswith(prompt):
        return prompt, whole[len(prompt) :]
    return prompt, tokenizer.decode(token_ids[prompt_tokens:stop])


@attrs.frozen
class TrainingText:
    """The training text as metrics read it: as often as they like, in pieces of bounded size."""

    documents: Iterable[str]

    def __iter__(self) -> Iterator[str]:
        for text, _ in self.pieces():
            yield text

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """Yield pieces that end at a space where there is one, and whether each ends its document.

        Joined, the pieces of a document are the document.
        """
        rest = ""
        for text, ends_document in iterate_pieces(self.documents):
            text = rest + text
            if ends_document:
                yield text, True
                rest = ""
                continue
            cut = max(text.rfind(" "), text.rfind("\n")) + 1 or len(text)
            yield text[:cut], False
            rest = text[cut:]
