"""The page and the tables of a comparison, from its JSON: foreign names and texts included."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from textgen_core.errors import RunDirectoryError
from textgen_core.report.comparison import render_comparison, tell_comparison, write_comparison

HOSTILE = "<script>alert(1)</script>\x1b[2J"
FIGURES = (
    *("last_step", "parameters", "size_bytes", "training_seconds", "training_speed"),
    *("writing_speed", "memory_bytes", "repeated", "copied", "copied_held_out"),
)


def entry(name: str, bits: float, **given: Any) -> dict[str, Any]:
    runs = [{"path": f"runs/{name}", "seed": 1, "texts": ["first text", HOSTILE]}]
    figures = dict.fromkeys(FIGURES, 12.0)
    return {"name": name, "runs": runs, "bits_per_byte": bits, **figures, **given}


def values(*entries: dict[str, Any], tie: bool = True) -> dict[str, Any]:
    best, *others = sorted(entries, key=lambda each: each["bits_per_byte"])
    for each in entries:
        each["is_best"] = each is best and not tie
        each["is_tied_for_best"] = tie
    differences = [
        {
            "better": best["name"],
            "worse": each["name"],
            "bits_per_byte": each["bits_per_byte"] - best["bits_per_byte"],
            "interval": [-0.01 if tie else 0.1, 0.5],
            "is_tie": tie,
        }
        for each in others
    ]
    return {
        "text": {"name": HOSTILE, "bytes": 60_000, "blocks": 30},
        "entries": list(entries),
        "ranking": [best["name"], *(each["name"] for each in others)],
        "differences": differences,
        "seed_spread": {"bits": 0.01, "freedom": 4, "is_typical": True},
        "sentences": ["What it comes to."],
        "prompts": ["Once", "of one's own"],
        "own_prompts": 1,
        "samplers": ["nucleus:p=0.9"],
        "seed": 7,
        "notes": [],
    }


def test_the_best_stands_first_and_a_tie_is_called_one() -> None:
    lines = list(tell_comparison(values(entry("worse", 1.7), entry("better", 1.6))))
    rows = [line for line in lines if line.startswith(("worse", "better"))]
    assert rows[0].split() == ["better", "1", "1.600", "–", "tie"]
    assert rows[1].split() == ["worse", "1", "1.700", "0.100", "(−0.010", "to", "0.500)", "tie"]
    told = list(tell_comparison(values(entry("a", 1.6), entry("b", 1.7), tie=False)))
    assert any(re.fullmatch(r"a +1 +1\.600 +– +best", line) for line in told)
    assert any(line.startswith("b") and line.endswith("worse") for line in told)


def test_what_a_run_does_not_say_is_a_dash() -> None:
    without = entry("old", 1.6, parameters=None, training_seconds=None, copied=None)
    told = "\n".join(tell_comparison(values(without, entry("new", 1.7))))
    assert told.count("–") == 1 + 3


def test_names_and_texts_are_escaped_on_a_page_that_loads_nothing() -> None:
    page = render_comparison(values(entry(HOSTILE, 1.6), entry("other", 1.7)))
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;") > 5
    assert "default-src 'none'" in page
    assert not re.search(r"\b(src|href)=\"(?!#)", page)


def test_the_prompts_of_the_user_come_first() -> None:
    page = render_comparison(values(entry("a", 1.6), entry("b", 1.7)))
    assert 0 < page.index("of one&#39;s own") < page.index("<b>Once</b>")


def test_a_page_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError) as error:
        write_comparison(tmp_path / "no" / "page.html", values(entry("a", 1.6), entry("b", 1.7)))
    assert "--out FILE" in error.value.advice
