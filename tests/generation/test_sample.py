from __future__ import annotations

import pytest
from generation.fake_models import END, LETTERS, START, build_tokenizer

from textgen_core.generation import GenerationOptions
from textgen_core.generation.sample import SampleWriter


def build_writer(max_new_tokens=100, stop=()):
    options = GenerationOptions(max_new_tokens=max_new_tokens, seed=0, stop=stop)
    return SampleWriter("p", [START, 19], build_tokenizer(), options)


def ids_of(text):
    return [4 + LETTERS.index(letter) for letter in text]


def push(writer, text, end=False):
    token_ids = ids_of(text) + [END] * end
    return writer.push(token_ids, [-float(token) for token in token_ids])


def test_a_sample_keeps_text_tokens_and_log_probabilities():
    writer = build_writer()
    assert push(writer, "ab") + push(writer, "c") == "abc"
    sample = writer.sample()
    assert (sample.prompt, sample.text) == ("p", "abc")
    assert sample.token_ids == (4, 5, 6)
    assert sample.log_probabilities == (-4.0, -5.0, -6.0)
    assert writer.is_open


def test_a_sample_ends_at_its_length():
    writer = build_writer(max_new_tokens=3)
    assert push(writer, "abcde") == "abc"
    assert not writer.is_open
    assert push(writer, "f") == ""
    sample = writer.sample()
    assert (sample.text, sample.token_ids, sample.stopped_by) == ("abc", (4, 5, 6), "length")


def test_a_sample_ends_at_the_end_token_which_is_counted_but_not_shown():
    writer = build_writer()
    assert writer.push([4, END, 5, 6], [-1.0, -2.0, -3.0, -4.0]) == "a"
    sample = writer.sample()
    assert (sample.text, sample.token_ids, sample.stopped_by) == ("a", (4, END), "end")
    assert sample.log_probabilities == (-1.0, -2.0)


@pytest.mark.parametrize("parts", [["abcd"], ["ab", "cd"], ["a", "b", "c", "d"]])
def test_a_stop_string_ends_the_tokens_with_the_one_that_completed_it(parts):
    writer = build_writer(stop=("bc",))
    assert "".join(push(writer, part) for part in parts) == "a"
    assert not writer.is_open
    sample = writer.sample()
    assert (sample.text, sample.token_ids, sample.stopped_by) == ("a", (4, 5, 6), "stop")


@pytest.mark.parametrize("end", [True, False])
def test_the_beginning_of_a_stop_string_is_shown_when_the_text_ends(end):
    writer = build_writer(max_new_tokens=4 if end else 3, stop=("bcd",))
    assert push(writer, "abc", end=end) == "abc"
    assert writer.sample().stopped_by == ("end" if end else "length")
