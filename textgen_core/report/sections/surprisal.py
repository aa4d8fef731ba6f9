"""Texts that the model wrote, token by token: how much each surprised it, and what is copied.

Takes the records of a run and returns pieces with CSS classes; knows nothing about HTML.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence

import attrs

from textgen_core.report.records import Records
from textgen_core.report.sections.samples import LONGEST_PROMPT
from textgen_core.report.wording import cut, show_count, show_figure, show_percent

LIMITS = (1, 2, 4, 7, 11)  # bits, between the classes of colour
MOST_TEXTS = 8
MOST_PIECES = 1500  # of all texts together; each costs the page about 50 bytes
MOST_CHARACTERS = 10_000  # of all texts together
LONGEST_PIECE = 200  # characters

_Tokens = Sequence[tuple[str, float | None, bool]]  # text, bits, whether it is copied


@attrs.frozen(kw_only=True)
class Piece:
    """A token's text, with its CSS classes and what a pointer over it tells."""

    text: str
    kind: str
    title: str = ""


@attrs.frozen(kw_only=True)
class ColouredText:
    """A text in pieces after its prompt; the last `rest` tokens are not shown."""

    prompt: str
    pieces: tuple[Piece, ...]
    rest: int


@attrs.frozen(kw_only=True)
class Surprise:
    """The texts and what their colours come to; `left_out` texts are not shown."""

    texts: tuple[ColouredText, ...]
    left_out: int
    legend: tuple[Piece, ...]
    sentence: str
    has_copied: bool
    has_quoted_prompts: bool


def describe_surprise(records: Records, *, excerpts: bool) -> Surprise | None:
    """Return the scored texts of a run, or None if there are none.

    Without `excerpts` what was copied is left out, and so are prompts from the held-out text.
    """
    written = records.evaluation.tables("written") if records.evaluation else []
    scored = [(each, each.pieces("pieces")) for each in written]
    scored = [(each, tokens) for each, tokens in scored if tokens]
    if not scored:
        return None
    everything = [token for _, tokens in scored for token in tokens]
    own = _own_prompt(records)
    quoted = [each.text("prompt") not in (None, "", own) for each, _ in scored]
    parts = _within_limits([tokens for _, tokens in scored])
    has_copied = any(copied for _, _, copied in everything)
    return Surprise(
        texts=tuple(
            ColouredText(
                prompt=""
                if is_quoted and not excerpts
                else cut(each.text("prompt") or "", LONGEST_PROMPT),
                pieces=tuple(_coloured(part) if excerpts else _masked(part)),
                rest=len(tokens) - len(part),
            )
            for (each, tokens), part, is_quoted in zip(scored, parts, quoted, strict=False)
        ),
        left_out=len(scored) - len(parts),
        legend=_legend(),
        sentence=_sentence(everything),
        has_copied=has_copied,
        has_quoted_prompts=any(quoted),
    )


def surprise_class(bits: float | None) -> str:
    """Return the CSS class of a token's surprise, `s0` to `s5`; none where it is unknown."""
    return "" if bits is None else f"s{bisect.bisect_right(LIMITS, bits)}"


def _own_prompt(records: Records) -> str | None:
    """Return the prompt that was asked for, which is no quotation."""
    if records.configuration is None:
        return None
    prompt = records.configuration.table("generation").values.get("prompt")
    return prompt if isinstance(prompt, str) else None


def _within_limits(texts: Sequence[_Tokens]) -> list[_Tokens]:
    """Return of each text what the page has room for, until there is none left."""
    pieces, characters = MOST_PIECES, MOST_CHARACTERS
    found: list[_Tokens] = []
    for tokens in texts[:MOST_TEXTS]:
        shown: list[tuple[str, float | None, bool]] = []
        for text, bits, copied in tokens[:pieces]:
            text = cut(text, LONGEST_PIECE)
            characters -= len(text)
            if characters < 0:
                break
            shown.append((text, bits, copied))
        if not shown:
            break
        pieces -= len(shown)
        found.append(shown)
    return found


def _coloured(tokens: _Tokens) -> Iterable[Piece]:
    for text, bits, copied in tokens:
        kind = f"{surprise_class(bits)} copied" if copied else surprise_class(bits)
        title = "" if bits is None else f"{show_figure(bits, 1)} bits"
        yield Piece(text=text, kind=kind.strip(), title=title)


def _masked(tokens: _Tokens) -> Iterable[Piece]:
    """Return the pieces with every run of copied ones counted instead of shown."""
    for copied, run in itertools.groupby(tokens, key=lambda token: token[2]):
        if copied:
            size = sum(1 for _ in run)
            words = "1 token copied" if size == 1 else f"{show_count(size)} tokens copied"
            yield Piece(text=f" [{words}] ", kind="masked")
        else:
            yield from _coloured(list(run))


def _legend() -> tuple[Piece, ...]:
    """Return the classes of colour from sure to surprised, each with its limits in bits."""
    bounds = [(low, high) for low, high in itertools.pairwise(LIMITS)]
    labels = [f"under {LIMITS[0]}", *(f"{low}\u2013{high}" for low, high in bounds)]
    labels.append(f"over {LIMITS[-1]}")
    return tuple(Piece(text=label, kind=f"s{number}") for number, label in enumerate(labels))


def _sentence(tokens: _Tokens) -> str:
    """Return what all texts' tokens come to: the mean surprise, and the share that is copied."""
    bits = [each for _, each, _ in tokens if each is not None]
    sentences = ["1 token" if len(tokens) == 1 else f"{show_count(len(tokens))} tokens"]
    if bits:
        sentences.append(f"{show_figure(sum(bits) / len(bits), 2)} bits each on average")
    share = sum(1 for _, _, copied in tokens if copied) / len(tokens)
    if share:
        sentences.append(f"{show_percent(share)} of them copied")
    return ", ".join(sentences) + "."
