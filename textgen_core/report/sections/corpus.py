"""What the corpus is like: counts, Zipf's law, lengths, words and phrases, and what recurs."""

from __future__ import annotations

import math

import numpy as np

from textgen_core.formatting import say, say_word
from textgen_core.report.charts.bars import Bar, draw_bars, draw_histogram, is_open
from textgen_core.report.charts.curves import Chart, Series, draw_figure
from textgen_core.report.charts.scales import Points, logarithmic_scale, scale_for
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Records, Section, Table
from textgen_core.report.sections.headline import Card
from textgen_core.report.wording import cut, show_count, show_figure, show_percent, show_size

MOST_SCRIPTS = 5
MOST_WORDS = 20
MOST_RECURRENT = 10
LONGEST_PHRASE = 300  # characters
EXAMPLE = 200  # characters of a near-duplicate

_PHRASES = {"top_words": "Words", "top_bigrams": "Two words", "top_trigrams": "Three words"}
_RECURRENT = {"patterns": "Phrases that recur", "line_shapes": "Lines of one shape (# is a number)"}
# Of each kind of length a heading, what is counted, in what, and what is said where there is none.
_LENGTHS = {
    "line_lengths": ("Lines", "lines", "characters", "No lines were counted."),
    "sentence_lengths": ("Sentences", "sentences", "words", "No sentences were counted."),
}
_COUNTS = {
    "documents": "documents",
    "lines": "lines",
    "alphabet_size": "different characters",
    "words": "words",
    "types": "different words",
    "hapaxes": "words that occur once",
}


def describe_corpus(records: Records, *, excerpts: bool) -> Section | None:
    """Return the figures of the corpus, or None if it was not analysed.

    Without `excerpts` all that quotes the corpus is empty.
    """
    analysis = records.analysis
    if analysis is None:
        return None
    return {
        "cards": _cards(analysis),
        "scripts": _scripts(analysis),
        "zipf": _draw_zipf(analysis),
        "lengths": (
            _draw_lengths(analysis, "line_lengths"),
            _draw_lengths(analysis, "sentence_lengths"),
        ),
        "ratios": draw_ratios(analysis),
        "phrases": draw_counted(analysis, _PHRASES, MOST_WORDS) if excerpts else (),
        "marking": draw_domain_words(analysis) if excerpts else None,
        "recurrent": list_recurrent(analysis) if excerpts else (),
        "copies": describe_copies(analysis, excerpts=excerpts),
        "sampled": tuple(cut(each, 300) for each in analysis.texts("sampled")),
    }


def _cards(analysis: Table) -> tuple[Card, ...]:
    per_1000 = analysis.number("type_token_ratio_per_1000_words")
    return (
        Card(name=say("characters"), value=show_count(analysis.number("characters"))),
        Card(name=say("size"), value=show_size(analysis.number("bytes"))),
        *(
            Card(name=say(name), value=show_count(analysis.number(key)))
            for key, name in _COUNTS.items()
        ),
        Card(name=say("type/token ratio per 1,000 words"), value=show_figure(per_1000)),
        Card(name=say("repeated lines"), value=show_percent(analysis.number("repeated_lines"))),
    )


def _scripts(analysis: Table) -> str:
    """Return the share of each script among the letters, the largest first."""
    counted = analysis.table("scripts")
    counts = {name: counted.number(name) or 0 for name in counted.values}
    total = sum(counts.values())
    largest = sorted(counts.items(), key=lambda pair: -pair[1])[:MOST_SCRIPTS]
    return ", ".join(
        f"{cut(say_word(name), 40)} {show_percent(count / total)}"
        for name, count in largest
        if count
    )


def _draw_zipf(analysis: Table) -> Figure | None:
    points = [(x, y) for x, y in analysis.points("rank_frequency") if x > 0 and y > 0]
    if len(points) < 2:
        return None
    line = _fitted_line(analysis.table("zipf"), points)
    words = Series(
        kind="validation", points=points, name=say("words by rank"), line=False, dots=True
    )
    fit = Series(kind="fit", points=line, name=say("Zipf's law, fitted"))
    title = say("Frequency of words over their rank, both on logarithmic axes")
    chart = Chart(
        picture=Picture(name="zipf", title=title),
        x=logarithmic_scale([rank for rank, _ in points]),
        y=logarithmic_scale([times for _, times in (*points, *line)]),
        x_label=say("rank"),
        y_label=say("occurrences"),
        series=[fit, words] if line else [words],
    )
    slope = analysis.table("zipf").number("slope")
    sentence = say("There were too few frequent words to fit a line.")
    if slope is not None:
        sentence = say(
            "The fitted slope is {slope}. Natural text lies near −1: a few words make up most of "
            "it, and most words are rare.",
            slope=show_figure(slope, 2),
        )
    return draw_figure(chart, say("How often words occur"), sentence)


def _fitted_line(zipf: Table, points: Points) -> Points:
    """Return the ends of the line with the fitted slope, laid through the fitted points' middle.

    Ranks lie the denser the higher they are, so a point has the weight of the ranks around it.
    """
    slope, first, last = (zipf.number(key) for key in ("slope", "first_rank", "last_rank"))
    if slope is None or first is None or last is None or not 0 < first < last:
        return []
    fitted = [(x, y) for x, y in points if first <= x <= last]
    if len(fitted) < 2:
        return []
    ranks = np.array([rank for rank, _ in fitted])
    borders = np.concatenate([ranks[:1], (ranks[1:] + ranks[:-1]) / 2, ranks[-1:]])
    x, y = np.average(np.log(fitted), axis=0, weights=np.diff(borders))
    ends = [(rank, y + slope * (math.log(rank) - x)) for rank in (first, last)]
    return [(rank, math.exp(log)) for rank, log in ends if abs(log) < 300]


