from __future__ import annotations

import attrs
import pytest
from report.reading import Page

from textgen_core.errors import RunDirectoryError
from textgen_core.report import write_report
from textgen_core.report.records import Table, read_records
from textgen_core.report.sections.recurrence import (
    describe_copies,
    draw_domain_words,
    draw_ratios,
    draw_recurrent,
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


def test_recurrent_phrases_and_shapes_are_bars(analysis):
    found = draw_recurrent(
        analysis(patterns=[["to be or not to be", 5]], line_shapes=[["Chapter #", 1200]])
    )
    shown = [text for each in found for element, text in Page(each.picture).texts]
    assert "to be or not to be" in shown
    assert "1,200" in shown
    assert draw_recurrent(analysis(patterns=[], line_shapes=[])) == ()


def test_copies_are_told_with_examples_or_without(analysis):
    copies = describe_copies(analysis(near_duplicates=NEAR), excerpts=True)
    assert copies.sentence == (
        "Of 40 documents that were compared, 12 % are nearly the same as another (3 pairs)."
    )
    assert copies.examples == (("Once upon", "Once upon a", "90 %"),)
    assert describe_copies(analysis(near_duplicates=NEAR), excerpts=False).examples == ()
    none = describe_copies(analysis(near_duplicates={**NEAR, "pairs": 0}), excerpts=True)
    assert "no two are nearly the same" in none.sentence
    assert describe_copies(analysis(near_duplicates=None), excerpts=True) is None


@pytest.mark.parametrize(
    "rows", [[["whale", 1]], "whale", [["whale", 30, "x", 0.0, 1.0]], [[1, 2, 3, 4, 5]]]
)
def test_rows_of_another_form_are_damage(analysis, rows):
    with pytest.raises(RunDirectoryError, match="domain_words"):
        draw_domain_words(analysis(domain_words=rows))


def test_an_analysis_without_these_figures_is_shown_without_them(analysis):
    older = ("domain_words", "patterns", "line_shapes", "near_duplicates")
    table = analysis()
    table = attrs.evolve(
        table, values={key: value for key, value in table.values.items() if key not in older}
    )
    assert draw_domain_words(table) is None
    assert draw_recurrent(table) == ()
    assert describe_copies(table, excerpts=True) is None


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
