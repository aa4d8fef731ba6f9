from itertools import pairwise

import numpy as np
import pytest

from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.data.tokenizer import END, START
from textgen_core.errors import CorpusError

# Every token is its own position plus four, so that none is special and each shows where it stood.
TOKENS = np.arange(4, 1004, dtype=np.uint16)


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
def test_every_token_but_the_first_is_a_target_in_every_epoch(length, stride):
    batches = windows(TOKENS[:length], stride=stride)
    for epoch in range(5):
        assert set(targets_of(batches, epoch)) == set(TOKENS[1:length].tolist())


@pytest.mark.parametrize("stride", [1, 3, 50, 99, 100, 1000])
def test_an_epoch_is_as_many_tokens_as_the_text_has_whatever_the_stride(stride):
    tokens = np.full(10_001, 4, np.uint16)
    targets = targets_of(windows(tokens, sequence_length=100, stride=stride, batch_size=32))
    assert 10_000 <= len(targets) <= 10_000 + 100
    batches = StreamBatches(tokens, 100, 5, stream_length=700)
    assert 10_000 - 250 <= len(targets_of(batches)) <= 10_000 + 250


def test_windows_begin_at_multiples_of_the_stride_in_each_epoch_at_others():
    batches = windows(TOKENS[:901], sequence_length=100, stride=25)
    lain = []
    for epoch in range(12):
        starts = np.concatenate([batch.inputs[:, 0] for batch in epoch_of(batches, epoch)])
        found = sorted(set((starts[starts != 0] - 4).tolist()))
        assert all(start % 25 == 0 for start in found)
        lain.append(tuple(found))
    assert len(set(lain)) == 4  # 100 / 25 ways to lay them end to end
    assert set().union(*lain) == set(range(0, 801, 25))


def test_windows_that_do_not_overlap_show_every_token_once():
    targets = targets_of(windows(TOKENS[:101], stride=10))
    assert sorted(targets) == TOKENS[1:101].tolist()


def test_a_stride_beyond_the_window_loses_no_token():
    assert set(targets_of(windows(stride=50))) == set(TOKENS[1:].tolist())


def test_windows_start_at_multiples_of_the_stride_and_one_ends_with_the_text():
    batches = windows(TOKENS[:33], sequence_length=10, stride=10)
    starts = np.concatenate([batch.inputs[:, 0] for batch in epoch_of(batches)])
    assert sorted(starts[starts != 0] - 4) == [0, 10, 20, 22]


def test_the_last_batch_of_an_epoch_is_filled_with_padding():
    *full, last = epoch_of(windows(TOKENS[:101], stride=10, batch_size=4))
    assert len(full) == 2
    assert not any((batch.inputs == 0).any() for batch in full)
    assert (last.inputs[2:] == 0).all()
    assert (last.targets[2:] == 0).all()
    assert (last.inputs[:2] != 0).all()


def test_windows_are_shuffled_and_otherwise_in_each_epoch():
    batches = windows(stride=10)
    first, second = targets_of(batches, 0), targets_of(batches, 1)
    assert first.tolist() != sorted(first)
    assert first.tolist() != second.tolist()
    assert sorted(first) == sorted(second)


def test_another_seed_is_another_order():
    assert targets_of(windows(seed=1)).tolist() != targets_of(windows(seed=2)).tolist()


@pytest.mark.parametrize("seed", [0, -1, 2**64, 2**80 + 1])
def test_any_integer_is_a_seed(seed):
    assert set(targets_of(windows(seed=seed))) == set(TOKENS[1:].tolist())


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
    assert batches.batch(0).inputs[0].tolist() == TOKENS[:10].tolist()


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
    assert batches.batch(0).inputs[:, 0].tolist() == [4 + 125 * row for row in range(8)]
    assert batches.batches_per_epoch == (125 - 1) // 10


def test_streams_start_afresh_at_each_epoch_alone():
    batches = StreamBatches(TOKENS, 10, 8)
    fresh = [batches.batch(index).starts_afresh for index in range(25)]
    assert [index for index, each in enumerate(fresh) if each] == [0, 12, 24]


def afresh_in(batches, count):
    return [index for index in range(count) if batches.batch(index).starts_afresh]


