"""Where a model goes wrong: rare tokens, lack of context, single lines, long texts, loops.

Gathers what the modules beside it measure under the keys of "errors" in evaluation.json. This
module computes nothing by itself, and knows nothing about models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs

from textgen_core.components import Evidence
from textgen_core.evaluation.breakdown import losses_by_frequency, losses_by_position
from textgen_core.evaluation.finding import pair_losses
from textgen_core.evaluation.held_out import HeldOut, TokenScorer, Training
from textgen_core.evaluation.lines import align, read_lines
from textgen_core.evaluation.loops import Loop, find_loops
from textgen_core.evaluation.written import OverLength, losses_over_length, score_after


@attrs.frozen(kw_only=True)
class Errors:
    """The error analysis, under the keys of evaluation.json; losses are in nats.

    by_frequency: a bin of how often a token occurs in training (`from` to `to`), its held-out
    tokens and their loss. by_position: position, mean loss and tokens; a position is that of the
    target in a window that nothing comes before, or in the split, of which bins on a logarithmic
    scale begin there. over_length: tokens, loss and share of repeated four-grams of the stretches
    of one long sample, and of held-out text of the same length. gap: step, training and validation
    loss.
    """

    by_frequency: list[dict[str, Any]]
    by_position: list[tuple[int, float, int]]
    position_of: Literal["window", "stream"]
    worst_lines: list[dict[str, Any]]
    over_length: OverLength
    over_length_held_out: OverLength
    loops: Sequence[Loop]
    gap: list[tuple[int, float, float]]


def analyse_errors(
    scorer: TokenScorer,
    held_out: HeldOut,
    training: Training,
    evidence: Evidence,
    long_sample: tuple[str, str],
) -> Errors:
    """Return the analysis. `evidence` has the losses; long_sample: its prompt, and what follows."""
    token_ids = held_out.tokens.token_ids
    tokenizer, losses = evidence.tokenizer, evidence.token_losses
    in_windows = scorer.window is not None and len(losses) >= scorer.window
    scored = score_after(*long_sample, scorer)
    real = align(held_out.documents, tokenizer, token_ids[1:], losses)
    alike = [(text, loss) for (_, text, loss), _ in zip(real, scored, strict=False)]
    return Errors(
        by_frequency=losses_by_frequency(
            losses, token_ids[1:], training.token_ids, scorer.language_model.vocabulary_size
        ),
        by_position=losses_by_position(
            scorer.score_apart(token_ids) if in_windows else losses[None]
        ),
        position_of="stream" if scorer.window is None else "window",
        worst_lines=read_lines(held_out.documents, tokenizer, token_ids[1:], losses),
        over_length=losses_over_length(scored),
        over_length_held_out=losses_over_length(alike),
        loops=find_loops([*evidence.samples, *filter(None, long_sample[1:])]),
        gap=pair_losses(training.rows),
    )
