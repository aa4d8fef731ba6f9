"""What was found in a model, shown: within a terminal's width, with wide characters, plainly."""

from __future__ import annotations

import io
import sys

import attrs
import numpy as np
import pytest
from explore.looked_into import explorer
from generation.fake_models import TableModel, random_table
from rich.cells import cell_len

from textgen_core.cli.explore_output import (
    bar,
    label,
    shade,
    show_analogy,
    show_attention,
    show_neighbours,
    show_temperatures,
)
from textgen_core.explore.results import Attention

WIDE = "ab東京\x1b\n"


def attention_of(tokens, layers=1, heads=1):
    time = len(tokens)
    even = np.tril(np.ones((time, time))) / np.arange(1, time + 1)[:, None]
    shares = np.broadcast_to(even, (layers, heads, time, time)).astype(np.float32)
    ids = tuple(range(4, 4 + time))
    return Attention(text="", token_ids=ids, tokens=tuple(tokens), shares=shares, left_out=0)


def shown(capsys, show, *arguments):
    show(*arguments)
    return capsys.readouterr().out


@pytest.fixture(params=[20, 33, 80, 200])
def width(request, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def test_bars_stay_within_the_width_with_wide_characters_too(width, capsys):
    found = explorer(letters=WIDE).neighbours("a")
    lines = shown(capsys, show_neighbours, found).splitlines()[1:]
    assert len(lines) == 5
    assert all(cell_len(line) <= width for line in lines)
    numbers = {cell_len(line.partition("0.")[0]) for line in lines if " 0." in line}
    assert len(numbers) == 1  # the numbers stand beneath each other


def test_a_word_among_pieces_of_words_brings_the_advice_to_train_on_whole_ones(capsys):
    advice = "for whole ones, train with --tokenizer word."
    found = explorer(letters=WIDE).neighbours("a")
    assert advice not in shown(capsys, show_neighbours, found)
    piece = attrs.evolve(found.word, text="king", of_pieces=True)
    assert advice in shown(capsys, show_neighbours, attrs.evolve(found, word=piece))


def test_a_grid_stays_within_the_width_and_says_what_it_leaves_out(width, capsys):
    tokens = ["<START>", *("wort", "東京", " ", "\n") * 30]
    lines = shown(capsys, show_attention, attention_of(tokens)).splitlines()
    rows = [line for line in lines[1:] if '"' in line]
    assert all(cell_len(line) <= width for line in rows)
    starts = [cell_len(line[: min(map(line.index, set("·░▒▓█") & set(line)))]) for line in rows]
    assert len(set(starts)) == 1
    if len(rows) < len(tokens):
        assert f"The last {len(rows)} of 121 tokens" in lines[1]
    assert width < 200 or len(rows) == len(tokens)


def test_a_column_of_a_grid_has_its_number_above_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = shown(capsys, show_attention, attention_of("abcdefghijkl")).splitlines()
    tens, ones, last = lines[1], lines[2], lines[14]
    first = last.index("░") if "░" in last else last.index("·")
    assert ones[first::2][:12] == "123456789012"
    assert tens[first::2][:12] == "         111"


def test_among_many_tokens_smaller_shares_are_seen(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for tokens, legend in ((16, "under 5 %"), (64, "under 1.2 %")):
        lines = shown(capsys, show_attention, attention_of("a" * tokens)).splitlines()
        assert legend in lines[-1]
        assert "░" in lines[-2] or "▒" in lines[-2]  # each of so many has an even share


def test_temperatures_are_shown_in_any_width(width, capsys):
    found = explorer(TableModel(random_table("abcdef"))).temperature("a", (0.5, 1, 2), 3)
    lines = shown(capsys, show_temperatures, found).splitlines()
    assert len(lines) == 8
    for number, line in enumerate(lines[1:4]):
        shares = [each.tokens[number].probability for each in found.temperatures]
        assert [float(each) for each in line.split() if each[0].isdigit()] == pytest.approx(
            [100 * share for share in shares], abs=0.051
        )
    if width >= 80:
        assert all(cell_len(line) <= width for line in lines[1:4])


def test_an_analogy_of_several_tokens_says_which(capsys):
    out = shown(capsys, show_analogy, explorer().analogy("ab", "c", "d"))
    assert '"ab" is to "c" as "d" is to:' in out
    assert '"ab" is 2 tokens, "a" "b": their mean' in out


def test_what_is_no_printable_text_is_shown_as_an_escape(capsys):
    out = shown(capsys, show_neighbours, explorer(letters=WIDE).neighbours("b"))
    assert r'"\x1b"' in out
    assert r'"\n"' in out
    assert "\x1b" not in out


def test_colours_are_for_terminals_and_not_where_they_are_unwanted(capsys, monkeypatch):
    found = explorer().neighbours("a")
    assert "\x1b" not in shown(capsys, show_neighbours, found)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[36m" in shown(capsys, show_neighbours, found)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in shown(capsys, show_neighbours, found)


def test_an_output_without_blocks_gets_plain_characters(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    show_neighbours(explorer().neighbours("a"))
    show_attention(explorer().attention("abc"))
    show_temperatures(explorer().temperature("a", (1,)))
    sys.stdout.flush()
    text = written.getvalue().decode("ascii")
    assert "###" in text
    assert "?" not in text


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, "    "), (1, "████"), (0.5, "██  "), (1 / 32, "▏   "), (-0.3, "    "), (1.2, "████")],
)
def test_a_bar_is_as_long_as_its_share(share, drawn):
    assert bar(share, 4) == drawn


def test_a_shade_is_as_dark_as_its_share():
    levels = (0.05, 0.15, 0.35, 0.65)
    assert "".join(shade(each, levels) for each in (0, 0.05, 0.2, 0.35, 0.65, 1)) == "·░▒▓██"
    assert shade(1, levels, blocks=False) == "#"


def test_a_label_has_the_width_that_it_is_given():
    for text in ("", "abc", "東京東京", "a東b京c", "e\u0301" * 5):
        for width in range(1, 9):
            assert cell_len(label(text, width)) == width
    assert label("abcdef", 4) == "abc~"
    assert label("ab", 4, right=True) == "  ab"