def _draw_lengths(analysis: Table, key: str) -> Figure:
    """Return a histogram with its sentence; no picture where nothing was counted."""
    table = analysis.table(key)
    heading, plural, unit, none = (say(text) for text in _LENGTHS[key])
    edges, counts = table.numbers("edges"), table.numbers("counts")
    if not counts or len(edges) != len(counts) + 1 or edges != sorted(set(edges)):
        return Figure(heading=heading, sentence=none, picture=None)
    mean, median, longest = (table.number(name) for name in ("mean", "median", "maximum"))
    sentence = say(
        "{count} {things}: {mean} {unit} on average, half of them up to {median}, the longest "
        "{longest}.",
        count=show_count(table.number("count")),
        things=plural,
        mean=show_figure(mean, 1),
        unit=unit,
        median=show_figure(median),
        longest=show_count(longest),
    )
    if key == "sentence_lengths" and analysis.text("sentences") == "line":
        sentence += " " + say("Here a line was taken for a sentence.")
    title = say("Lengths of {things} in {unit}", things=plural, unit=unit)
    picture = Picture(name=key.replace("_", "-"), title=title, description=sentence)
    if is_open(edges, len(counts) - 1):
        sentence += " " + say("The last bar takes all that are longer.")
    drawn = draw_histogram(picture, edges, counts, unit, plural)
    return Figure(heading=heading, sentence=sentence, picture=drawn)


def draw_ratios(analysis: Table) -> Figure | None:
    """Return the type/token ratio along the text, None where it is too short for slices."""
    ratios = analysis.numbers("type_token_ratio_slices")
    if len(ratios) < 2:
        return None
    sentence = say(
        "Different words for each word, in {number} slices of equally many: from {low} to {high}. "
        "A slice that stands out is of another kind.",
        number=len(ratios),
        low=show_figure(min(ratios)),
        high=show_figure(max(ratios)),
    )
    chart = Chart(
        picture=Picture(name="ratios", title=say("Type/token ratio along the text")),
        x=scale_for([1, len(ratios)], rounded=False),
        y=scale_for(ratios, from_zero=True),
        x_label=say("slice"),
        y_label=say("types per word"),
        series=[Series(kind="validation", points=list(enumerate(ratios, start=1)), dots=True)],
        height=150,
    )
    return draw_figure(chart, say("Along the text"), sentence)


def draw_domain_words(analysis: Table) -> Figure | None:
    """Return the words that mark the corpus as bars of their score."""
    rows = analysis.rows("domain_words", str, float, float, float, float)
    bars = []
    for word, _, here, there, score in rows[:MOST_WORDS]:
        shown = f"{show_figure(here or 0, 0)} : {show_figure(there or 0, 0)}"
        bars.append(Bar(label=word, value=score or 0, shown=shown))
    if not bars:
        return None
    heading = say("Words that mark this text")
    reference = cut(say_word(analysis.text("reference") or "the reference"), 80)
    sentence = say(
        "Words that are more frequent here than in {reference}, by their log-likelihood (Dunning "
        "1993); the figures are occurrences per million words, here and there.",
        reference=reference,
    )
    picture = Picture(name="domain-words", title=heading)
    return Figure(heading=heading, picture=draw_bars(picture, bars), sentence=sentence)


def draw_counted(analysis: Table, headings: dict[str, str], most: int) -> tuple[Figure, ...]:
    """Return texts with how often each occurs as bars, a figure for each key that has some."""
    found = []
    for key, english in headings.items():
        heading = say(english)
        bars = [
            Bar(label=text, value=times or 0, shown=show_count(times or 0))
            for text, times in analysis.rows(key, str, float)[:most]
        ]
        if bars:
            picture = Picture(
                name=key.replace("_", "-"),
                title=say("{heading}: the most frequent", heading=heading),
            )
            drawn = draw_bars(picture, bars)
            found.append(Figure(heading=heading, picture=drawn))
    return tuple(found)


def list_recurrent(analysis: Table) -> tuple[tuple[str, list[tuple[str, str, str]]], ...]:
    """Return phrases and shapes of lines that recur, with how often, under their headings."""
    found = []
    for key, english in _RECURRENT.items():
        rows = analysis.rows(key, str, float)[:MOST_RECURRENT]
        if rows:
            listed = [
                (f"{show_count(times)} ×", cut(text, LONGEST_PHRASE), "") for text, times in rows
            ]
            found.append((say(english), listed))
    return tuple(found)


def describe_copies(
    analysis: Table, *, excerpts: bool
) -> tuple[str, list[tuple[str, str, str]]] | None:
    """Return what is known of near-duplicates; None where none were looked for."""
    near = analysis.table("near_duplicates")
    compared, pairs = near.number("compared"), near.number("pairs")
    if compared is None or pairs is None:
        return None
    unit = say("paragraphs" if near.text("unit") == "paragraph" else "documents")
    if not pairs:
        sentence = say(
            "Of {number} {unit} that were compared, no two are nearly the same.",
            number=show_count(compared),
            unit=unit,
        )
        return sentence, []
    sentence = say(
        "Of {number} {unit} that were compared, {share} are nearly the same as another ({pairs} "
        "pairs).",
        number=show_count(compared),
        unit=unit,
        share=show_percent(near.number("share")),
        pairs=show_count(pairs),
    )
    examples = near.rows("examples", str, str, float)[:MOST_RECURRENT] if excerpts else []
    return sentence, [
        (cut(one, EXAMPLE), cut(other, EXAMPLE), show_percent(alike))
        for one, other, alike in examples
    ]
