"""The pictures of lesson 1: Zipf's law, the lengths of sentences, and domain words.

They come from the report's own drawing functions, on a sheet that stands alone.
"""

from __future__ import annotations

from pictures.sheet import Say, Sources, sheet_of_bars, sheet_of_chart

from textgen_core.report.charts.bars import Bar, draw_bars, draw_histogram
from textgen_core.report.charts.curves import Chart, Series, draw_chart
from textgen_core.report.charts.scales import logarithmic_scale
from textgen_core.report.charts.svg import Picture
from textgen_core.report.records import Table

WORDS = 12


def draw_zipf(sources: Sources, say: Say) -> str:
    """Return the frequency of words over their rank, and a line of slope -1 to compare with."""
    points = _analysis(sources).points("rank_frequency")
    first, last = points[0][1], points[-1][0]
    line = [(1.0, first), (min(last, first), first / min(last, first))]
    title = say("Frequency of words over their rank")
    chart = Chart(
        picture=Picture(name="zipf", title=title, description=title),
        x=logarithmic_scale([rank for rank, _ in points]),
        y=logarithmic_scale([times for _, times in points]),
        x_label=say("rank"),
        y_label=say("occurrences"),
        series=[
            Series(kind="fit", points=line),
            Series(kind="validation", points=points, line=False, dots=True),
        ],
    )
    return sheet_of_chart(draw_chart(chart), title)


def draw_sentence_lengths(sources: Sources, say: Say) -> str:
    """Return the histogram of the lengths of sentences; the last bin takes all longer ones."""
    lengths = _analysis(sources).table("sentence_lengths")
    title = say("Lengths of sentences in words")
    picture = Picture(name="sentence-lengths", title=title, description=title)
    edges, counts = lengths.numbers("edges"), lengths.numbers("counts")
    drawn = draw_histogram(picture, edges, counts, say("words"), say("sentences"))
    return sheet_of_chart(drawn, title)


def draw_domain_words(sources: Sources, say: Say) -> str:
    """Return the words that mark the text, by their log-likelihood ratio."""
    words = _analysis(sources).values["domain_words"][:WORDS]
    bars = [
        Bar(label=word, value=score, shown=f"{occurrences:,} × · G² {score:,.0f}")
        for word, occurrences, _per_million, _in_reference, score in words
    ]
    title = say("The words that mark the book")
    picture = Picture(name="domain-words", title=title, description=title)
    return sheet_of_bars(draw_bars(picture, bars), title)


def _analysis(sources: Sources) -> Table:
    analysis = sources.records("first").analysis
    if analysis is None:
        raise SystemExit("the run `first` has no analysis.json")
    return analysis
