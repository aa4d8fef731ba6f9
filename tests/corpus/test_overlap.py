from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_core.corpus import overlap as overlap_module
from textgen_core.corpus.analysis.blocks import iterate_blocks
from textgen_core.corpus.documents import store_documents
from textgen_core.corpus.overlap import format_overlap, measure_overlap
from textgen_core.corpus.text import word_pattern


def sequences(documents):
    found = []
    for document in documents:
        words = word_pattern().findall(document)
        found += [tuple(words[at : at + 8]) for at in range(len(words) - 7)]
    return found


def long_lines(documents):
    lines = [line.strip() for document in documents for line in document.split("\n")]
    return [line for line in lines if len(line) >= 30]


def share(held_out, train):
    return sum(each in set(train) for each in held_out) / len(held_out) if held_out else None


lines = st.sampled_from(
    ["the quick brown fox jumps over the lazy dog", "short one", "a b c d e f g h i", "", "x y"]
)
texts = st.lists(st.lists(lines, max_size=6).map("\n".join), max_size=4)


@settings(deadline=None)
@given(texts, texts, st.sampled_from([8, 64, 1 << 18]))
def test_shares_agree_with_brute_force(train, held_out, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap_module, "iterate_blocks", partial(iterate_blocks, size=block))
        overlap = measure_overlap(train, held_out)
    assert overlap.lines == share(long_lines(held_out), long_lines(train))
    assert overlap.sequences == share(sequences(held_out), sequences(train))
    assert overlap.line_count == len(long_lines(held_out))
    assert overlap.sequence_count == len(sequences(held_out))
    assert not overlap.is_sample


def test_stored_documents_are_measured_alike():
    train, held_out = ["one two three four five six seven eight nine"] * 2, ["x " * 20]
    stored = measure_overlap(store_documents(train), store_documents(held_out))
    assert stored == measure_overlap(train, held_out)


def test_of_much_held_out_text_a_sample_by_value_is_looked_for():
    draw = random.Random(0)
    written = [" ".join(f"w{draw.randrange(10**6)}" for _ in range(12)) for _ in range(6000)]
    train, held_out = ["\n".join(written[:4000])], ["\n".join(written[3000:5000])]
    overlap = measure_overlap(train, held_out, looked_for=1000)
    assert overlap.is_sample
    assert overlap.line_count <= 1000
    assert overlap.lines == pytest.approx(0.5, abs=0.06)
    assert overlap.sequences == pytest.approx(0.5, abs=0.06)


def test_much_training_text_is_searched_in_spans_and_the_sentence_says_so():
    line = "a line that stands in every part of the training text, over and over"
    held_out = [f"{line}\nanother line that stands nowhere"]
    overlap = measure_overlap([f"{line}\n" * 1_000], held_out, searched=20_000)
    assert overlap.searched == pytest.approx(20_000 / 69_000, abs=0.01)
    assert overlap.lines == 0.5
    assert "in 29% of the training text, which was searched" in format_overlap(overlap)[0]


def test_a_very_long_line_is_cut_and_left_out(monkeypatch):
    small = partial(iterate_blocks, size=50, longest=100)
    monkeypatch.setattr(overlap_module, "iterate_blocks", small)
    long = "word " * 100
    overlap = measure_overlap([long], [f"{long}\n{'a line of some thirty characters'}"])
    assert overlap.line_count == 1
    assert overlap.lines == 0


def test_what_is_shared_is_told_with_advice_where_it_is_much():
    line = "a line that is long enough to be looked for in the text"
    (told,) = format_overlap(measure_overlap(["something else entirely, some other words"], [line]))
    assert "0.0% of its 1 longer lines and 0.0% of its sequences of 8 words" in told
    told, advice = format_overlap(measure_overlap([line], [line]))
    assert "100.0%" in told
    assert "flatter" in advice
    told, advice = format_overlap(measure_overlap([line], [line]), documents_are_whole=True)
    assert "remove copies" in advice
    assert "split_by" not in advice
    assert format_overlap(measure_overlap([line], ["short"])) == ()
