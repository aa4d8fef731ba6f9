from itertools import pairwise

import numpy as np
import pytest

from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.errors import CorpusError

# Every token is its own position plus one, so that none is <PAD> and each shows where it stood.
TOKENS = np.arange(1, 1001, dtype=np.uint16)


def windows(tokens=TOKENS, sequence_length=10, stride=5, batch_size=8, seed=3):
    return WindowBatches(tokens, sequence_length, stride, batch_size, seed)


def epoch_of(batches, epoch=0):
    count = batches.batches_per_epoch
    return [batches.batch(epoch * count + index) for index in range(count)]


def targets_of(batches, epoch=0):
    targets = np.concatenate([batch.targets.ravel() for batch in epoch_of(batches, epoch)])
    return targets[targets != 0]


@pytest.mark.parametrize("make", [windows, lambda: StreamBatches(TOKENS, 10, 8)])
def test_a_target_is_the_token_after_its_input(make):
    for batch in epoch_of(make()):
        filled = batch.inputs != 0
        assert (batch.targets[filled] == batch.inputs[filled] + 1).all()


@pytest.mark.parametrize("make", [windows, lambda: StreamBatches(TOKENS, 10, 8)])
def test_all_batches_have_one_shape_and_type(make):
    for batch in epoch_of(make()):
        assert batch.inputs.shape == batch.targets.shape == (8, 10)
        assert batch.inputs.dtype == batch.targets.dtype == np.int32


@pytest.mark.parametrize("length", [11, 12, 15, 16, 100, 101, 104, 999])
@pytest.mark.parametrize("stride", [1, 5, 7, 10])
def test_every_token_but_the_first_is_a_target(length, stride):
    batches = windows(TOKENS[:length], stride=stride)
    assert set(targets_of(batches)) == set(range(2, length + 1))


def test_windows_that_do_not_overlap_show_every_token_once():
    targets = targets_of(windows(TOKENS[:101], stride=10))
    assert sorted(targets) == list(range(2, 102))


def test_a_stride_beyond_the_window_loses_no_token():
    assert set(targets_of(windows(stride=50))) == set(range(2, 1001))


def test_windows_start_at_multiples_of_the_stride_and_one_ends_with_the_text():
    batches = windows(TOKENS[:33], sequence_length=10, stride=10)
    starts = np.concatenate([batch.inputs[:, 0] for batch in epoch_of(batches)])
    assert sorted(starts[starts != 0] - 1) == [0, 10, 20, 22]


def test_the_last_batch_of_an_epoch_is_filled_with_padding():
    *full, last = epoch_of(windows(TOKENS[:101], stride=10, batch_size=4))
    assert len(full) == 2
    assert not any((batch.inputs == 0).any() for batch in full)
    assert (last.inputs[2:] == 0).all()
    assert (last.targets[2:] == 0).all()
    assert (last.inputs[:2] != 0).all()


def test_windows_are_shuffled_and_otherwise_in_each_epoch():
    batches = windows()
    first, second = targets_of(batches, 0), targets_of(batches, 1)
    assert first.tolist() != sorted(first)
    assert first.tolist() != second.tolist()
    assert sorted(first) == sorted(second)


def test_another_seed_is_another_order():
    assert targets_of(windows(seed=1)).tolist() != targets_of(windows(seed=2)).tolist()


@pytest.mark.parametrize("seed", [0, -1, 2**64, 2**80 + 1])
def test_any_integer_is_a_seed(seed):
    assert set(targets_of(windows(seed=seed))) == set(range(2, 1001))


@pytest.mark.parametrize("make", [windows, lambda: StreamBatches(TOKENS, 10, 8)])
def test_a_batch_is_a_function_of_its_index_alone(make):
    batches = make()
    in_order = [batches.batch(index) for index in range(60)]
    for index in (59, 0, 31, 30, 45, 3):
        again = make().batch(index)
        late = batches.batch(index)
        for other in (again, late):
            assert (other.inputs == in_order[index].inputs).all()
            assert (other.targets == in_order[index].targets).all()
            assert other.starts_afresh == in_order[index].starts_afresh


def test_windows_always_start_afresh():
    assert all(batch.starts_afresh for batch in epoch_of(windows()))


