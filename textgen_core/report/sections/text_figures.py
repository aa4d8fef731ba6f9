"""What the corpus is like: counts, Zipf's law, lengths, and the words and phrases it uses most."""

from __future__ import annotations

import math

import attrs
import numpy as np

from textgen_core.report.charts.bars import draw_histogram, is_open
from textgen_core.report.charts.curves import Chart, Series, draw_figure
from textgen_core.report.charts.scales import Points, logarithmic_scale
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Records, Table
from textgen_core.report.sections.headline import Card
from textgen_core.report.sections.recurrence import (
    Copies,
    describe_copies,
    draw_counted,
    draw_domain_words,
    draw_ratios,
    draw_recurrent,
)
from textgen_core.report.wording import cut, show_count, show_figure, show_percent, show_size

MOST_SCRIPTS = 5
MOST_WORDS = 20
_PHRASES = {"top_words": "Words", "top_bigrams": "Two words", "top_trigrams": "Three words"}
_COUNTS = {
    "documents": "documents",
    "lines": "lines",
    "alphabet_size": "different characters",
    "words": "words",
    "types": "different words",
    "hapaxes": "words that occur once",
}


@attrs.frozen(kw_only=True)
class CorpusFigures:
    """The corpus section; what quotes the corpus is empty where excerpts are left out.

    ratios: the type/token ratio along the text. marking: the words that mark the text. recurrent:
    phrases and shapes of lines. copies: near-duplicates, with examples or without.
    """

    cards: tuple[Card, ...]
    scripts: str
    zipf: Figure | None
    lengths: tuple[Figure, ...]
    ratios: Figure | None
    phrases: tuple[Figure, ...]
    marking: Figure | None
    recurrent: tuple[Figure, ...]
    copies: Copies | None
    sampled: tuple[str, ...]


def describe_corpus(records: Records, *, excerpts: bool) -> CorpusFigures | None:
    """Return the figures of the corpus, or None if it was not analysed."""
    analysis = records.analysis
    if analysis is None:
        return None
    sampled = analysis.values.get("sampled") or []
    return CorpusFigures(
        cards=_cards(analysis),
        scripts=_scripts(analysis),
        zipf=_draw_zipf(analysis),
        lengths=(
            _draw_lengths(analysis, "line_lengths", "Lines", "characters"),
            _draw_lengths(analysis, "sentence_lengths", "Sentences", "words"),
        ),
        ratios=draw_ratios(analysis),
        phrases=draw_counted(analysis, _PHRASES, MOST_WORDS) if excerpts else (),
        marking=draw_domain_words(analysis) if excerpts else None,
        recurrent=draw_recurrent(analysis) if excerpts else (),
        copies=describe_copies(analysis, excerpts=excerpts),
        sampled=tuple(cut(each, 300) for each in sampled if isinstance(each, str)),
    )


def _cards(analysis: Table) -> tuple[Card, ...]:
    per_1000 = analysis.number("type_token_ratio_per_1000_words")
    return (
        Card(name="characters", value=show_count(analysis.number("characters"))),
        Card(name="size", value=show_size(analysis.number("bytes"))),
        *(Card(name=name, value=show_count(analysis.number(key))) for key, name in _COUNTS.items()),
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


def _draw_zipf(analysis: Table) -> Figure | None:
    points = _ranks(analysis)
    if len(points) < 2:
        return None
    line = _fitted_line(analysis)
    words = Series(kind="validation", points=points, name="words by rank", line=False, dots=True)
    fit = Series(kind="fit", points=line, name="Zipf's law, fitted")
    title = "Frequency of words over their rank, both on logarithmic axes"
    chart = Chart(
        picture=Picture(name="zipf", title=title),
        x=logarithmic_scale([rank for rank, _ in points]),
        y=logarithmic_scale([times for _, times in (*points, *line)]),
        x_label="rank",
        y_label="occurrences",
        series=[fit, words] if line else [words],
    )
    slope = analysis.table("zipf").number("slope")
    sentence = "There were too few frequent words to fit a line."
    if slope is not None:
        sentence = (
            f"The fitted slope is {show_figure(slope, 2)}. Natural text lies near −1: a few words "
            "make up most of it, and most words are rare."
        )
    return draw_figure(chart, "How often words occur", sentence)


def _ranks(analysis: Table) -> Points:
    """Return the ranks of words with how often they occur, what has a logarithm."""
    return [(x, y) for x, y in analysis.points("rank_frequency") if x > 0 and y > 0]


def _fitted_line(analysis: Table) -> Points:
    """Return the ends of the line with the fitted slope, laid through the fitted points' middle.

    Ranks lie the denser the higher they are, so a point has the weight of the ranks around it.
    """
    zipf = analysis.table("zipf")
    slope, first, last = (zipf.number(key) for key in ("slope", "first_rank", "last_rank"))
    if slope is None or first is None or last is None or not 0 < first < last:
        return []
    fitted = [(x, y) for x, y in _ranks(analysis) if first <= x <= last]
    if len(fitted) < 2:
        return []
    ranks = np.array([rank for rank, _ in fitted])
    borders = np.concatenate([ranks[:1], (ranks[1:] + ranks[:-1]) / 2, ranks[-1:]])
    x, y = np.average(np.log(fitted), axis=0, weights=np.diff(borders))
    ends = [(rank, y + slope * (math.log(rank) - x)) for rank in (first, last)]
    return [(rank, math.exp(log)) for rank, log in ends if abs(log) < 300]


def _draw_lengths(analysis: Table, key: str, heading: str, unit: str) -> Figure:
    """Return a histogram with its sentence; no picture where nothing was counted."""
    table = analysis.table(key)
    edges, counts = table.numbers("edges"), table.numbers("counts")
    if not counts or len(edges) != len(counts) + 1 or edges != sorted(set(edges)):
        sentence = f"No {heading.lower()} were counted."
        return Figure(heading=heading, sentence=sentence, picture=None)
    mean, median, longest = (table.number(name) for name in ("mean", "median", "maximum"))
    sentence = (
        f"{show_count(table.number('count'))} {heading.lower()}: {show_figure(mean, 1)} {unit} on "
        f"average, half of them up to {show_figure(median)}, the longest {show_count(longest)}."
    )
    if key == "sentence_lengths" and analysis.text("sentences") == "line":
        sentence += " Here a line was taken for a sentence."
    title = f"Lengths of {heading.lower()} in {unit}"
    picture = Picture(name=key.replace("_", "-"), title=title, description=sentence)
    if is_open(edges, len(counts) - 1):
        sentence += " The last bar takes all that are longer."
    drawn = draw_histogram(picture, edges, counts, unit, heading.lower())
    return Figure(heading=heading, sentence=sentence, picture=drawn)
