from __future__ import annotations

from xml.etree import ElementTree

from textgen_core.report.charts.bars import Bar, draw_bars, draw_histogram
from textgen_core.report.charts.svg import Picture

PICTURE = Picture(name="b", title="Bars", description="Some bars.")


def bars_of(*bars: Bar) -> ElementTree.Element:
    return ElementTree.fromstring(draw_bars(PICTURE, bars))


def histogram(edges: list[float], counts: list[float]) -> ElementTree.Element:
    return ElementTree.fromstring(draw_histogram(PICTURE, edges, counts, "words", "sentences"))


def test_bars_are_as_long_as_their_values():
    svg = bars_of(
        Bar(label="a", value=8, shown="8"),
        Bar(label="b", value=2, shown="2"),
        Bar(label="c", value=0, shown="0"),
    )
    assert [each.get("width") for each in svg.iter("rect")] == ["100%", "25%", "0%"]


def test_bars_of_nothing_but_zeros_have_no_length():
    assert next(bars_of(Bar(label="a", value=0, shown="0")).iter("rect")).get("width") == "0%"


def test_a_long_label_is_cut_and_its_whole_is_in_the_title():
    svg = bars_of(Bar(label="a" * 60, value=1, shown="1"))
    assert next(svg.iter("text")).text == "a" * 25 + "…"
    assert svg.findtext("g/title") == "a" * 60 + ": 1"


def test_markup_in_a_label_is_text():
    source = draw_bars(PICTURE, [Bar(label="<script>&", value=1, shown="1")])
    assert "<script>" not in source
    assert next(ElementTree.fromstring(source).iter("text")).text == "<script>&"


def test_bins_are_equally_wide_and_as_high_as_their_counts():
    bins = list(histogram([0, 2, 4, 6], [1, 4, 2]).iter("rect"))
    assert [each.get("height") for each in bins] == ["25%", "100%", "50%"]
    assert len({each.get("width") for each in bins}) == 1
    assert [each.findtext("title") for each in bins] == ["0 to 1: 1", "2 to 3: 4", "4 to 5: 2"]


def test_a_last_bin_that_takes_all_longer_ones_looks_and_reads_so():
    svg = histogram([0, 2, 4, 90], [1, 4, 2])
    assert [each.get("class") for each in svg.iter("rect")] == ["bin", "bin", "bin open"]
    assert "4+" in [each.text for each in svg.iter("text")]


def test_a_histogram_of_one_bin_can_be_drawn():
    assert len(list(histogram([0, 5], [3]).iter("rect"))) == 1
