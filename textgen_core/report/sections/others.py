"""How a run was judged beside its own evaluation: on other texts, and by people."""

from __future__ import annotations

from textgen_core.evaluation.review import HELD_OUT, MODEL, QUESTIONS
from textgen_core.formatting import say, say_word
from textgen_core.report.records import Records, Section, Table, step_of
from textgen_core.report.wording import MISSING, cut, sentence_case, show_count, show_figure

_MOST_ROWS = 20
_LONGEST_NAME = 120


def describe_other_texts(records: Records) -> Section | None:
    """Return what other texts cost the model, the newest first; None if none was scored."""
    rows = records.texts.tables("texts") if records.texts else []
    if not rows:
        return None
    return {
        "sentence": say(
            "What textgen evaluate --text found. Bits per byte compare texts; each is beside the "
            "step of the checkpoint that was scored."
        ),
        "columns": [
            (say("text"), "path"),
            (say("bits per byte"), "number"),
            (say("perplexity"), "number"),
            (say("tokens"), "number"),
            (say("step"), "number"),
            (say("finding"), "remark"),
        ],
        "rows": [_text_row(row) for row in rows[::-1][:_MOST_ROWS]],
    }


def _text_row(row: Table) -> tuple[str, ...]:
    findings = ", ".join(say_word(each) for each in row.texts("findings"))
    return (
        cut(row.text("text") or MISSING, _LONGEST_NAME),
        show_figure(row.number("bits_per_byte"), 3),
        show_figure(row.number("perplexity"), 1),
        show_count(row.number("tokens")),
        show_count(step_of(row)),
        cut(findings, _LONGEST_NAME) or MISSING,
    )


def describe_ratings(records: Records) -> Section | None:
    """Return how people rated the model's texts and real ones; None if nobody did."""
    sheets = records.ratings.tables("sheets") if records.ratings else []
    rows = [row for sheet in sheets[::-1][:_MOST_ROWS] for row in _sheet_rows(sheet)]
    if not rows:
        return None
    return {
        "sentence": say(
            "From 1 (bad) to 5 (good), without knowing which texts are the model's: the mean, and "
            "how many were rated."
        ),
        "columns": [
            (say("sheet"), "path"),
            (say("question"), ""),
            (say("the model's text"), "number"),
            (say("held-out text"), "number"),
        ],
        "rows": rows,
    }


def _sheet_rows(sheet: Table) -> list[tuple[str, ...]]:
    name = cut(sheet.text("sheet") or MISSING, _LONGEST_NAME)
    ratings = sheet.table("ratings")
    return [
        (name, sentence_case(say_word(question)), *_means(ratings.table(question)))
        for question in QUESTIONS
        if question in ratings.values
    ]


def _means(ratings: Table) -> tuple[str, ...]:
    found = []
    for source in (MODEL, HELD_OUT):
        rating = ratings.table(source)
        mean, rated = rating.number("mean"), rating.number("rated")
        shown = f"{show_figure(mean, 2)} ({show_count(rated)})"
        found.append(MISSING if mean is None else shown)
    return tuple(found)
