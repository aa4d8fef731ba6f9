from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.components.words import count_scripts, script_of
from textgen_core.corpus.analysis.characters import (
    MOJIBAKE,
    CharacterCounter,
    count_mojibake,
    scripts_in_slices,
    utf8_size,
)


def count(*pieces):
    counter = CharacterCounter()
    for piece in pieces:
        counter.add(piece)
    return counter


@given(st.lists(st.text(), max_size=5))
def test_counts_and_sizes_are_those_of_the_text(pieces):
    text = "".join(pieces)
    counts = count(*pieces).counts
    assert counts == Counter(text)
    assert utf8_size(counts) == len(text.encode("utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "Ça déjà vu: naïve œuvre – “l’été” coûte 5 €, à l’Âge de Pâques, Ångström",
        "über Größe „Straße“ ÄÖÜ",
        "São Paulo, IRMÃO, NÃO, coração, Ãgua",
        "Привет, как дела? БЕРЁЗА, съёмка; Рим, Сибирь, РОССИЯ, Софья",
        "Ελληνικά, Ð is eth, Ñandú, ÑOÑO",
        "中文、日本語のテスト",
    ],
)
def test_well_read_text_is_not_taken_for_mojibake(text):
    assert count(text).mojibake == 0


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("déjà élève été à côté où", "latin-1"),
        ("déjà élève été à côté où", "cp1252"),
        ("„Größe“ für Männer – “so”", "cp1252"),
        ("Привет, мир, это текст", "latin-1"),
        ("Привет, мир, это текст", "cp1251"),
    ],
)
def test_utf8_that_was_read_in_another_encoding_is_noticed(text, encoding):
    spoilt = text.encode().decode(encoding, "replace")
    assert count(spoilt).mojibake >= 2


def test_the_script_of_each_part_is_its_most_frequent_one():
    parts = count("abc ж", "где a", "", "12").script_parts
    assert scripts_in_slices(parts, 2) == ("Latin", "Cyrillic")
    assert scripts_in_slices(parts, 5) == ()
    assert scripts_in_slices(count("1", "2").script_parts, 2) == ("", "")


@pytest.mark.parametrize(
    ("letter", "script"),
    [
        ("a", "Latin"),
        ("Ａ", "Latin"),
        ("ª", "Latin"),
        ("ж", "Cyrillic"),
        ("λ", "Greek"),
        ("中", "Han"),
        ("ｱ", "Katakana"),
        ("あ", "Hiragana"),
        ("한", "Hangul"),
        ("ش", "Arabic"),
        ("𐌀", "Old Italic"),
        ("𝐀", "Symbols"),
    ],
)
def test_letters_tell_their_script(letter, script):
    assert script_of(letter) == script


def test_scripts_count_letters_alone_the_most_frequent_first():
    assert count_scripts(Counter("жabc 12,!")) == {"Latin": 3, "Cyrillic": 1}
    assert list(count_scripts(Counter("жabc"))) == ["Latin", "Cyrillic"]


@given(st.text(st.sampled_from("aÂÃâ€РСÐÑ°±\u0080\u00bf™")))
def test_mojibake_is_counted_where_the_pattern_finds_it(text):
    assert count_mojibake(text) == len(MOJIBAKE.findall(text))
