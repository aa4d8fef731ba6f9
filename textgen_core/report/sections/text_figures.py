"""What the corpus is like: counts, Zipf's law, lengths, and the words and phrases it uses most.

Takes the records of a run and returns what the page shows; knows nothing about HTML.
"""

from __future__ import annotations

import itertools
import math

import attrs
from markupsafe import Markup

from textgen_core.report.charts.bars import Bar, draw_bars, draw_histogram, is_open
from textgen_core.report.charts.curves import Chart, Series, draw_chart
from textgen_core.report.charts.scales import Points, logarithmic_scale
from textgen_core.report.charts.svg import Picture
from textgen_core.report.fields import Table
from textgen_core.report.records import Records
from textgen_core.report.sections.headline import Card
from textgen_core.report.sections.recurrence import (
    Copies,
    Figure,
    describe_copies,
    draw_domain_words,
    draw_ratios,
    draw_recurrent,
)
from textgen_core.report.wording import (
    cut,
    show_count,
    show_figure,
    show_percent,
    show_size,
)

MOST_SCRIPTS = 5
MOST_WORDS = 20
_PHRASES = {
    "top_words": "Words",
    "top_bigrams": "Two words",
    "top_trigrams": "Three words",
}


@attrs.frozen(kw_only=True)
class Lengths:
    """A histogram with its sentence; no picture where nothing was counted."""

    heading: str
    sentence: str
    picture: Markup | None


@attrs.frozen(kw_only=True)
class Phrases:
    """The most frequent words, or phrases, as bars."""

    heading: str
    picture: Markup


@attrs.frozen(kw_only=True)
class CorpusFigures:
    """The corpus section; what quotes the corpus is empty where excerpts are left out.

    ratios: the type/token ratio along the text. marking: the words that mark the text. recurrent:
    phrases and shapes of lines. copies: near-duplicates, with examples or without.
    """

    cards: tuple[Card, ...]
    scripts: str
    zipf: Markup | None
    zipf_fitted: bool
    zipf_sentence: str
    lengths: tuple[Lengths, ...]
    ratios: Figure | None
    phrases: tuple[Phrases, ...]
    marking: Figure | None
    recurrent: tuple[Figure, ...]
    copies: Copies | None
    sampled: tuple[str, ...]


def describe_corpus(records: Records, *, excerpts: bool) -> CorpusFigures | None:
    """Return the figures of the corpus, or None if it was not analysed."""
    analysis = records.analysis
    if analysis is None:
        return None
    slope = analysis.table("zipf").number("slope")
    return CorpusFigures(
        cards=_cards(analysis),
        scripts=_scripts(analysis),
        zipf=_draw_zipf(analysis),
        zipf_fitted=bool(_fitted_line(analysis)),
        zipf_sentence=_zipf_sentence(slope),
        lengths=(
            _lengths(analysis, "line_lengths", "Lines", "characters"),
            _lengths(analysis, "sentence_lengths", "Sentences", "words"),
        ),
        ratios=draw_ratios(analysis),
        phrases=_phrases(analysis) if excerpts else (),
        marking=draw_domain_words(analysis) if excerpts else None,
        recurrent=draw_recurrent(analysis) if excerpts else (),
        copies=describe_copies(analysis, excerpts=excerpts),
        sampled=tuple(cut(each, 300) for each in _sampled(analysis)),
    )


def _cards(analysis: Table) -> tuple[Card, ...]:
    per_1000 = analysis.number("type_token_ratio_per_1000_words")
    return (
        Card(name="characters", value=show_count(analysis.number("characters"))),
        Card(name="size", value=show_size(analysis.number("bytes"))),
        Card(name="documents", value=show_count(analysis.number("documents"))),
        Card(name="lines", value=show_count(analysis.number("lines"))),
        Card(name="different characters", value=show_count(analysis.number("alphabet_size"))),
        Card(name="words", value=show_count(analysis.number("words"))),
        Card(name="different words", value=show_count(analysis.number("types"))),
        Card(name="words that occur once", value=show_count(analysis.number("hapaxes"))),
        Card(name="type/token ratio per 1,000 words", value=show_figure(per_1000)),
        Card(name="repeated lines", value=show_percent(analysis.number("repeated_lines"))),
    )


def _scripts(analysis: Table) -> str:
    """Return the share of each script among the letters, the largest first."""
    counted = analysis.table("scripts")
    counts = {name: counted.number(name) or 0 for name in counted.values}
    total = sum(counts.values())
    largest = sorted(counts.items(), key=lambda pair: -pair[1])[:MOST_SCRIPTS]
    return ", ".join(
        f"{cut(name, 40)} {show_percent(count / total)}" for name, count in largest if count
    )


def _sampled(analysis: Table) -> list[str]:
    values = analysis.values.get("sampled") or []
    return [each for each in values if isinstance(each, str)]


