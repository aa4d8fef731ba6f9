from __future__ import annotations

import csv

import pytest

from textgen_core.errors import UsageError
from textgen_core.evaluation.review import (
    COLUMNS,
    HELD_OUT,
    MODEL,
    format_ratings,
    key_of,
    read_ratings,
    write_sheet,
)

PROMPTS = [f'prompt {n}, "quoted"\n' for n in range(10)]
SAMPLES = [f"model {n}; ü\U0001f41d" for n in range(10)]
REFERENCES = [f"real {n}\nsecond line" for n in range(10)]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "review.csv"
    assert write_sheet(path, PROMPTS, SAMPLES, REFERENCES, seed=3) == 10
    return path


def fill(sheet, ratings, delimiter=",", encoding="utf-8"):
    """Write ratings, by source, as a spreadsheet would."""
    sources = {row["sample"]: row["source"] for row in rows_of(key_of(sheet))}
    rows = [{**row, **ratings.get(sources[row["sample"]], {})} for row in rows_of(sheet)]
    with sheet.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_half_of_the_texts_really_followed_and_the_key_alone_says_which(sheet):
    rows, key = rows_of(sheet), rows_of(key_of(sheet))
    assert tuple(rows[0]) == COLUMNS
    assert [row["sample"] for row in rows] == [str(n) for n in range(1, 11)]
    sources = [row["source"] for row in key]
    assert sorted(sources) == [HELD_OUT] * 5 + [MODEL] * 5
    for row, source in zip(rows, sources, strict=True):
        place = PROMPTS.index(row["prompt"])
        assert row["text"] == (SAMPLES if source == MODEL else REFERENCES)[place]
        assert not row["coherence"] + row["grammar"] + row["context"] + row["notes"]
    assert [row["prompt"] for row in rows] != PROMPTS
    assert len({row["prompt"] for row in rows}) == 10  # never both texts of one prompt


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig")])
def test_ratings_are_told_apart_by_the_key_however_a_spreadsheet_saves_them(
    sheet, delimiter, encoding
):
    ratings = {MODEL: {"coherence": "2", "grammar": "3,5"}, HELD_OUT: {"coherence": " 5 "}}
    fill(sheet, ratings, delimiter, encoding)
    read = read_ratings(sheet)
    assert (read["coherence"][MODEL].mean, read["coherence"][MODEL].rated) == (2, 5)
    assert read["coherence"][HELD_OUT].mean == 5
    assert read["grammar"][MODEL].mean == 3.5
    assert "context" not in read
    assert (
        format_ratings(read)[0] == "coherence  model 2.00 (5 rated), held-out text 5.00 (5 rated)"
    )


def test_an_empty_sheet_has_no_ratings(sheet):
    assert read_ratings(sheet) == {}
    assert format_ratings({}) == ["No text of the sheet is rated yet."]


@pytest.mark.parametrize("rating", ["6", "0", "good", "nan", "-1"])
def test_a_rating_out_of_range_is_named_with_its_place(sheet, rating):
    fill(sheet, {MODEL: {"context": rating}})
    with pytest.raises(UsageError, match=rf"context of sample \d+ as '{rating}'"):
        read_ratings(sheet)


def test_a_sheet_without_key_or_columns_or_text_is_refused(sheet, tmp_path):
    fill(sheet, {MODEL: {"context": "3"}})
    key = key_of(sheet).read_text(encoding="utf-8")
    key_of(sheet).write_text("sample,source\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"key\.csv"):
        read_ratings(sheet)
    key_of(sheet).unlink()
    with pytest.raises(UsageError, match=r"review\.key\.csv cannot be read"):
        read_ratings(sheet)
    key_of(sheet).write_text(key, encoding="utf-8")
    for content in (b"", b"a,b\n1,2\n", b"\xff\xfe\x00"):
        sheet.write_bytes(content)
        with pytest.raises(UsageError):
            read_ratings(sheet)
    with pytest.raises(UsageError, match="cannot be written"):
        write_sheet(tmp_path / "missing" / "a.csv", PROMPTS, SAMPLES, REFERENCES, seed=1)


def test_without_prompts_there_is_nothing_to_rate(tmp_path):
    assert write_sheet(tmp_path / "a.csv", [], [], [], seed=1) == 0
