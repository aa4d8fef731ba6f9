from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis.hashing import HashedCounts, SequenceHashes, hash_texts


def test_numbers_are_the_same_in_every_process():
    program = (
        "from textgen_core.corpus.analysis.hashing import hash_texts; "
        "print(hash_texts(['a', 'é'])[1])"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert shown == {f"{hash_texts(['é'])[0]}\n"}


def test_similar_texts_have_different_numbers_that_are_spread_evenly():
    numbers = hash_texts([f"line {number}" for number in range(100_000)])
    assert len(np.unique(numbers)) == 100_000
    assert abs(np.count_nonzero(numbers % np.uint64(8) == 0) - 12_500) < 500


def test_a_lone_surrogate_has_a_number_too():
    assert len(hash_texts(["a\ud800"])) == 1


@given(st.lists(st.integers(0, 30), max_size=200))
def test_counts_are_those_of_a_counter(values):
    counts = HashedCounts(1000, pending=20)
    for start in range(0, len(values), 7):
        counts.add(np.array(values[start : start + 7], np.uint64))
    counts.settle()
    assert dict(zip(counts.keys.tolist(), counts.counts.tolist())) == Counter(values)
    assert counts.every == 1


def test_of_too_many_numbers_a_sample_keeps_its_full_counts():
    numbers = hash_texts([f"{number}" for number in range(5000)])
    counts = HashedCounts(1000)
    for _ in range(3):
        counts.add(numbers)
        counts.settle()
    assert 500 <= len(counts.keys) <= 1000
    assert set(counts.counts.tolist()) == {3}
    assert abs(len(counts.keys) * counts.every - 5000) < 500


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=9), min_size=1, max_size=5))
def test_sequences_stay_within_their_unit(units):
    hashes = hash_texts([word for unit in units for word in unit])
    found, places = SequenceHashes(3).of(hashes, [len(unit) for unit in units], ends=True)
    triples = [
        (place, tuple(unit[at : at + 3]))
        for place, unit in enumerate(units)
        for at in range(len(unit) - 2)
    ]
    assert places.tolist() == [place for place, _ in triples]
    number_of = dict(zip((triple for _, triple in triples), found.tolist()))
    assert [number_of[triple] for _, triple in triples] == found.tolist()
    assert len(set(number_of.values())) == len(number_of)


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 5))
def test_sequences_of_a_unit_that_comes_in_parts_are_those_of_the_whole(letters, size):
    whole, _ = SequenceHashes(4).of(hash_texts(letters), [len(letters)], ends=True)
    parts = SequenceHashes(4)
    found = []
    for start in range(0, len(letters), size):
        part = letters[start : start + size]
        found += parts.of(hash_texts(part), [len(part)], ends=False)[0].tolist()
    assert found == whole.tolist()
