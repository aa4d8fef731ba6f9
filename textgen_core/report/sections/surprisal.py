"""Texts that the model wrote, token by token: how much each surprised it, and what is memorized."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import attrs

from textgen_core.evaluation.surprisal import LEVEL_NAMES, level_of
from textgen_core.formatting import say
from textgen_core.report.records import Records, Section
from textgen_core.report.sections.samples import LONGEST_PROMPT
from textgen_core.report.wording import cut, show_count, show_figure, show_percent

MOST_TEXTS = 8
MOST_TOKENS = 1500  # of all texts together; each costs the page about 50 bytes
MOST_CHARACTERS = 10_000  # of all texts together
LONGEST_TOKEN = 200  # characters

_Tokens = Sequence[tuple[str, float | None, bool]]  # text, bits, whether it is memorized


@attrs.frozen(kw_only=True)
class ColouredSpan:
    """A span of text with its CSS classes, and what a pointer over it tells."""

    text: str
    kind: str
    title: str = ""


@attrs.frozen(kw_only=True)
class ColouredText:
    """A text in spans after its prompt; the last `rest` tokens are not shown."""

    prompt: str
    spans: tuple[ColouredSpan, ...]
    rest: int


def describe_surprisal(records: Records, *, excerpts: bool) -> Section | None:
    """Return the scored texts of a run, or None if there are none.

    Without `excerpts` what is memorized is left out, and so are prompts from the held-out text.
    """
    written = records.evaluation.tables("written") if records.evaluation else []
    scored = [(each, each.rows("pieces", str, float, bool)) for each in written]
    scored = [(each, tokens) for each, tokens in scored if tokens]
    if not scored:
        return None
    everything = [token for _, tokens in scored for token in tokens]
    settings = records.configuration.table("generation").values if records.configuration else {}
    own = settings.get("prompt")  # the prompt that was asked for, which is no quotation
    quoted = [each.text("prompt") not in (None, "", own) for each, _ in scored]
    parts = _within_limits([tokens for _, tokens in scored])
    return {
        "texts": tuple(
            ColouredText(
                prompt=cut(each.text("prompt") or "", LONGEST_PROMPT)
                if excerpts or not is_quoted
                else "",
                spans=tuple(_spans(part, excerpts)),
                rest=len(tokens) - len(part),
            )
            for (each, tokens), part, is_quoted in zip(scored, parts, quoted, strict=False)
        ),
        "left_out": len(scored) - len(parts),
        "legend": tuple(
            ColouredSpan(text=say(name), kind=f"s{level}") for level, name in enumerate(LEVEL_NAMES)
        ),
        "sentence": _sentence(everything),
        "has_memorized": any(is_memorized for _, _, is_memorized in everything),
        "prompts": _prompts_sentence(excerpts=excerpts) if any(quoted) else "",
    }


def _prompts_sentence(*, excerpts: bool) -> str:
    if excerpts:
        return say("The prompts are passages of the held-out text.")
    return say("The prompts were passages of the held-out text, and are left out of this page.")


def _within_limits(texts: Sequence[_Tokens]) -> list[_Tokens]:
    """Return of each text what the page has space for, until there is none left."""
    left, characters = MOST_TOKENS, MOST_CHARACTERS
    found: list[_Tokens] = []
    for tokens in texts[:MOST_TEXTS]:
        shown: list[tuple[str, float | None, bool]] = []
        for text, bits, is_memorized in tokens[:left]:
            text = cut(text, LONGEST_TOKEN)
            characters -= len(text)
            if characters < 0:
                break
            shown.append((text, bits, is_memorized))
        if not shown:
            break
        left -= len(shown)
        found.append(shown)
    return found


def _spans(tokens: _Tokens, excerpts: bool) -> Iterable[ColouredSpan]:
    """Return the spans; without `excerpts` a memorized passage is counted instead of shown."""
    for is_memorized, group in itertools.groupby(tokens, key=lambda token: token[2]):
        passage = list(group)
        if is_memorized and not excerpts:
            counted = _counted(len(passage))
            yield ColouredSpan(
                text=" " + say("[{counted} memorized]", counted=counted) + " ", kind="masked"
            )
            continue
        for text, bits, _ in passage:
            level, title = "", ""
            if bits is not None:
                level = f"s{level_of(bits)}"
                title = say("{bits} bits", bits=show_figure(bits, 1))
            kind = f"{level} memorized".strip() if is_memorized else level
            yield ColouredSpan(text=text, kind=kind, title=title)


def _sentence(tokens: _Tokens) -> str:
    """Return what all texts' tokens come to: the mean surprisal, and the share memorized."""
    bits = [each for _, each, _ in tokens if each is not None]
    sentences = [_counted(len(tokens))]
    if bits:
        mean = show_figure(sum(bits) / len(bits), 2)
        sentences.append(say("{bits} bits each on average", bits=mean))
    share = sum(1 for _, _, is_memorized in tokens if is_memorized) / len(tokens)
    if share:
        sentences.append(say("{share} of them memorized", share=show_percent(share)))
    return ", ".join(sentences) + "."


def _counted(tokens: int) -> str:
    return say("1 token") if tokens == 1 else say("{number} tokens", number=show_count(tokens))
