"""What marks the corpus and what recurs in it: its own words, phrases, shapes of lines, copies."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.curves import Chart, Series, draw_figure
from textgen_core.report.charts.scales import scale_for
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Table
from textgen_core.report.wording import cut, show_count, show_figure, show_percent

MOST_DOMAIN_WORDS = 20
MOST_RECURRENT = 10
PHRASE_WIDTH = 80  # Latin letters of a phrase that fit on a bar of the whole width
EXAMPLE = 200  # characters

_RECURRENT = {"patterns": "Phrases that recur", "line_shapes": "Lines of one shape (# is a number)"}


@attrs.frozen(kw_only=True)
class Copies:
    """Documents that are nearly the same: a sentence, and rows of two beginnings and a share."""

    sentence: str
    examples: tuple[tuple[str, str, str], ...]


def draw_ratios(analysis: Table) -> Figure | None:
    """Return the type/token ratio along the text, None where it is too short for slices."""
    ratios = analysis.numbers("type_token_ratio_slices")
    if len(ratios) < 2:
        return None
    sentence = (
        f"Different words for each word, in {len(ratios)} slices of equally many: from "
        f"{show_figure(min(ratios))} to {show_figure(max(ratios))}. A slice that stands out is of "
        "another kind."
    )
    chart = Chart(
        picture=Picture(name="ratios", title="Type/token ratio along the text"),
        x=scale_for([1, len(ratios)], rounded=False),
        y=scale_for(ratios, from_zero=True),
        x_label="slice",
        y_label="types per word",
        series=[Series(kind="validation", points=list(enumerate(ratios, start=1)), dots=True)],
        height=150,
    )
    return draw_figure(chart, "Along the text", sentence)


def draw_domain_words(analysis: Table) -> Figure | None:
    """Return the words that mark the corpus as bars of their score."""
    rows = analysis.rows("domain_words", str, float, float, float, float)
    bars = [
        Bar(
            label=word,
            value=score or 0,
            shown=f"{show_figure(here or 0, 0)} : {show_figure(there or 0, 0)}",
        )
        for word, _, here, there, score in rows[:MOST_DOMAIN_WORDS]
    ]
    if not bars:
        return None
    heading = "Words that mark this text"
    reference = cut(analysis.text("reference") or "the reference", 80)
    sentence = (
        f"Words that are more frequent here than in {reference}, by their log-likelihood (Dunning "
        "1993); the figures are occurrences per million words, here and there."
    )
    picture = Picture(name="domain-words", title=heading)
    return Figure(heading=heading, picture=draw_bars(picture, bars), sentence=sentence)


def draw_recurrent(analysis: Table) -> tuple[Figure, ...]:
    """Return the phrases and the shapes of lines that recur, as bars."""
    return draw_counted(analysis, _RECURRENT, MOST_RECURRENT, label_width=PHRASE_WIDTH)


def draw_counted(
    analysis: Table, headings: Mapping[str, str], most: int, label_width: int = 26
) -> tuple[Figure, ...]:
    """Return texts with how often each occurs as bars, a figure for each key that has some."""
    found = []
    for key, heading in headings.items():
        counted = analysis.counted(key)[:most]
        if not counted:
            continue
        bars = [Bar(label=text, value=times, shown=show_count(times)) for text, times in counted]
        picture = Picture(name=key.replace("_", "-"), title=f"{heading}: the most frequent")
        drawn = draw_bars(picture, bars, label_width=label_width)
        found.append(Figure(heading=heading, picture=drawn))
    return tuple(found)


def describe_copies(analysis: Table, *, excerpts: bool) -> Copies | None:
    """Return what is known of near-duplicates; None where none were looked for."""
    near = analysis.table("near_duplicates")
    compared, pairs = near.number("compared"), near.number("pairs")
    if compared is None or pairs is None:
        return None
    unit = "paragraph" if near.text("unit") == "paragraph" else "document"
    sentence = f"Of {show_count(compared)} {unit}s that were compared, "
    if not pairs:
        return Copies(sentence=f"{sentence}no two are nearly the same.", examples=())
    share = show_percent(near.number("share"))
    sentence += f"{share} are nearly the same as another ({show_count(pairs)} pairs)."
    examples = near.rows("examples", str, str, float) if excerpts else []
    return Copies(
        sentence=sentence,
        examples=tuple(
            (cut(one, EXAMPLE), cut(other, EXAMPLE), show_percent(alike))
            for one, other, alike in examples[:MOST_RECURRENT]
        ),
    )
