"""Where a model goes wrong: rare tokens, lack of context, single lines, long texts, loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from textgen_core.components import Evidence
from textgen_core.data.tokenizer import END, UNK
from textgen_core.evaluation.baselines import count_tokens
from textgen_core.evaluation.evidence import HeldOut, TrainingData
from textgen_core.evaluation.loops import RepeatedPhrase, find_loops, share_repeated
from textgen_core.evaluation.surprisal import ScoredToken
from textgen_core.evaluation.token_texts import align, score_after
from textgen_core.evaluation.training_curve import pair_losses

if TYPE_CHECKING:
    from textgen_core.evaluation.scoring import Scorer

_SPANS = 8  # of a long text
_LEAST_BYTES = 20  # of a line that counts
_LONGEST_LINE = 300  # characters that are kept of it
_LINES = 10

OverLength = list[tuple[int, float, float | None]]


@attrs.frozen(kw_only=True)
class Errors:
    """The error analysis, under the keys of evaluation.json; losses are in nats.

    by_frequency: bins of how often a token occurs in training (`from` to `to`), the held-out tokens
    of each and their loss. by_position: first position, mean loss and tokens of bins, in windows
    without context, or in the split. over_length: tokens so far, loss and share of repeated
    four-grams of the spans of one long sample, and of held-out text of the same length. gap: step,
    training and validation loss.
    """

    by_frequency: list[dict[str, Any]]
    by_position: list[tuple[int, float, int]]
    position_of: Literal["window", "stream"]
    worst_lines: list[dict[str, Any]]
    over_length: OverLength
    over_length_held_out: OverLength
    loops: Sequence[RepeatedPhrase]
    gap: list[tuple[int, float, float]]


def analyse_errors(
    scorer: Scorer,
    held_out: HeldOut,
    training: TrainingData,
    evidence: Evidence,
    long_sample: tuple[str, str],
) -> Errors:
    """Return the analysis; `evidence` has the losses, `long_sample` a prompt and what follows."""
    token_ids = held_out.tokens.token_ids
    tokenizer, losses = evidence.tokenizer, evidence.token_losses
    in_windows = scorer.window is not None and len(losses) >= scorer.window
    real = list(align(held_out.documents, tokenizer, token_ids[1:], losses))
    written = score_after(*long_sample, scorer)
    return Errors(
        by_frequency=losses_by_frequency(
            losses, token_ids[1:], training.token_ids, scorer.language_model.vocabulary_size
        ),
        by_position=losses_by_position(
            scorer.score_apart(token_ids) if in_windows else losses[None]
        ),
        position_of="stream" if scorer.window is None else "window",
        worst_lines=find_worst_lines(real),
        over_length=losses_over_length(written),
        over_length_held_out=losses_over_length(real[: len(written)]),
        loops=find_loops([*evidence.samples, *filter(None, long_sample[1:])]),
        gap=pair_losses(training.rows),
    )


def losses_over_length(tokens: Sequence[ScoredToken]) -> OverLength:
    """Return tokens so far, mean loss and share of repeated four-grams of a long text's spans."""
    size = max(1, -(-len(tokens) // _SPANS))
    spans = [tokens[start : start + size] for start in range(0, len(tokens), size)]
    shares = share_repeated("".join(token.text for token in span) for span in spans)
    ends = itertools.accumulate(len(span) for span in spans)
    return [
        (end, sum(token.loss for token in span) / len(span), share)
        for end, span, share in zip(ends, spans, shares, strict=True)
    ]


def losses_by_frequency(
    losses: np.ndarray, token_ids: np.ndarray, training_token_ids: np.ndarray, vocabulary_size: int
) -> list[dict[str, Any]]:
    """Return the loss of held-out tokens by how often each occurs in training: 0, 1-9, 10-99 ...

    losses and token_ids: `(tokens,)`, without `<START>`; that of training has it first.
    """
    counts = count_tokens(training_token_ids[1:], vocabulary_size)
    tokens = count_tokens(token_ids, vocabulary_size)
    nats = count_tokens(token_ids, vocabulary_size, weights=losses)
    bins = [(0, 0)]
    while bins[-1][1] < counts.max(initial=0):
        bins.append((bins[-1][1] + 1, 10 * (bins[-1][1] + 1) - 1))
    rows = []
    for low, high in bins:
        here = (counts >= low) & (counts <= high)
        scored = int(tokens[here].sum())
        if scored:
            loss = float(nats[here].sum() / scored)
            rows.append({"from": low, "to": high, "tokens": scored, "loss": loss})
    return rows


def losses_by_position(losses: np.ndarray) -> list[tuple[int, float, int]]:
    """Return first position, mean loss and tokens of bins of `losses`, `(texts, positions)`.

    The bins begin at 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on.
    """
    rows, length = losses.shape
    if not rows:
        return []
    powers = [1 << power for power in range(2, length.bit_length() + 1)]
    borders = sorted({0, 1, 2, *(border * 3 // 4 for border in powers), *powers})
    borders = [*(border for border in borders if border < length), length]
    return [
        (start, float(np.mean(losses[:, start:stop], dtype=np.float64)), rows * (stop - start))
        for start, stop in itertools.pairwise(borders)
    ]


def find_worst_lines(tokens: Iterable[ScoredToken]) -> list[dict[str, Any]]:
    """Return the lines that cost the most bits for a byte, the worst first, each text once.

    A line counts from 20 bytes on. `<UNK>` pays for the bytes that it hides.
    """
    worst: dict[str, dict[str, Any]] = {}
    for line in sorted(_scored_lines(tokens), key=lambda line: -line["bits_per_byte"]):
        if math.isfinite(line["bits_per_byte"]):
            worst.setdefault(line["text"], line)
        if len(worst) == _LINES:
            break
    return list(worst.values())


def _scored_lines(scored: Iterable[ScoredToken]) -> Iterator[dict[str, Any]]:
    line, tokens, nats, hidden = "", 0, 0.0, 0
    for token in scored:
        text = token.text
        begins = text.lstrip("\n")
        if begins and begins != text:  # the line ends of a token that belongs to the next line
            yield from _scored_line(line + text.removesuffix(begins), tokens, nats, hidden)
            line, tokens, nats, hidden, text = "", 0, 0.0, 0, begins
        tokens, nats = tokens + 1, nats + token.loss
        hidden += len(text.encode("utf-8", "surrogatepass")) if token.token_id == UNK else 0
        line += text
        if "\n" in text or token.token_id == END:
            yield from _scored_line(line, tokens, nats, hidden)
            line, tokens, nats, hidden = "", 0, 0.0, 0
    yield from _scored_line(line, tokens, nats, hidden)


def _scored_line(line: str, tokens: int, nats: float, hidden: int) -> Iterator[dict[str, Any]]:
    size, shown = len(line.encode("utf-8", "surrogatepass")), line.strip()
    if size >= _LEAST_BYTES and shown:
        bits = nats / math.log(2) + 8 * hidden
        shown = shown if len(shown) <= _LONGEST_LINE else shown[: _LONGEST_LINE - 1] + "…"
        yield {"text": shown, "tokens": tokens, "bits_per_byte": bits / size}
