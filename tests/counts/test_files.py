"""`counts.safetensors`: what was written is read, and nothing else is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy
from counts.slow_kneser_ney import VOCABULARY, draw_tokens

from textgen_core.counts.counting import count
from textgen_core.counts.files import load_counts, save_counts
from textgen_core.errors import RunDirectoryError
from textgen_core.runs.tensors import open_tensors


@pytest.fixture
def saved(tmp_path):
    counts = count(np.array(draw_tokens(500)), VOCABULARY, 4)
    path = tmp_path / "counts.safetensors"
    save_counts(counts, path)
    return counts, path


def test_what_was_written_is_read_and_gives_the_same_bits(saved):
    counts, path = saved
    read = load_counts(path, VOCABULARY)
    assert (read.order, read.vocabulary_size, read.ngrams) == (4, VOCABULARY, counts.ngrams)
    text = np.array([draw_tokens(50, seed=4)])
    contexts = counts.contexts(text)
    np.testing.assert_array_equal(read.contexts(text), contexts)
    for rows in (contexts, contexts[0, 7:9]):
        np.testing.assert_array_equal(read.log_probabilities(rows), counts.log_probabilities(rows))
    np.testing.assert_array_equal(read.losses(text[0]), counts.losses(text[0]))
    assert not read.trie.levels[3].discounted.flags.writeable  # mapped, not copied


def test_writing_it_again_gives_the_same_file(saved):
    _, path = saved
    first = path.read_bytes()
    save_counts(load_counts(path, VOCABULARY), path)
    assert path.read_bytes() == first
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def refused(path, words, vocabulary=VOCABULARY):
    with pytest.raises(RunDirectoryError) as caught:
        load_counts(path, vocabulary)
    assert words in caught.value.problem
    assert path.name in caught.value.problem
    assert "Restore counts.safetensors from a copy of the run" in caught.value.advice


def test_a_missing_cut_or_foreign_file_is_refused_with_the_way_out(saved, tmp_path):
    _, path = saved
    refused(path, "it is of 9 tokens, the tokenizer of 12", vocabulary=12)
    whole = path.read_bytes()
    for length in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, "")
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    refused(path, "it is not of version 1 of the format")
    path.unlink()
    refused(path, "is missing")
    path.symlink_to(tmp_path / "elsewhere")
    refused(path, "symbolic link")


def changed(path, change, **new):
    """Write the file again with other tensors, or other metadata."""
    opened = open_tensors(path)
    tensors = {key: np.array(tensor) for key, tensor in opened.tensors.items()}
    change(tensors)
    facts = {**json.loads(opened.metadata["counts"]), **new}
    safetensors.numpy.save_file(tensors, path, {"counts": json.dumps(facts)})


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("2/tokens", VOCABULARY, "2/tokens holds tokens that the vocabulary has not"),
        ("3/starts", 10**9, "3/starts holds no places in rising order"),
        ("3/starts", -1, "3/starts holds no places in rising order"),
        ("4/discounted", np.nan, "4/discounted holds numbers that are no probabilities"),
        ("4/discounted", -0.1, "4/discounted holds numbers that are no probabilities"),
        ("1/left", 0.0, "1/left holds numbers that are no probabilities"),
        ("2/left", np.inf, "2/left holds numbers that are no probabilities"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_it_is_used(saved, key, value, words):
    _, path = saved
    changed(path, lambda tensors: tensors[key].__setitem__(len(tensors[key]) // 2, value))
    refused(path, words)


def test_what_hardly_leaves_anything_to_short_contexts_gives_finite_numbers(saved):
    _, path = saved
    shares = {f"{length}/left": np.float32(1e-37) for length in range(1, 5)}
    changed(path, lambda tensors: [tensors[key].fill(shares[key]) for key in shares])
    counts = load_counts(path, VOCABULARY)
    contexts = counts.contexts(np.array([draw_tokens(20)]))[0]
    for rows in (contexts, contexts[:1]):
        assert np.isfinite(counts.log_probabilities(rows)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("3/left"), "it has 15 tensors, not those of order 4"),
        (lambda t: t.update({"5/left": t["4/left"]}), "it has 17 tensors, not those of order 4"),
        (lambda t: t.update({"5/left": t.pop("4/left")}), "4/left"),
        (lambda t: t.update({"4/left": t["4/left"][:-1]}), "4/left is float32"),
        (lambda t: t.update({"4/starts": t["3/starts"]}), "4/starts is int32"),
        (lambda t: t.update({"1/tokens": t["1/tokens"].astype(np.int16)}), "1/tokens is int16"),
        (lambda t: t.update({"1/left": t["1/left"].astype(np.uint8)}), "1/left is uint8"),
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(saved, change, words):
    _, path = saved
    changed(path, change)
    refused(path, words)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"format_version": 2}, "it is not of version 1 of the format"),
        ({"vocabulary_size": None}, "it is of None tokens, the tokenizer of 9"),
        ({"order": 3}, "it has 16 tensors, not those of order 3"),
        ({"order": 0}, "its order is 0"),
        ({"order": 10**30}, "it has 16 tensors"),
        ({"order": None}, "its order is None"),
    ],
)
def test_metadata_that_cannot_be_are_refused(saved, metadata, words):
    _, path = saved
    changed(path, lambda tensors: None, **metadata)
    refused(path, words)
