from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.characters import (
    count_characters,
    count_scripts,
    script_of,
    utf8_size,
)


@given(st.lists(st.text(), max_size=5))
def test_counts_and_sizes_are_those_of_the_text(documents):
    text = "".join(documents)
    counts = count_characters(documents)
    assert counts == Counter(text)
    assert utf8_size(counts) == len(text.encode("utf-8"))


def test_long_documents_are_counted_whole():
    assert count_characters(["a" * 3_000_000, "b"]) == {"a": 3_000_000, "b": 1}


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
