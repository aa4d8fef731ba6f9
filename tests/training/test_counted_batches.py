"""What counts add to each batch: what precedes a position as far as the network has seen it."""

import numpy as np
import pytest

from textgen_core.counts.counting import count
from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.data.tokenizer import END, START
from textgen_core.training.counted_batches import CountedBatches
from textgen_core.training.prefetch import Prefetch

VOCABULARY, ORDER, TIME = 9, 4, 6


def drawn(tokens=400, seed=1):
    """A text of short phrases, of three documents."""
    random = np.random.default_rng(seed)
    phrases = random.integers(4, VOCABULARY, (6, 5))
    found = phrases[random.integers(0, len(phrases), tokens // 5)].reshape(-1)
    found[0] = START
    found[[130, 271]] = END
    return found.astype(np.uint16)


TOKENS = drawn()
COUNTED = count(TOKENS, VOCABULARY, ORDER)
WAYS = {
    "windows": lambda: WindowBatches(TOKENS, TIME, 4, 7, 3),
    "streams": lambda: StreamBatches(TOKENS, TIME, 5, 40, 3),
    "whole streams": lambda: StreamBatches(TOKENS, TIME, 5),
}


def counted(way):
    return CountedBatches(WAYS[way](), TOKENS, COUNTED.held_out, COUNTED.counts)


def epochs_of(batches, epochs=2):
    return [batches.batch(index) for index in range(epochs * batches.batches_per_epoch)]


@pytest.mark.parametrize("way", WAYS)
def test_a_position_gets_the_held_out_counts_of_what_the_network_has_read(way):
    """Position by position, from where its window or stream began."""
    batches = counted(way)
    padded = 0
    for batch in epochs_of(batches):
        assert batch.count_logits.shape == (*batch.inputs.shape, VOCABULARY)
        assert batch.count_logits.dtype == np.float32
        for row, start in zip(batch.count_logits, batch.starts.tolist(), strict=True):
            if start < 0:
                assert not row.any()
                padded += 1
                continue
            for place, found in enumerate(row):
                read = TOKENS[start - batch.carried : start + place + 1]
                position = np.array([[start + place + 1]])
                expected = COUNTED.held_out.log_probabilities(read[np.newaxis], position)[0, 0]
                np.testing.assert_allclose(found, COUNTED.counts.weight * expected, rtol=1e-6)
    assert bool(padded) == (way == "windows")


@pytest.mark.parametrize("way", WAYS)
def test_the_batches_are_those_without_counts(way):
    for one, other in zip(epochs_of(counted(way)), epochs_of(WAYS[way]()), strict=True):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.targets, other.targets)
        assert one.starts_afresh == other.starts_afresh
        assert other.count_logits is None


@pytest.mark.parametrize("way", WAYS)
def test_what_is_added_is_a_function_of_the_batchs_number_to_the_bit(way):
    in_order = epochs_of(counted(way))
    late = counted(way)
    for index in (len(in_order) - 1, 0, len(in_order) // 2):
        np.testing.assert_array_equal(late.batch(index).count_logits, in_order[index].count_logits)


def test_it_is_made_with_the_batch_while_the_step_before_runs():
    batches = counted("windows")
    with Prefetch(batches, 2) as prefetch:
        prefetch.take(0, is_last=False)
        found = prefetch.take(1, is_last=True)
    for index, batch in enumerate(found, 2):
        np.testing.assert_array_equal(batch.count_logits, batches.batch(index).count_logits)


def test_the_memory_is_that_of_the_tables_and_of_two_batches():
    batches = counted("windows")
    dense = batches.batch(0).count_logits.nbytes
    assert batches.memory_bytes(TIME, 3) == batches.table_bytes + 2 * 3 * dense
    tables = COUNTED.held_out.tables
    assert batches.table_bytes > sum(array.nbytes for array in tables.discounted)
    assert batches.ngrams == sum(len(set(windows_of(length))) for length in range(1, ORDER + 1))


def windows_of(length):
    read = np.where(TOKENS == START, END, TOKENS).tolist()
    return [tuple(read[start : start + length]) for start in range(len(read) - length + 1)]
