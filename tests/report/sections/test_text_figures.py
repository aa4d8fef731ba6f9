from __future__ import annotations

import attrs
import pytest
from report.reading import Page

from textgen_core.report.records import Records, Table, read_records
from textgen_core.report.sections.text_figures import CorpusFigures, describe_corpus
from textgen_core.runs.directory import RunDirectory


def figures_of(records: Records, *, excerpts: bool = True, **changes: object) -> CorpusFigures:
    assert records.analysis is not None
    analysis = Table(records.analysis.path, {**records.analysis.values, **changes})
    found = describe_corpus(attrs.evolve(records, analysis=analysis), excerpts=excerpts)
    assert found is not None
    return found


def test_a_text_that_follows_zipf_exactly_lies_on_its_fitted_line(run: RunDirectory):
    curve = [[rank, 1_000_000 // rank] for rank in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)]
    zipf = {"slope": -1.0, "first_rank": 1, "last_rank": 1000}
    figures = figures_of(read_records(run), rank_frequency=curve, zipf=zipf)
    assert figures.zipf is not None
    page = Page(figures.zipf.picture or "")
    line = [pair.split(",") for pair in str(page.all("polyline")[0]["points"]).split()]
    dots = [(each["cx"], each["cy"]) for each in page.all("circle")]
    for (x, y), (dot_x, dot_y) in zip(line, (dots[0], dots[-1]), strict=True):
        assert float(x) / 10 == pytest.approx(float(str(dot_x).rstrip("%")), abs=0.1)
        assert float(y) / 10 == pytest.approx(float(str(dot_y).rstrip("%")), abs=0.1)


def test_without_a_slope_the_points_are_drawn_and_no_line(run: RunDirectory):
    figures = figures_of(read_records(run), zipf=None)
    assert figures.zipf is not None
    assert "polyline" not in str(figures.zipf.picture)
    assert [name for name, _, _ in figures.zipf.legend] == ["words by rank"]
    assert figures.zipf.sentence == "There were too few frequent words to fit a line."


def test_scripts_are_shares_of_the_letters(run: RunDirectory):
    scripts = {"Latin": 900, "Greek": 95, "Han": 5, "Thai": 0}
    figures = figures_of(read_records(run), scripts=scripts)
    assert figures.scripts == "Latin 90 %, Greek 9.5 %, Han 0.5 %"


def test_lines_that_were_taken_for_sentences_are_named(run: RunDirectory):
    records = read_records(run)
    assert "taken for a sentence" not in figures_of(records).lengths[1].sentence
    assert "taken for a sentence" in figures_of(records, sentences="line").lengths[1].sentence


def test_the_most_frequent_words_are_bars(run: RunDirectory):
    figures = figures_of(read_records(run), top_words=[["sea", 8], ["air", 2]])
    assert [each.heading for each in figures.phrases] == ["Words", "Two words", "Three words"]
    page = Page(figures.phrases[0].picture or "")
    assert [text for element, text in page.texts if element == "text"] == ["sea", "8", "air", "2"]


def test_without_excerpts_there_are_no_phrases(run: RunDirectory):
    assert figures_of(read_records(run), excerpts=False).phrases == ()