# ---- Zipf -----------------------------------------------------------------------------------


def _draw_zipf(analysis: Table) -> Markup | None:
    points = [
        (rank, times) for rank, times in analysis.points("rank_frequency") if rank > 0 and times > 0
    ]
    if len(points) < 2:
        return None
    line = _fitted_line(analysis)
    series = [Series(kind="validation", points=points, line=False, dots=True)]
    if line:
        series.insert(0, Series(kind="fit", points=line))
    return draw_chart(
        Chart(
            picture=Picture(
                name="zipf",
                title="Frequency of words over their rank, both on logarithmic axes",
                description=f"The commonest word occurs {points[0][1]:.0f} times, the one of rank "
                f"{points[-1][0]:.0f} {points[-1][1]:.0f} times.",
            ),
            x=logarithmic_scale([rank for rank, _ in points]),
            y=logarithmic_scale([times for _, times in (*points, *line)]),
            x_label="rank",
            y_label="occurrences",
            series=series,
        )
    )


def _fitted_line(analysis: Table) -> Points:
    """Return the ends of the line with the fitted slope, laid through the fitted points' middle."""
    zipf = analysis.table("zipf")
    slope, first, last = (zipf.number(key) for key in ("slope", "first_rank", "last_rank"))
    if slope is None or first is None or last is None or not 0 < first < last:
        return []
    fitted = [
        (math.log(rank), math.log(times))
        for rank, times in analysis.points("rank_frequency")
        if first <= rank <= last and times > 0
    ]
    if len(fitted) < 2:
        return []
    middle = _middle(fitted)
    ends = [(rank, middle[1] + slope * (math.log(rank) - middle[0])) for rank in (first, last)]
    return [(rank, math.exp(log)) for rank, log in ends if abs(log) < 300]


def _zipf_sentence(slope: float | None) -> str:
    if slope is None:
        return "There were too few frequent words to fit a line."
    return (
        f"The fitted slope is {show_figure(slope, 2)}. Natural text lies near −1: a few words "
        "make up most of it, and most words are rare."
    )


def _middle(points: Points) -> tuple[float, float]:
    """Return the mean of all ranks' points on the line, of which some are known (in logarithms).

    Ranks lie the denser the higher they are, so a known point stands for the ranks around it.
    """
    ranks = [math.exp(x) for x, _ in points]
    borders = [ranks[0], *((a + b) / 2 for a, b in itertools.pairwise(ranks)), ranks[-1]]
    weights = [b - a for a, b in itertools.pairwise(borders)]
    total = sum(weights)
    return (
        sum(weight * x for weight, (x, _) in zip(weights, points, strict=True)) / total,
        sum(weight * y for weight, (_, y) in zip(weights, points, strict=True)) / total,
    )


# ---- lengths and phrases --------------------------------------------------------------------


def _lengths(analysis: Table, key: str, heading: str, unit: str) -> Lengths:
    table = analysis.table(key)
    edges, counts = table.numbers("edges"), table.numbers("counts")
    mean, median, longest = (table.number(name) for name in ("mean", "median", "maximum"))
    taken = " Here a line was taken for a sentence." if _lines_for_sentences(analysis, key) else ""
    sentence = (
        f"{show_count(table.number('count'))} {heading.lower()}: {show_figure(mean, 1)} {unit} on "
        f"average, half of them up to {show_figure(median)}, the longest "
        f"{show_count(longest)}.{taken}"
    )
    if not counts or len(edges) != len(counts) + 1 or edges != sorted(set(edges)):
        return Lengths(
            heading=heading, sentence=f"No {heading.lower()} were counted.", picture=None
        )
    picture = Picture(
        name=key.replace("_", "-"),
        title=f"Lengths of {heading.lower()} in {unit}",
        description=sentence,
    )
    if is_open(edges, len(counts) - 1):
        sentence += " The last bar takes all that are longer."
    drawn = draw_histogram(picture, edges, counts, unit, heading.lower())
    return Lengths(heading=heading, sentence=sentence, picture=drawn)


def _lines_for_sentences(analysis: Table, key: str) -> bool:
    return key == "sentence_lengths" and analysis.text("sentences") == "line"


def _phrases(analysis: Table) -> tuple[Phrases, ...]:
    found = []
    for key, heading in _PHRASES.items():
        counted = analysis.counted(key)[:MOST_WORDS]
        if not counted:
            continue
        bars = [Bar(label=words, value=times, shown=show_count(times)) for words, times in counted]
        picture = Picture(
            name=key.replace("_", "-"),
            title=f"{heading}: the most frequent",
            description=f"{len(bars)} bars, from {bars[0].shown} occurrences to {bars[-1].shown}.",
        )
        found.append(Phrases(heading=heading, picture=draw_bars(picture, bars)))
    return tuple(found)