def test_streams_of_a_given_length_start_afresh_after_it():
    batches = StreamBatches(TOKENS[:401], 5, 4, stream_length=20, seed=1)
    assert batches.batches_per_epoch == 20
    assert afresh_in(batches, 20) == [0, 4, 8, 12, 16]


@pytest.mark.parametrize(
    ("tokens", "steps"),
    [(3_000, 4), (33_000, 4), (100_000, 12), (255_000, 31), (300_000, 32), (3_000_000, 32)],
)
def test_streams_start_afresh_four_times_an_epoch_or_after_four_batches_in_a_short_text(
    tokens, steps
):
    batches = StreamBatches(np.full(tokens, 4, np.uint16), 64, 32, stream_length=2048)
    assert afresh_in(batches, 100) == list(range(0, 100, steps))
    shown = batches.batch_size * 64 * batches.batches_per_epoch
    assert abs(shown - tokens) <= batches.batch_size * 32


def test_streams_of_a_given_length_lie_all_over_the_text_in_an_order_of_the_seed():
    def rounds_of(seed):
        batches = StreamBatches(TOKENS, 5, 4, stream_length=25, seed=seed)
        return [epoch_of(batches, epoch) for epoch in range(4)]

    first = rounds_of(1)
    for epoch in first:
        seen = np.concatenate([batch.targets.ravel() for batch in epoch])
        assert len(seen) == 1000
        assert len(np.unique(seen)) > 950
    seen = np.concatenate([batch.targets.ravel() for epoch in first for batch in epoch])
    assert set(seen) == set(TOKENS[1:].tolist())
    begun = [tuple(sorted(batch.inputs[:, 0])) for epoch in first for batch in epoch]
    assert len(set(begun)) == len(begun)  # in each epoch elsewhere
    assert not np.array_equal(first[0][0].inputs, rounds_of(2)[0][0].inputs)


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


def documents_of(*sizes):
    """Tokens of documents of so many, as a token file has them."""
    whole = [START]
    for size in sizes:
        whole += [*range(10, 10 + size), END]
    return np.array(whole[:-1], np.uint16)


SHORT = documents_of(*np.random.default_rng(1).integers(1, 9, 300).tolist())
LONG = documents_of(*[150] * 12)


def document_batches(tokens):
    return [
        ("windows", WindowBatches(tokens, 20, 20, 8, seed=3)),
        ("overlapping", WindowBatches(tokens, 20, 7, 8, seed=3)),
        ("streams", StreamBatches(tokens, 10, 4, stream_length=40, seed=3)),
        ("whole streams", StreamBatches(tokens, 10, 4)),
    ]


def test_every_document_is_read_from_start_and_ends_with_end():
    for tokens in (SHORT, LONG):
        for name, batches in document_batches(tokens):
            for batch in epoch_of(batches):
                assert not (batch.inputs == END).any(), name
                assert not (batch.targets == START).any(), name
                after = batch.targets[:, :-1] == END
                assert ((batch.inputs[:, 1:] == START) == after).all(), name


def test_windows_and_streams_begin_with_a_document_where_documents_are_short():
    for name, batches in document_batches(SHORT)[:3]:
        first = np.concatenate(
            [batch.inputs[:, 0] for batch in epoch_of(batches) if batch.starts_afresh]
        )
        first = first[first != 0]
        assert (first == START).mean() > 0.95, name  # but for those that end with the text


def test_every_start_of_a_long_document_is_met_with_a_fresh_state():
    for name, batches in document_batches(LONG)[:3]:
        for epoch in range(3):
            first = [b.inputs[:, 0] for b in epoch_of(batches, epoch) if b.starts_afresh]
            assert 9 <= (np.concatenate(first) == START).sum() <= 24, name


def test_all_tokens_of_documents_are_targets_in_time():
    for tokens in (SHORT, LONG):
        for name, batches in document_batches(tokens)[:3]:
            places = np.arange(len(tokens)) + 10  # each its own position, but for the borders
            batches._token_ids = np.where(tokens < 10, tokens, places)
            seen = set().union(*(targets_of(batches, epoch).tolist() for epoch in range(12)))
            assert set(batches._token_ids[1:].tolist()) - seen == set(), name
