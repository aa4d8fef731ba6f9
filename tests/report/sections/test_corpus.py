from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest
from report.reading import Page

from textgen_core.errors import RunDirectoryError
from textgen_core.report import write_report
from textgen_core.report.records import Records, Table, read_records
from textgen_core.report.sections.corpus import (
    LONGEST_PHRASE,
    describe_copies,
    describe_corpus,
    draw_domain_words,
    draw_ratios,
)
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, write_json

NEAR = {
    "compared": 40,
    "unit": "document",
    "pairs": 3,
    "share": 0.125,
    "examples": [["Once upon", "Once upon a", 0.9]],
}
WORDS = [["whale", 30, 200.4, 0.0, 122.9], ["ship", 10, 70.0, 1.5, 20.1]]


def figures_of(records: Records, *, excerpts: bool = True, **changes: object) -> SimpleNamespace:
    assert records.analysis is not None
    analysis = Table(records.analysis.path, {**records.analysis.values, **changes})
    found = describe_corpus(attrs.evolve(records, analysis=analysis), excerpts=excerpts)
    assert found is not None
    return SimpleNamespace(**found)


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


@pytest.fixture
def analysis(run: RunDirectory):
    table = read_records(run).analysis
    assert table is not None

    def changed(**changes: object) -> Table:
        return attrs.evolve(table, values={**table.values, **changes})

    return changed


def test_the_ratio_along_the_text_is_a_curve_with_a_dot_for_each_slice(analysis):
    ratios = [0.2, 0.21, 0.19, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.45]
    figure = draw_ratios(analysis(type_token_ratio_slices=ratios))
    page = Page(figure.picture)
    assert len(page.all("circle")) == 10
    heights = [float(str(dot["cy"]).rstrip("%")) for dot in page.all("circle")]
    assert min(heights) == heights[-1]
    assert "from 0.190 to 0.450" in figure.sentence
    assert draw_ratios(analysis(type_token_ratio_slices=[])) is None


def test_words_that_mark_the_text_are_bars_with_both_frequencies(analysis):
    figure = draw_domain_words(analysis(domain_words=WORDS, reference="usual.txt"))
    shown = [text for element, text in Page(figure.picture).texts if element == "text"]
    assert shown == ["whale", "200 : 0", "ship", "70 : 2"]
    assert "more frequent here than in usual.txt" in figure.sentence
    assert draw_domain_words(analysis(domain_words=[])) is None


def test_recurrent_phrases_and_shapes_are_listed_with_how_often(run: RunDirectory):
    records, endless = read_records(run), "a" * 5000
    changes = {"patterns": [["once upon a time there", 12], [endless, 3]]}
    found = figures_of(records, **changes, line_shapes=[["Page #", 1200]]).recurrent
    [(_, phrases), (_, shapes)] = found
    assert phrases[0] == ("12 ×", "once upon a time there", "")
    assert len(phrases[1][1]) == LONGEST_PHRASE
    assert shapes == [("1,200 ×", "Page #", "")]
    assert figures_of(records, patterns=[], line_shapes=[]).recurrent == ()


def test_copies_are_told_with_examples_or_without(analysis):
    sentence, examples = describe_copies(analysis(near_duplicates=NEAR), excerpts=True)
    assert sentence == (
        "Of 40 documents that were compared, 12 % are nearly the same as another (3 pairs)."
    )
    assert examples == [("Once upon", "Once upon a", "90 %")]
    assert describe_copies(analysis(near_duplicates=NEAR), excerpts=False) == (sentence, [])
    none = describe_copies(analysis(near_duplicates={**NEAR, "pairs": 0}), excerpts=True)
    assert "no two are nearly the same" in none[0]
    assert describe_copies(analysis(near_duplicates=None), excerpts=True) is None


@pytest.mark.parametrize(
    "rows", [[["whale", 1]], "whale", [["whale", 30, "x", 0.0, 1.0]], [[1, 2, 3, 4, 5]]]
)
def test_rows_of_another_form_are_damage(analysis, rows):
    with pytest.raises(RunDirectoryError, match="domain_words"):
        draw_domain_words(analysis(domain_words=rows))


def test_an_analysis_without_these_figures_is_shown_without_them(run: RunDirectory):
    older = ("domain_words", "patterns", "line_shapes", "near_duplicates")
    values = {key: each for key, each in read_json(run.analysis).items() if key not in older}
    found = figures_of(Records(name="run", analysis=Table(run.analysis, values)))
    assert (found.marking, found.recurrent, found.copies) == (None, (), None)


def test_the_page_shows_them_and_quotes_nothing_without_excerpts(run: RunDirectory):
    recurrent = {"patterns": [["a phrase that recurs here", 5]], "domain_words": WORDS}
    changes = {**recurrent, "near_duplicates": NEAR, "line_shapes": [["Page #", 9]]}
    write_json(run.analysis, {**read_json(run.analysis), **changes})
    for excerpts in (True, False):
        text = Page(write_report(run, excerpts=excerpts).read_text(encoding="utf-8")).text
        for quoted in ("a phrase that recurs here", "whale", "Once upon", "Page #"):
            assert (quoted in text) == excerpts
        assert "12 % are nearly the same" in text
        assert "types per word" in text
