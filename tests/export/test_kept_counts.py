"""Counts of n-grams in a page: little room, and every number as it was."""

from __future__ import annotations

import base64

import attrs
import numpy as np
import pytest
from export.in_node import in_node, needs_node

from textgen_core.counts.counting import count
from textgen_core.counts.counts import Counts
from textgen_core.counts.trie import Trie
from textgen_core.data.reader import MixtureWeights
from textgen_core.export import kept_counts
from textgen_core.export.kept_counts import describe_counts, find_counts
from textgen_core.export.weights import Block

VOCABULARY, ORDER = 30, 6


@pytest.fixture(scope="module")
def token_ids():
    """A text in which some words come again and again, between others."""
    draws = np.random.default_rng(5)
    words = [draws.integers(4, VOCABULARY, draws.integers(1, 7)) for _ in range(60)]
    often = 1 / np.arange(1, 61)
    chosen = draws.choice(60, 4000, p=often / often.sum())
    return np.concatenate([[2], *[words[each] for each in chosen], [3, 9, 9, 8]])


@pytest.fixture(scope="module")
def counts(token_ids):
    counted = count(token_ids, VOCABULARY, ORDER)
    return attrs.evolve(counted, weights=MixtureWeights(network=0.7, counts=0.4))


def opened(counts, script):
    block = Block("int8")
    described = describe_counts(counts, block.keep)
    content = base64.b64encode(block.to_bytes()).decode()
    given = {"counts": described, "constants": block.described, "block": content}
    start = """const constants = new Constants(given.constants, block(given.block));
    const counts = openCounts(given.counts, constants);"""
    return described, in_node(start + script, given)


def test_the_longest_are_counted_again(token_ids, counts) -> None:
    last = counts.trie.levels[-1]
    found = find_counts(last)
    ngrams = [
        tuple(token_ids[place : place + ORDER]) for place in range(len(token_ids) - ORDER + 1)
    ]
    often = np.unique(np.array(ngrams), axis=0, return_counts=True)[1]
    assert sorted(found) == sorted(often)


@needs_node
def test_every_number_is_as_it_was(counts) -> None:
    described, levels = opened(
        counts,
        "show(counts.levels.map(({ tokens, starts, discounted, left }) => "
        "[tokens, starts, discounted, left]));",
    )
    assert "counts" in described
    for level, (tokens, starts, discounted, left) in zip(counts.trie.levels, levels, strict=True):
        assert tokens == level.tokens.tolist()
        assert starts == level.starts.tolist()
        assert np.array_equal(np.float32(discounted), level.discounted)
        assert np.array_equal(np.float32(left), level.left)


@needs_node
def test_n_grams_of_many_words_are_told_one_by_one(counts, monkeypatch) -> None:
    monkeypatch.setattr(kept_counts, "_MOST_POSSIBLE", 2)
    described, levels = opened(
        counts, "show(counts.levels.map(({ tokens, left }) => [tokens, left]));"
    )
    assert {"tokens" in each for each in described["levels"]} == {True, False}
    for level, (tokens, left) in zip(counts.trie.levels, levels, strict=True):
        assert tokens == level.tokens.tolist()
        assert np.array_equal(np.float32(left), level.left)


@needs_node
def test_numbers_of_another_smoothing_are_kept_themselves(counts) -> None:
    levels = tuple(
        attrs.evolve(each, left=each.left * np.float32(0.9)) for each in counts.trie.levels
    )
    other = Counts(trie=Trie(levels=levels), vocabulary_size=VOCABULARY)
    described, found = opened(other, "show(counts.levels.map(({ left }) => left));")
    assert "numbers" in described
    for level, left in zip(levels, found, strict=True):
        assert np.array_equal(np.float32(left), level.left)


@needs_node
def test_what_follows_a_text_is_as_likely(token_ids, counts) -> None:
    text = [2, *token_ids[40:60].tolist(), 3, 5, 5, 5]
    script = f"""const found = [];
    let contexts = counts.fresh();
    for (const token of {text}) {{
      contexts = counts.follow(contexts, token);
      const logits = Float32Array.from({{ length: {VOCABULARY} }}, (_, token) => token / 7);
      counts.mixInto(logits, contexts);
      found.push(logits);
    }}
    show(found);"""
    _, found = opened(counts, script)
    contexts = counts.fresh(1)
    logits = np.arange(VOCABULARY, dtype=np.float32) / np.float32(7)
    for token, mixed in zip(text, found, strict=True):
        contexts = counts.follow(contexts, np.array([token]))
        own = counts.log_probabilities(contexts)[0]
        expected = np.float32(0.4) * own + np.float32(0.7) * logits
        assert np.abs(np.float32(mixed) - expected).max() < 1e-5
