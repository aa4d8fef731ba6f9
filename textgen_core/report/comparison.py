"""A comparison as tables of a terminal and as one page, from the values of its JSON.

Names and texts are foreign: the template engine escapes them, and who prints the lines makes them
harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import format_duration, format_size
from textgen_core.report.charts.intervals import Interval, draw_intervals
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.page import page_environment
from textgen_core.report.wording import MISSING, cut, show_count, show_figure, show_percent
from textgen_core.runs.files import write_text

Values = Mapping[str, Any]

_LONGEST_NAME = 34  # characters, in a table of a terminal
_SHOWN = 4  # prompts from the text whose texts a page shows; those of the user are all shown

# The sections in their order, as the contents name them.
_CONTENTS = (
    ("result", "Result"),
    ("beside", "Size and speed"),
    ("text", "Text"),
    ("reading", "How to read it"),
)

# What is measured beside the score: heading, key, and how it is shown.
_FIGURES: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("parameters", "parameters", show_count),
    ("size", "size_bytes", format_size),
    ("steps", "last_step", show_count),
    ("trained in", "training_seconds", format_duration),
    ("reads/s", "training_speed", format_size),
    ("memory", "memory_bytes", format_size),
    ("writes/s", "writing_speed", format_size),
    ("repeats", "repeated", show_percent),
    ("copies", "copied", show_percent),
)


def tell_comparison(values: Values) -> Iterator[str]:
    """Yield the lines of a comparison: what it comes to, the scores, and what else there is."""
    yield from values["sentences"]
    yield ""
    yield from _aligned(_score_columns(), list(_score_rows(values)))
    yield ""
    heads = ["", *(heading for heading, _, _ in _FIGURES)]
    yield from _aligned(heads, [_figures_of(each) for each in _ranked(values)])
    yield ""
    text = values["text"]
    yield (
        f"On {text['name']}, {format_size(text['bytes'])}. Steps, times and figures are means over "
        "a recipe's runs; reads and writes are bytes of text."
    )
    yield from values["notes"]


def write_comparison(path: Path, values: Values) -> Path:
    """Write the page of a comparison, and return its path.

    Raises RunDirectoryError if it cannot be written.
    """
    try:
        write_text(path, render_comparison(values))
    except RunDirectoryError as error:
        advice = "Write it elsewhere: --out FILE"
        raise RunDirectoryError(error.problem, advice=advice) from error.__cause__
    return path


def render_comparison(values: Values) -> str:
    """Return the page of a comparison, in English."""
    ranked, text = _ranked(values), values["text"]
    size = format_size(text["bytes"])
    return (
        page_environment()
        .get_template("comparison.html")
        .render(
            language="en",
            say=str,
            contents=_CONTENTS,
            values=values,
            ranked=ranked,
            title=_title(ranked),
            subtitle=f"compared on {text['name']}, {size}",
            picture=_picture(values),
            score_columns=[
                (name, "number" if place else "path") for place, name in enumerate(_score_columns())
            ],
            score_rows=list(_score_rows(values)),
            figure_columns=[("", "path"), *((name, "number") for name, _, _ in _FIGURES)],
            figure_rows=[_figures_of(each) for each in ranked],
            copied_held_out=_usual_copies(ranked),
            written=list(_written(values, ranked)),
            spread=show_figure(values["seed_spread"]["bits"], 3),
        )
    )


def _ranked(values: Values) -> list[Values]:
    """Return the entries, the best first."""
    places = {name: place for place, name in enumerate(values["ranking"])}
    return sorted(values["entries"], key=lambda each: places[each["name"]])


def _title(ranked: Sequence[Values]) -> str:
    names = [cut(each["name"], 40) for each in ranked]
    return " and ".join(names) if len(names) == 2 else f"{names[0]} and {len(names) - 1} others"


def _score_columns() -> list[str]:
    return ["", "seeds", "bits per byte", "behind the best", "verdict"]


def _score_rows(values: Values) -> Iterator[list[str]]:
    behind = _behind(values)
    for each in _ranked(values):
        found = behind.get(each["name"])
        verdict = "best" if each["is_best"] else "tie" if each["is_tied_for_best"] else "worse"
        yield [
            each["name"],
            str(len(each["runs"])),
            show_figure(each["bits_per_byte"], 3),
            MISSING if found is None else _difference(found),
            verdict,
        ]


def _difference(found: Values) -> str:
    low, high = (show_figure(each, 3) for each in found["interval"])
    return f"{show_figure(found['bits_per_byte'], 3)} ({low} to {high})"


def _behind(values: Values) -> dict[str, Values]:
    """Return by the name of each entry but the best how it differs from that."""
    best = values["ranking"][0]
    return {each["worse"]: each for each in values["differences"] if each["better"] == best}


def _figures_of(entry: Values) -> list[str]:
    figures = [(entry[key], show) for _, key, show in _FIGURES]
    return [entry["name"], *(MISSING if value is None else show(value) for value, show in figures)]


def _usual_copies(ranked: Sequence[Values]) -> str:
    """Return how much of the real text stands in the training text, for what models copy."""
    found = [each["copied_held_out"] for each in ranked if each["copied_held_out"] is not None]
    return show_percent(sum(found) / len(found)) if found else ""


def _picture(values: Values) -> Figure:
    behind, intervals = _behind(values), []
    for each in _ranked(values):
        found = behind.get(each["name"])
        low, high = found["interval"] if found else (0.0, 0.0)
        intervals.append(
            Interval(
                label=each["name"],
                value=found["bits_per_byte"] if found else 0.0,
                low=low,
                high=high,
                shown=_difference(found) if found else show_figure(each["bits_per_byte"], 3),
                kind="training" if found is None or found["is_tie"] else "validation",
            )
        )
    picture = Picture(name="behind", title="How far each is behind the best, in bits per byte")
    return Figure(
        picture=draw_intervals(picture, intervals, "bits per byte more than the best"),
        sentence="The dot is what was measured, the line what chance may make of it: another text "
        "of the kind, another seed. A line that reaches zero is a tie (blue).",
    )


def _written(values: Values, ranked: Sequence[Values]) -> Iterator[tuple[str, list[Any]]]:
    """Yield each prompt that is shown, with the text of the first run of each entry."""
    prompts = values["prompts"]
    from_text = len(prompts) - values["own_prompts"]
    for place in (*range(from_text, len(prompts)), *range(min(from_text, _SHOWN))):
        texts = [(each["name"], each["runs"][0]["texts"][place]) for each in ranked]
        yield prompts[place], texts


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines: names to the left, figures to the right."""
    table = [list(heads), *([cut(row[0], _LONGEST_NAME), *row[1:]] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        name, *figures = row
        padded = (f"{each:>{width}}" for each, width in zip(figures, widths[1:], strict=True))
        yield "  ".join([f"{name:<{widths[0]}}", *padded]).rstrip()