def test_one_window_is_enough():
    batches = windows(TOKENS[:11])
    assert batches.batches_per_epoch == 1
    assert batches.batch(0).inputs[0].tolist() == list(range(1, 11))


def test_a_text_shorter_than_a_window_is_refused_with_what_helps():
    with pytest.raises(CorpusError, match=r"10 tokens.* 11") as caught:
        windows(TOKENS[:10])
    assert "data.sequence_length" in str(caught.value)


def test_a_row_of_a_stream_goes_on_where_it_ended():
    batches = epoch_of(StreamBatches(TOKENS, 10, 8))
    for before, after in pairwise(batches):
        assert (before.targets[:, -1] == after.inputs[:, 0]).all()


def test_streams_are_the_text_cut_into_equal_parts():
    batches = StreamBatches(TOKENS, 10, 8)
    assert batches.batch(0).inputs[:, 0].tolist() == [1 + 125 * row for row in range(8)]
    assert batches.batches_per_epoch == (125 - 1) // 10


def test_streams_start_afresh_at_each_epoch_alone():
    batches = StreamBatches(TOKENS, 10, 8)
    fresh = [batches.batch(index).starts_afresh for index in range(25)]
    assert [index for index, each in enumerate(fresh) if each] == [0, 12, 24]


def test_streams_of_a_given_length_start_afresh_after_it():
    batches = StreamBatches(TOKENS[:401], 5, 4, stream_length=20, seed=1)
    afresh = [batches.batch(index).starts_afresh for index in range(batches.batches_per_epoch)]
    assert batches.batches_per_epoch == 15
    assert [index for index, fresh in enumerate(afresh) if fresh] == [0, 3, 6, 9, 12]


def test_streams_of_a_given_length_hold_each_token_once_an_epoch_in_an_order_of_the_seed():
    def first_tokens(seed, epoch):
        batches = StreamBatches(TOKENS[:400], 4, 4, stream_length=21, seed=seed)
        first = epoch * batches.batches_per_epoch
        return [batches.batch(first + index).inputs for index in range(batches.batches_per_epoch)]

    seen = np.concatenate([rows.ravel() for rows in first_tokens(1, 0)])
    assert len(np.unique(seen)) == len(seen) == 320
    for seed, epoch in ((1, 1), (2, 0)):
        other = first_tokens(seed, epoch)
        assert sorted(np.concatenate([rows.ravel() for rows in other])) == sorted(seen)
        assert not np.array_equal(other[0], first_tokens(1, 0)[0])


@pytest.mark.parametrize("stream_length", [1, 7, 1000, 10**9])
def test_a_stream_length_beyond_the_text_or_below_a_sequence_is_the_nearest_that_can_be(
    stream_length,
):
    batches = StreamBatches(TOKENS[:100], 10, 3, stream_length=stream_length)
    assert batches.batch(batches.batches_per_epoch - 1).inputs.shape == (3, 10)


def test_the_penn_treebank_has_the_batches_of_the_literature():
    tokens = np.ones(929_590, dtype=np.uint16)
    assert StreamBatches(tokens, 20, 20).batches_per_epoch == 2323


def test_a_short_text_makes_fewer_streams():
    assert StreamBatches(TOKENS[:88], 10, 8).batch_size == 8
    batches = StreamBatches(TOKENS[:87], 10, 8)
    assert batches.batch_size == 7
    assert batches.batch(0).inputs.shape == (7, 10)


def test_a_text_that_fills_no_stream_is_refused_with_what_helps():
    with pytest.raises(CorpusError, match=r"10 tokens.* 11") as caught:
        StreamBatches(TOKENS[:10], 10, 8)
    assert "data.sequence_length" in str(caught.value)
    assert StreamBatches(TOKENS[:11], 10, 8).batches_per_epoch == 1


def test_tokens_of_four_bytes_and_of_a_file_are_read_alike(tmp_path):
    path = tmp_path / "file.tokens"
    TOKENS.astype("<u4").tofile(path)
    mapped = np.memmap(path, dtype="<u4", mode="r")
    assert (windows(mapped).batch(5).inputs == windows().batch(5).inputs).all()
