"""Batches that are made while the step before them runs."""

import threading
import time

import pytest

from textgen_core.training.prefetch import Prefetch


class Recording:
    """Batches that remember which of them were made, and by which thread."""

    def __init__(self, fails_at=None):
        self.made, self.threads, self.fails_at = [], [], fails_at
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def batch(self, index):
        self.may_go_on.wait(10)
        if index == self.fails_at:
            raise OSError("the disk is gone")
        self.made.append(index)
        self.threads.append(threading.current_thread())
        return index


def own_threads():
    return [each for each in threading.enumerate() if each.name.startswith("textgen-batches")]


def taken(batches, steps, of_a_step=1, first=0):
    with Prefetch(batches, of_a_step) as prefetch:
        return [prefetch.take(step, is_last=step == steps - 1) for step in range(first, steps)]


@pytest.mark.parametrize("of_a_step", [1, 3])
@pytest.mark.parametrize("first", [0, 4])
def test_a_step_gets_the_batches_of_its_number_and_each_is_made_once(of_a_step, first):
    batches = Recording()
    found = taken(batches, 9, of_a_step, first)
    expected = list(range(first * of_a_step, 9 * of_a_step))
    assert [index for step in found for index in step] == expected
    assert batches.made == expected


def test_all_but_the_first_are_made_by_another_thread():
    batches = Recording()
    taken(batches, 4)
    assert batches.threads[0] is threading.main_thread()
    assert len(set(batches.threads[1:])) == 1
    assert threading.main_thread() not in batches.threads[1:]


def test_the_next_batch_is_made_while_the_step_runs():
    batches = Recording()
    with Prefetch(batches, 1) as prefetch:
        prefetch.take(0, is_last=False)
        deadline = time.monotonic() + 10
        while batches.made != [0, 1] and time.monotonic() < deadline:
            time.sleep(0.001)
        assert batches.made == [0, 1]


def test_no_more_than_one_step_is_made_ahead():
    batches = Recording()
    with Prefetch(batches, 2) as prefetch:
        prefetch.take(0, is_last=False)
    assert set(batches.made) <= {0, 1, 2, 3}


def test_what_was_made_for_another_step_is_not_used():
    with Prefetch(Recording(), 1) as prefetch:
        prefetch.take(0, is_last=False)
        assert prefetch.take(7, is_last=False) == [7]
        assert prefetch.take(8, is_last=True) == [8]


def test_what_making_a_batch_raises_is_raised_where_it_is_taken():
    with Prefetch(Recording(fails_at=2), 1) as prefetch:
        prefetch.take(0, is_last=False)
        prefetch.take(1, is_last=False)
        with pytest.raises(OSError, match="the disk is gone"):
            prefetch.take(2, is_last=False)
    assert own_threads() == []


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_no_thread_is_left_however_it_ends(error):
    batches = Recording()
    try:
        with Prefetch(batches, 1) as prefetch:
            prefetch.take(0, is_last=False)
            assert own_threads() != []
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert own_threads() == []


def test_a_batch_that_is_still_being_made_is_waited_for_at_the_end():
    batches = Recording()
    with Prefetch(batches, 1) as prefetch:
        prefetch.take(0, is_last=False)
        batches.may_go_on.clear()
        prefetch.take(1, is_last=False)
        threading.Timer(0.05, batches.may_go_on.set).start()
    assert own_threads() == []
